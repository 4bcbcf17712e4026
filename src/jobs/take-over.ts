/** Jobs whose worker fell silent. On this machine the process itself is asked first: a lease alone proves nothing. */
import { hostname } from 'node:os';
import { isAlive } from '../kernel/process-identity.ts';
import { releaseLeaseOf } from '../store/gpu-leases.ts';
import { listLapsed, type ClaimedJob } from '../store/job-claims.ts';
import { endJob, requeueJob } from '../store/job-ends.ts';
import { endJobProcesses } from './job-processes.ts';
import { needsGrant } from './line.ts';
import { judge } from './outcome.ts';
import type { RunParts } from './parts.ts';

/** Ends the attempts of silent workers, as far as nothing of them can be left here. */
export async function takeOverLapsed(workerId: string, parts: RunParts): Promise<void> {
  const { database, clock } = parts;
  for (const { claimed, host } of await listLapsed(database.engine, { nowMs: clock.now(), exceptWorkerId: workerId })) {
    const isHere = host === hostname();
    if (isHere && claimed.pid !== null && claimed.pidStarted !== null && isAlive({ pid: claimed.pid, started: claimed.pidStarted })) continue;
    // What its process left behind goes first: two attempts of one job never run beside each other.
    if (isHere && (await endJobProcesses({ jobId: claimed.job.id, shim: undefined, uid: undefined }, { graceMs: 0, clock })).survivors.length > 0) continue;
    await takeOver(claimed, parts);
  }
}

async function takeOver(claimed: ClaimedJob, parts: RunParts): Promise<void> {
  const { database, clock, log } = parts;
  const order = claimed.cancelRequested ? ({ kind: 'cancel', reason: claimed.cancelReason ?? 'cancelled' } as const) : undefined;
  const verdict = await judge({ claimed, order, exit: undefined, ended: undefined, parts });
  const fence = { id: claimed.job.id, workerId: claimed.workerId, attempt: claimed.attempt };
  log.warn({ jobId: fence.id, workerId: fence.workerId }, 'a job of a silent worker was taken over');
  const ended = await database.engine.transaction(async (sql) => {
    if (verdict.kind === 'requeue') await requeueJob(sql, fence, { ...verdict, nowMs: clock.now() });
    const written = verdict.kind === 'end' ? await endJob(sql, fence, verdict.end) : undefined;
    if (needsGrant(claimed.job.resources)) await releaseLeaseOf(sql, fence.id);
    return written;
  });
  database.announce();
  parts.ledger.drop(fence.id);
  parts.wake([claimed.job.queue, ...(ended?.freedQueues ?? [])]);
  if (verdict.kind === 'end') parts.onJobEnded(fence.id);
  if (verdict.kind === 'requeue') parts.onJobRequeued({ id: fence.id, reason: verdict.reason, isPreempted: false });
}
