/** The pause before a step's next attempt: staged with the attempt that failed, timed from its row. */
import type { Failure } from '../contract/instances.ts';
import { backoffDelayMs } from '../kernel/retry.ts';
import type { Core } from './core.ts';
import { pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { bufferOf, flush, stageStep } from './stage.ts';
import { armTimer } from './timers.ts';

export interface FailedAttempt {
  readonly attempt: number;
  readonly status: 'failed' | 'timed_out';
  readonly error: Failure;
  readonly isFinal: boolean;
  readonly startedAt: number | null;
  readonly jobId: string | null;
  readonly input?: string | undefined;
}

/** Stages the pause before the next attempt. @returns false when the policy allows none */
export function retryLater(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, failed: FailedAttempt): boolean {
  const { retry } = node;
  const { live } = frame;
  if (failed.isFinal || failed.attempt >= retry.maxAttempts) return false;
  if (retry.on !== undefined && !retry.on.includes(failed.error.code)) return false;
  const now = core.clock.now();
  const delayMs = backoffDelayMs(
    { baseMs: retry.backoffMs, factor: retry.factor, maxMs: retry.maxBackoffMs, jitter: retry.jitter },
    failed.attempt,
    core.random(),
  );
  const until = new Date(now + delayMs).toISOString();
  const message = `attempt ${failed.attempt} of ${retry.maxAttempts} failed (${failed.error.code}); tried again at ${until}`;
  const change = {
    status: 'waiting' as const,
    attempt: failed.attempt,
    startedAt: failed.startedAt,
    error: failed.error,
    jobId: null,
    workerId: null,
    input: failed.input,
    wait: { kind: 'retry', message, until },
  };
  stageStep(core, frame, node, step, change, 'engine:step:retrying');
  bufferOf(core, live).attempts.push({
    instanceId: live.id,
    orgId: live.orgId,
    path: pathOf(frame, node),
    generation: step.generation,
    attempt: failed.attempt,
    status: failed.status,
    output: null,
    error: JSON.stringify(failed.error),
    jobId: failed.jobId,
    startedAt: failed.startedAt,
    endedAt: now,
  });
  flush(core, live, (lost) => void (lost === undefined && armTimer(core, frame, node)));
  return true;
}
