/** The spans of jobs: queued, waited for a device, ran, as their rows say at the end of each attempt. The job of a step stands under it; any other has a
 *  trace of its own, whose id comes from the job's. One thing to know: when a grant was asked for is remembered in memory; a restart between grant and end
 *  costs that one span. */
import { createBoundedMap } from './bounded-map.ts';
import { jobSpanId, newSpanId, runSpanId, stepSpanId, traceIdOf, type SpanPlace } from './ids.ts';
import type { SpanFields, Tracer } from './tracer.ts';

interface StepOfJob {
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
}

/** Times are ms since 1970. */
export interface TracedJobAttempt {
  readonly jobId: string;
  readonly orgId: string;
  readonly queue: string;
  readonly type: string;
  readonly name: string | undefined;
  readonly workerId: string;
  readonly attempt: number;
  readonly step: StepOfJob | undefined;
  readonly createdMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface TracedJobEnd extends TracedJobAttempt {
  readonly status: string;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

/** Devices that a job was given. */
export interface TracedGrant {
  readonly tenantId: string;
  readonly queuedAtMs: number;
  readonly grantedAtMs: number;
  readonly devices: readonly { readonly uuid: string; readonly index: number; readonly bytes: number }[];
}

export interface JobTraces {
  granted(grant: TracedGrant): void;
  requeued(attempt: TracedJobAttempt & { readonly reason: string }): void;
  ended(attempt: TracedJobEnd): void;
  /** Where what an attempt calls stands; undefined: its trace is not kept. */
  placeOf(attempt: { readonly jobId: string; readonly attempt: number; readonly step: StepOfJob | undefined }): SpanPlace | undefined;
}

const REMEMBERED = 20_000;

export function createJobTraces(tracer: Tracer): JobTraces {
  const grants = createBoundedMap<TracedGrant>(REMEMBERED);
  /** Since when a job waits again. */
  const waiting = createBoundedMap<number>(REMEMBERED);

  function traceOf({ jobId, step }: { readonly jobId: string; readonly step: StepOfJob | undefined }): string | undefined {
    const traceId = traceIdOf(step?.instanceId ?? jobId);
    return tracer.isSampled(traceId) ? traceId : undefined;
  }

  function tellAttempt(
    traceId: string,
    attempt: TracedJobAttempt,
    told: { readonly outcome: string; readonly fields: SpanFields; readonly fault?: string | undefined },
  ): void {
    const parent = { spanId: jobSpanId(attempt.jobId) };
    const grant = grants.take(attempt.jobId);
    const waitedSince = attempt.attempt === 1 ? attempt.createdMs : waiting.take(attempt.jobId);
    const place = (spanId: string): SpanPlace => ({ traceId, spanId, isSampled: true });
    const of = { 'studio.job.id': attempt.jobId, 'studio.job.attempt': attempt.attempt };
    if (waitedSince !== undefined)
      tracer.emit({
        ...{ place: place(newSpanId()), parent, name: 'queued', startMs: waitedSince, fields: of },
        endMs: grant === undefined ? attempt.startedMs : Math.max(waitedSince, grant.queuedAtMs),
      });
    if (grant !== undefined)
      tracer.emit({
        ...{ place: place(newSpanId()), parent, name: 'lease wait', startMs: grant.queuedAtMs, endMs: grant.grantedAtMs },
        fields: { ...of, ...deviceFields(grant) },
      });
    tracer.emit({
      ...{ place: place(runSpanId(attempt.jobId, attempt.attempt)), parent, name: 'run', startMs: attempt.startedMs, endMs: attempt.endedMs },
      fields: {
        ...of,
        'studio.job.outcome': told.outcome,
        'studio.worker.id': attempt.workerId,
        ...(grant === undefined ? {} : deviceFields(grant)),
        ...told.fields,
      },
      fault: told.fault,
    });
  }

  return {
    granted: (grant) => grants.set(grant.tenantId, grant),
    requeued(attempt) {
      const traceId = traceOf(attempt);
      if (traceId === undefined) return;
      tellAttempt(traceId, attempt, { outcome: 'requeued', fields: { 'studio.job.reason': attempt.reason } });
      waiting.set(attempt.jobId, attempt.endedMs);
    },
    ended(attempt) {
      const traceId = traceOf(attempt);
      if (traceId === undefined) return;
      const { jobId, status, step } = attempt;
      const fault = FAULTS.has(status) ? (attempt.message ?? attempt.reason ?? status) : undefined;
      const fields = { 'process.exit.code': attempt.exitCode, 'studio.job.signal': attempt.signal, 'studio.job.reason': attempt.reason };
      const isFault = fault !== undefined;
      tellAttempt(traceId, attempt, { outcome: status, fields: { ...fields, 'error.type': isFault ? attempt.reason : undefined }, fault });
      tracer.emit({
        place: { traceId, spanId: jobSpanId(jobId), isSampled: true },
        parent: step === undefined ? undefined : { spanId: stepSpanId(step) },
        name: `job ${attempt.queue}`,
        kind: 'consumer',
        startMs: attempt.createdMs,
        endMs: attempt.endedMs,
        fields: {
          'studio.job.id': jobId,
          'studio.job.name': attempt.name,
          'studio.job.type': attempt.type,
          'studio.job.status': status,
          'studio.job.attempts': attempt.attempt,
          'studio.queue': attempt.queue,
          'studio.org.id': attempt.orgId,
          'studio.instance.id': step?.instanceId,
          'studio.step.path': step?.path,
          'error.type': isFault ? attempt.reason : undefined,
          ...fields,
        },
        fault,
      });
    },
    placeOf(attempt) {
      const traceId = traceOf(attempt);
      return traceId === undefined ? undefined : { traceId, spanId: runSpanId(attempt.jobId, attempt.attempt), isSampled: true };
    },
  };
}

const FAULTS: ReadonlySet<string> = new Set(['failed', 'timed_out', 'dead']);

function deviceFields({ devices }: TracedGrant): SpanFields {
  return {
    'studio.gpu.uuids': devices.map(({ uuid }) => uuid),
    'studio.gpu.indexes': devices.map(({ index }) => String(index)),
    'studio.gpu.granted_bytes': devices.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
