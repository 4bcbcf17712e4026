/** The spans of what goes out: HTTP of steps, which carries the trace on (`traceparent`), and calls of models, as OpenTelemetry names them (gen_ai).
 *  Holds no URL beyond its host, no prompt and no answer. */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { HttpPort, HttpReply, ModelPort } from '../nodes/kit-ports.ts';
import { newSpanId, stepSpanId, traceIdOf, traceparentOf, type SpanPlace } from './ids.ts';
import type { SpanFields, Tracer } from './tracer.ts';

/** The step on whose behalf something is called. */
export interface CallingStep {
  readonly orgId: string;
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
}

export interface ModelUse {
  readonly operation: 'chat' | 'text_completion' | 'embeddings';
  /** As it was asked for: a name or an alias. */
  readonly asked: string;
  /** The model's own name; undefined: nobody told. */
  readonly model: string | undefined;
  readonly orgId: string;
}

export interface ModelUsed {
  readonly model?: string | undefined;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly finish?: string | undefined;
  /** Set: it failed. */
  readonly error?: unknown;
}

export interface CallTraces {
  /** What a step calls, watched. */
  http(port: HttpPort, step: CallingStep): HttpPort;
  models(port: ModelPort, step: CallingStep): ModelPort;
  /** A model is asked, from where `caller` stands. @returns to be called when it is over */
  model(caller: SpanPlace, use: ModelUse): (used: ModelUsed) => void;
}

export function createCallTraces({ tracer, clock }: { readonly tracer: Tracer; readonly clock: Clock }): CallTraces {
  const placeOf = (step: CallingStep): SpanPlace | undefined => {
    const traceId = traceIdOf(step.instanceId);
    return tracer.isSampled(traceId) ? { traceId, spanId: stepSpanId(step), isSampled: true } : undefined;
  };

  const begin = (caller: SpanPlace, name: string, fields: SpanFields): { readonly place: SpanPlace; end(more: SpanFields, fault?: string): void } => {
    const place: SpanPlace = { ...caller, spanId: newSpanId() };
    const startMs = clock.now();
    const began = clock.monotonic();
    return {
      place,
      end(more, fault) {
        const endMs = startMs + (clock.monotonic() - began);
        tracer.emit({ place, parent: { spanId: caller.spanId }, name, kind: 'client', startMs, endMs, fields: { ...fields, ...more }, fault });
      },
    };
  };

  const model: CallTraces['model'] = (caller, { operation, asked, model: named, orgId }) => {
    const span = begin(caller, `${operation} ${asked}`, {
      'gen_ai.operation.name': operation,
      'gen_ai.provider.name': 'studio',
      'gen_ai.request.model': asked,
      'studio.org.id': orgId,
    });
    return ({ model: real, promptTokens, completionTokens, finish, error }) =>
      span.end(
        {
          'gen_ai.response.model': real ?? named,
          'gen_ai.usage.input_tokens': promptTokens,
          'gen_ai.usage.output_tokens': completionTokens,
          'gen_ai.response.finish_reasons': finish === undefined ? undefined : [finish],
          'error.type': error === undefined ? undefined : codeOf(error),
        },
        error === undefined ? undefined : messageOf(error),
      );
  };

  return {
    model,
    http: (port, step) => ({
      async request(request) {
        const caller = placeOf(step);
        if (caller === undefined) return port.request(request);
        const span = begin(caller, request.method, { 'http.request.method': request.method, ...serverOf(request.url), 'studio.step.path': step.path });
        // What the step's author set stands.
        const hasOwn = Object.keys(request.headers).some((name) => name.toLowerCase() === 'traceparent');
        const headers = hasOwn ? request.headers : { ...request.headers, traceparent: traceparentOf(span.place) };
        return ended(port.request({ ...request, headers }), {
          done: ({ status }: HttpReply) =>
            span.end(
              { 'http.response.status_code': status, 'error.type': status >= 400 ? String(status) : undefined },
              status >= 400 ? `answered ${status}` : undefined,
            ),
          failed: (error) => span.end({ 'error.type': codeOf(error) }, messageOf(error)),
        });
      },
    }),
    models(port, step) {
      const asked = (operation: ModelUse['operation'], name: string): ((used: ModelUsed) => void) | undefined => {
        const caller = placeOf(step);
        return caller === undefined ? undefined : model(caller, { operation, asked: name, model: undefined, orgId: step.orgId });
      };
      return {
        chat(chat, told) {
          const tell = asked('chat', chat.model);
          return ended(port.chat(chat, told), {
            done: ({ promptTokens, completionTokens, finish }) => tell?.({ promptTokens, completionTokens, finish }),
            failed: (error) => tell?.({ promptTokens: 0, completionTokens: 0, error }),
          });
        },
        embed(request, told) {
          const tell = asked('embeddings', request.model);
          return ended(port.embed(request, told), {
            done: ({ promptTokens }) => tell?.({ promptTokens, completionTokens: 0 }),
            failed: (error) => tell?.({ promptTokens: 0, completionTokens: 0, error }),
          });
        },
      };
    },
  };
}

/** The work, and its end told once. @throws what the work throws */
async function ended<T>(work: Promise<T>, told: { readonly done: (result: T) => void; readonly failed: (error: unknown) => void }): Promise<T> {
  try {
    const result = await work;
    told.done(result);
    return result;
  } catch (error) {
    told.failed(error);
    throw error;
  }
}

/** Where it goes; never the path or the query, which may hold what nobody else should read. */
function serverOf(text: string): SpanFields {
  const url = URL.parse(text);
  if (url === null) return {};
  return { 'server.address': url.hostname, 'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80), 'url.scheme': url.protocol.slice(0, -1) };
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'error';
}
