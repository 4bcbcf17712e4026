/** Traces, joined: what each part of Studio tells, made spans of and sent to a collector. Loaded only where one is configured; the parts themselves know
 *  nothing of it. One thing to know: whatever goes wrong here is counted and logged, and never felt by the work it tells of. */
import type { Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { createCallTraces, type CallTraces } from './calls.ts';
import { newSpanId, traceIdOf, traceparentOf, type SpanPlace } from './ids.ts';
import { createInstanceTraces, type InstanceTraces } from './instances.ts';
import { createJobTraces, type JobTraces } from './jobs.ts';
import { createRequestTraces, type RequestTraces } from './requests.ts';
import { createTracer, type SpanFigures, type TracerParts } from './tracer.ts';

export interface Tracing {
  readonly requests: Pick<RequestTraces, 'begin'>;
  readonly instances: InstanceTraces;
  readonly jobs: JobTraces;
  readonly calls: CallTraces;
  /** Starts an instance for a trigger; where that is refused, a span says so. */
  fire<T extends FiredRequest, Result>(start: (request: T) => Promise<Result>): (request: T) => Promise<Result>;
  /** In which trace an instance is told of; undefined: in none. */
  traceIdOf(instanceId: string): string | undefined;
  /** For programs that an attempt of a job runs; undefined: its trace is not kept. */
  traceparentOf(attempt: Parameters<JobTraces['placeOf']>[0]): string | undefined;
  figures(): SpanFigures;
  stop(): Promise<void>;
}

interface FiredRequest {
  readonly id?: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly startedBy: string;
  readonly requestId: string;
}

export function createTracing(parts: TracerParts): Tracing {
  const { clock } = parts;
  const tracer = createTracer(parts);
  const requests = createRequestTraces({ tracer, clock });
  const jobs = createJobTraces(tracer);
  return {
    requests,
    instances: createInstanceTraces({ tracer, requests, clock }),
    jobs,
    calls: createCallTraces({ tracer, clock }),
    fire: (start) => async (request) => {
      const startMs = clock.now();
      try {
        return await start(request);
      } catch (error) {
        tellRefused({ tracer, clock }, { request, startMs, error });
        throw error;
      }
    },
    traceIdOf(instanceId) {
      const traceId = traceIdOf(instanceId);
      return tracer.isSampled(traceId) ? traceId : undefined;
    },
    traceparentOf(attempt) {
      const place = jobs.placeOf(attempt);
      return place === undefined ? undefined : traceparentOf(place);
    },
    figures: tracer.figures,
    stop: tracer.stop,
  };
}

function tellRefused(
  { tracer, clock }: { readonly tracer: ReturnType<typeof createTracer>; readonly clock: Clock },
  { request, startMs, error }: { readonly request: FiredRequest; readonly startMs: number; readonly error: unknown },
): void {
  // The trace that its instance would have had, or one of its own.
  const traceId = traceIdOf(request.id ?? request.requestId);
  const place: SpanPlace = { traceId, spanId: newSpanId(), isSampled: tracer.isSampled(traceId) };
  tracer.emit({
    ...{ place, name: `trigger ${request.startedBy.split(':')[0]}`, startMs, endMs: clock.now() },
    fields: {
      'studio.started_by': request.startedBy,
      'studio.workflow.id': request.workflowId,
      'studio.org.id': request.orgId,
      'studio.request.id': request.requestId,
      'error.type': error instanceof AppError ? error.code : 'internal',
    },
    fault: messageOf(error),
  });
}
