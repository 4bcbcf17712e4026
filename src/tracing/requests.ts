/** The spans of requests: one each, named by its route, continuing the trace of who calls. Holds no query, no path, no header but `traceparent`: only ids. */
import { parseTraceParent } from '@opentelemetry/core';
import type { Clock } from '../kernel/clock.ts';
import { newSpanId, newTraceId, type SpanPlace } from './ids.ts';
import type { Tracer } from './tracer.ts';

/** A request under way. */
export interface RequestTrace {
  readonly place: SpanPlace;
  /** It was answered. */
  end(answered: AnsweredRequest): void;
}

export interface AnsweredRequest {
  /** The endpoint's key; empty: no route, which has no span. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly orgId?: string | undefined;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
}

export interface RequestTraces {
  begin(request: { readonly requestId: string; readonly traceparent: string | null }): RequestTrace;
  /** An instance was started by the request: their spans name each other. @returns the request's place */
  linkTo(requestId: string, instance: SpanPlace): SpanPlace | undefined;
}

/** Asked every few seconds by machines. */
const PROBES = /^\w+ \/(health|metrics)/;
/** Instances that one request links to; a batch starts more. */
const MAX_LINKS = 32;

export function createRequestTraces({ tracer, clock }: { readonly tracer: Tracer; readonly clock: Clock }): RequestTraces {
  const active = new Map<string, { readonly place: SpanPlace; readonly links: SpanPlace[] }>();
  return {
    begin({ requestId, traceparent }) {
      const caller = traceparent === null ? null : parseTraceParent(traceparent);
      const traceId = caller?.traceId ?? newTraceId();
      const isSampled = tracer.isSampled(traceId, caller === null ? undefined : (caller.traceFlags & 1) === 1);
      const place: SpanPlace = { traceId, spanId: newSpanId(), isSampled };
      const own = { place, links: [] as SpanPlace[] };
      // A caller may use an id twice: the newer request has it.
      active.set(requestId, own);
      const startMs = clock.now();
      const began = clock.monotonic();
      return {
        place,
        end({ route, method, status, orgId, userId, keyId }) {
          if (active.get(requestId) === own) active.delete(requestId);
          if (route === '' || (caller === null && PROBES.test(route))) return;
          tracer.emit({
            place,
            parent: caller === null ? undefined : { spanId: caller.spanId, isRemote: true },
            name: route,
            kind: 'server',
            startMs,
            endMs: startMs + (clock.monotonic() - began),
            fields: {
              'http.request.method': method,
              'http.route': route.slice(route.indexOf(' ') + 1),
              'http.response.status_code': status,
              'studio.request.id': requestId,
              'studio.org.id': orgId,
              'user.id': userId,
              'studio.key.id': keyId,
              'error.type': status >= 500 ? String(status) : undefined,
            },
            fault: status >= 500 ? `answered ${status}` : undefined,
            links: own.links,
          });
        },
      };
    },
    linkTo(requestId, instance) {
      const request = active.get(requestId);
      if (request === undefined) return undefined;
      if (request.links.length < MAX_LINKS) request.links.push(instance);
      return request.place;
    },
  };
}
