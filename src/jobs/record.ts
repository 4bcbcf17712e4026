/** Writes what became of an attempt: one transaction for the row, its artifacts and its event; then tells the engine. Tries until the database takes it. */
import type { Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { NodeError, type JobEnded } from '../nodes/kit.ts';
import { deleteJobArtifacts } from '../store/artifacts.ts';
import { endJob, requeueJob } from '../store/job-ends.ts';
import type { Attempt as Fence, ClaimedJob } from '../store/job-claims.ts';
import { isConnectionLoss, type Sql } from '../store/client.ts';
import { learnJobSize } from '../store/job-sizes.ts';
import { releaseLeaseOf } from '../store/gpu-leases.ts';
import { needsGrant } from './line.ts';
import type { Verdict } from './outcome.ts';
import type { EndedAttempt, RunParts } from './parts.ts';

/** @param signal aborts when Studio stops: what was not written then is written by the next one, from the folder */
export async function record(subject: {
  readonly claimed: ClaimedJob;
  readonly verdict: Verdict;
  readonly parts: RunParts;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { claimed, verdict, parts, signal } = subject;
  const fence: Fence = { id: claimed.job.id, workerId: claimed.workerId, attempt: claimed.attempt };
  if (verdict.kind === 'nothing') return parts.ledger.drop(fence.id);
  if (verdict.kind === 'requeue') {
    await keepTrying({ parts, jobId: fence.id, signal }, () => parts.database.engine.transaction((sql) => backInLine(sql, { claimed, fence, verdict, parts })));
    parts.database.announce();
    parts.ledger.drop(fence.id);
    parts.observeRequeued?.({ ...pastOf(subject), reason: verdict.reason });
    parts.onJobRequeued({ id: fence.id, reason: verdict.reason, isPreempted: verdict.preempted === true });
    return;
  }
  try {
    const { freedContent, freedQueues } = await keepTrying({ parts, jobId: fence.id, signal }, () =>
      parts.database.engine.transaction((sql) => writeEnd(sql, { claimed, fence, verdict, parts })),
    );
    parts.ledger.drop(fence.id);
    parts.wake(freedQueues);
    parts.database.announce();
    await parts.files.release(claimed.orgId, freedContent);
  } catch (error) {
    if (!(error instanceof MovedError)) throw error;
    parts.log.warn({ jobId: fence.id }, 'a job moved to another worker before its end could be recorded');
    return;
  } finally {
    await Promise.all((verdict.artifacts ?? []).map(({ staged }) => parts.files.content.discard(staged)));
  }
  parts.log.info({ jobId: fence.id, status: verdict.end.status, exitCode: verdict.end.exitCode, reason: verdict.end.reason }, 'job ended');
  const { status, exitCode, signal: endedBy, reason, error } = verdict.end;
  parts.observe?.({ ...pastOf(subject), status, exitCode, signal: endedBy, reason, message: error?.message });
  parts.onJobEnded(fence.id);
}

/** The attempt, for those who look on. */
function pastOf({
  claimed,
  parts,
}: {
  readonly claimed: ClaimedJob;
  readonly parts: RunParts;
}): Omit<EndedAttempt, 'status' | 'exitCode' | 'signal' | 'reason' | 'message'> {
  const { job, orgId, workerId, attempt, step } = claimed;
  return {
    ...{ jobId: job.id, orgId, queue: job.queue, type: job.type, name: job.name, workerId, attempt, step },
    ...{ createdMs: Date.parse(job.createdAt), startedMs: claimed.startedAtMs, endedMs: parts.clock.now() },
  };
}

async function backInLine(
  sql: Sql,
  subject: { readonly claimed: ClaimedJob; readonly fence: Fence; readonly verdict: Verdict & { readonly kind: 'requeue' }; readonly parts: RunParts },
): Promise<void> {
  const { claimed, fence, verdict, parts } = subject;
  const job = await requeueJob(sql, fence, { ...verdict, nowMs: parts.clock.now() });
  if (job !== undefined && needsGrant(claimed.job.resources)) await releaseLeaseOf(sql, fence.id);
}

async function writeEnd(
  sql: Sql,
  subject: { readonly claimed: ClaimedJob; readonly fence: Fence; readonly verdict: Verdict & { readonly kind: 'end' }; readonly parts: RunParts },
): Promise<{ readonly freedContent: string[]; readonly freedQueues: readonly string[] }> {
  const { claimed, fence, verdict, parts } = subject;
  const place = { orgId: claimed.orgId, jobId: claimed.job.id };
  const freedContent = await deleteJobArtifacts(sql, place);
  const artifacts = await parts.files.placeArtifacts(
    sql,
    (verdict.artifacts ?? []).map((artifact) => ({ ...artifact, ...place, instanceId: claimed.step?.instanceId, stepPath: claimed.step?.path })),
  );
  const ended: JobEnded | undefined =
    verdict.output === undefined ? undefined : { ...verdict.output, artifacts: artifacts.map(({ id, name, bytes, sha256 }) => ({ id, name, bytes, sha256 })) };
  const written = await endJob(sql, fence, { ...verdict.end, result: ended === undefined ? undefined : JSON.stringify(ended) });
  // Someone else has the job: nothing of this attempt may stand.
  if (written === undefined) throw new MovedError();
  const peak = parts.sizes.peakOf(fence.id);
  if (verdict.signature !== undefined && peak.memoryBytes + peak.vramBytes > 0)
    await learnJobSize(sql, { ...place, ...peak, signature: verdict.signature, nowMs: parts.clock.now() });
  if (needsGrant(claimed.job.resources)) await releaseLeaseOf(sql, fence.id);
  return { freedContent, freedQueues: written.freedQueues };
}

class MovedError extends Error {
  override readonly name = 'MovedError';
}

/** Until the database is back: a job neither fails nor goes unrecorded because of it. Anything but a lost connection is tried a few times,
 *  then told; what the job itself did wrong (NodeError) at once. */
export async function keepTrying<T>(
  context: { readonly parts: { readonly log: Logger; readonly clock: Clock }; readonly jobId: string; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof MovedError || error instanceof NodeError) throw error;
      const mayHeal = isConnectionLoss(error) || (error instanceof AppError && error.code === 'disk_full');
      if (!mayHeal && failures >= MAX_OTHER_FAILURES) throw error;
      context.parts.log.warn({ jobId: context.jobId, cause: messageOf(error) }, 'a job could not reach the database or the disk; it is tried again');
      await context.parts.clock.sleep(RETRY_MS, context.signal);
    }
  }
}

const RETRY_MS = 500;
const MAX_OTHER_FAILURES = 5;
