/** Why a job that waits does not run yet: another job, its queue, or the ledger; and what it took before. */
import type { Job, JobDependency } from '../contract/jobs.ts';
import type { Queue } from '../contract/queues.ts';
import { firstOpenDependencies } from '../store/job-dependencies.ts';
import { listQueues } from '../store/queues.ts';
import { listWorkers, type Worker } from '../store/workers.ts';
import { needsGrant, needsOf } from './line.ts';
import type { RunParts } from './parts.ts';
import { waitReasonOf } from './wait-reason.ts';
import { withSizes } from './with-sizes.ts';

/** Adds to each queued job what it waits for. */
export async function explainJobs(list: readonly Job[], { database, ledger, clock }: Pick<RunParts, 'database' | 'ledger' | 'clock'>): Promise<Job[]> {
  const sized = await withSizes(list, { sql: database.engine, ledger });
  if (!list.some((job) => job.status === 'queued')) return sized;
  const blocked = list.filter((job) => job.status === 'queued' && job.blockedBy !== undefined).map((job) => job.id);
  const [queues, workers, awaited] = await Promise.all([
    listQueues(database.engine),
    listWorkers(database.engine),
    firstOpenDependencies(database.engine, blocked),
  ]);
  return sized.map((job) => {
    if (job.status !== 'queued') return job;
    return { ...job, waitReason: dependencyReasonOf(job, awaited.get(job.id)) ?? queuedReasonOf(job, reasonOf(job, queues, workers, clock.now()), ledger) };
  });
}

/** A queue that runs and is served does not say why a job in it waits for a grant: the ledger does. */
function queuedReasonOf(job: Job, ofQueue: NonNullable<Job['waitReason']>, ledger: RunParts['ledger']): NonNullable<Job['waitReason']> {
  if (!needsGrant(job.resources) || !['starting', 'no_slot'].includes(ofQueue.kind)) return ofQueue;
  const ofLedger = ledger.waitOf(job.id);
  if (ofLedger !== undefined && ofLedger.kind !== 'no_slot') return ofLedger;
  const never = ofQueue.kind === 'starting' ? ledger.neverReason(needsOf(job.resources)) : undefined;
  return never === undefined ? ofQueue : { kind: 'unsatisfiable', message: `it can't start here: ${never}` };
}

function reasonOf(job: Job, queues: readonly Queue[], workers: readonly Worker[], nowMs: number): NonNullable<Job['waitReason']> {
  return waitReasonOf(
    queues.find((queue) => queue.name === job.queue),
    {
      name: job.queue,
      notBeforeMs: job.notBefore === undefined ? undefined : Date.parse(job.notBefore),
      isServed: workers.some((worker) => worker.joined && servesNow(worker, job.queue, nowMs)),
      refusals: workers.flatMap((worker) =>
        worker.refusal !== undefined && servesNow(worker, job.queue, nowMs) ? [{ host: worker.host, reason: worker.refusal }] : [],
      ),
      nowMs,
    },
  );
}

function servesNow(worker: Worker, queue: string, nowMs: number): boolean {
  return worker.queues.includes(queue) && nowMs - Date.parse(worker.lastBeatAt) < SILENT_MS;
}

/** @returns undefined when it waits for no other job */
function dependencyReasonOf(job: Job, first: JobDependency | undefined): Job['waitReason'] {
  if (job.blockedBy === undefined || first === undefined) return undefined;
  const others = job.blockedBy - 1;
  const until = first.condition === 'afterok' ? 'to complete' : 'to end';
  const more = others === 0 ? '' : `, and for ${others} more ${others === 1 ? 'job' : 'jobs'}`;
  return { kind: 'dependency', message: `waits for ${first.name === undefined ? '' : `"${first.name}" `}${first.id} (${first.status}) ${until}${more}` };
}

/** Three missed beats. */
const SILENT_MS = 30_000;
