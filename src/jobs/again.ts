/** Whether a failed attempt becomes another one, and what its end says of its queue. */
import { retryPolicy } from '../contract/graph.ts';
import { backoffDelayMs } from '../kernel/retry.ts';
import type { ClaimedJob } from '../store/job-claims.ts';
import type { Verdict } from './outcome.ts';
import type { RunParts } from './parts.ts';

/** What was cancelled or put back for others' sake says nothing of how attempts go. */
export function countEnd(claimed: ClaimedJob, verdict: Verdict, parts: RunParts): void {
  const isFailure = verdict.kind === 'requeue' ? verdict.error !== undefined : verdict.kind === 'end' && verdict.end.status !== 'completed';
  const isCounted = verdict.kind === 'end' ? verdict.end.status !== 'cancelled' : isFailure;
  if (isCounted) parts.pulseOf(claimed.job.queue).ended(isFailure, parts.clock.now());
}

/** A direct job's own policy: a failure becomes another attempt while there are some left. */
export function withRetry(claimed: ClaimedJob, verdict: Verdict, parts: RunParts): Verdict {
  if (verdict.kind !== 'end' || verdict.end.status !== 'failed' || claimed.step !== undefined || verdict.isFinal) return verdict;
  const policy = retryPolicy.parse(claimed.retry);
  const tried = claimed.attempt - claimed.orphanedAttempts - claimed.preemptions;
  const code = verdict.end.error?.code ?? '';
  if (tried >= policy.maxAttempts || (policy.on !== undefined && !policy.on.includes(code))) return verdict;
  const delayMs = backoffDelayMs({ baseMs: policy.backoffMs, factor: policy.factor, maxMs: policy.maxBackoffMs, jitter: policy.jitter }, tried, Math.random());
  return {
    kind: 'requeue',
    orphaned: false,
    notBeforeMs: parts.clock.now() + delayMs,
    reason: `attempt ${tried} of ${policy.maxAttempts} failed: ${verdict.end.reason ?? code}`,
    error: verdict.end.error,
  };
}
