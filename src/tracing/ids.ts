/** Ids of traces and spans. One thing to know: those of instances, steps and jobs are derived from their own ids, so that after a restart, or in another
 *  process, what is told of an instance still joins the trace that began before. */
import { hash, randomBytes } from 'node:crypto';

/** A place in a trace: what a child, a link or a `traceparent` names. */
export interface SpanPlace {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** The trace of an instance, or of a job that belongs to none. @param id `inst_…`, `job_…` */
export function traceIdOf(id: string): string {
  return digest(`trace ${id}`).slice(0, 32);
}

/** The root span of an instance's trace. */
export function instanceSpanId(instanceId: string): string {
  return digest(`instance ${instanceId}`).slice(0, 16);
}

/** A step, or an item of a map or loop, in one of its generations. */
export function stepSpanId(step: { readonly instanceId: string; readonly path: string; readonly generation: number }): string {
  return digest(`step ${step.instanceId} ${step.path} ${step.generation}`).slice(0, 16);
}

export function jobSpanId(jobId: string): string {
  return digest(`job ${jobId}`).slice(0, 16);
}

/** One attempt of a job, from its claim to its end. */
export function runSpanId(jobId: string, attempt: number): string {
  return digest(`run ${jobId} ${attempt}`).slice(0, 16);
}

export function newTraceId(): string {
  return randomBytes(16).toString('hex');
}

export function newSpanId(): string {
  return randomBytes(8).toString('hex');
}

/** As the header of W3C Trace Context has it. */
export function traceparentOf({ traceId, spanId, isSampled }: SpanPlace): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}

function digest(text: string): string {
  return hash('sha256', text, 'hex');
}
