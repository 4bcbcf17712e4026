/** Jobs and queues, as the rest of Studio sees them: submit, cancel, retry, follow, change a queue. What runs them is worker.ts; how, attempt.ts.
 *  Every command is one transaction; what it woke runs after the commit. */
import type { Job } from '../contract/jobs.ts';
import type { JobGroup } from '../contract/job-groups.ts';
import type { Queue } from '../contract/queues.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { cancelQueuedJob, requestJobCancel } from '../store/job-cancels.ts';
import { retryEndedJob } from '../store/job-ends.ts';
import { blockAgain } from '../store/job-dependencies.ts';
import { deleteMetricPoints } from '../store/job-metrics.ts';
import { setJobPriority } from '../store/job-priority.ts';
import { listGroupJobs, readJobGroup } from '../store/job-groups.ts';
import { readJob } from '../store/jobs.ts';
import { listQueues } from '../store/queues.ts';
import { listWorkers, type Worker } from '../store/workers.ts';
import { createPulse, type Pulse } from './adaptive.ts';
import { createDropFolder } from './drop-folder.ts';
import { createEnvironments } from './environments.ts';
import { explainJobs } from './explain.ts';
import { followLog } from './follow.ts';
import { jobFolder } from './job-folder.ts';
import { createNursery } from './nursery.ts';
import { sizeOf } from './log-pump.ts';
import { createJobLogs, type JobLogs } from './log-source.ts';
import { tellLogTimes, type LogTimesReply, type LogTimesRequest } from '../kernel/log-times.ts';
import { searchLog, type SearchReply, type SearchRequest } from './log-search.ts';
import { DEFAULT_LIMITS, type JobsParts, type RunParts } from './parts.ts';
import { patchQueue, type QueuePatch } from './queue-patch.ts';
import { letIn, shutOut, type ShutOutRequest } from './shut-out.ts';
import { createSizes } from './sizes.ts';
import { submitJobs, type SubmitRequest, type Submitted } from './submit.ts';
import { createUids } from './uids.ts';
import { requireUsableFolder } from './usable-folder.ts';
import { createJobWorker, type JobWorker } from './worker.ts';

export type { JobsParts } from './parts.ts';

export interface GroupRequest {
  readonly orgId: string;
  readonly id: string;
  readonly requestId: string;
}

export interface Jobs {
  /** Finds running jobs again, then claims. Call when the engine is ready to prepare commands. */
  start(): Promise<void>;
  wake(queue: string): void;
  /** Asks for the end of a job, durably. It has ended when `onJobEnded` says so. Nothing happens when it ended already. */
  cancel(jobId: string, reason: string): Promise<void>;
  /** @throws AppError invalid_body, unsatisfiable, queue_full, conflict, too_large */
  submit(request: SubmitRequest): Promise<Submitted>;
  /** @throws AppError not_found, illegal_transition */
  cancelJob(request: { readonly orgId: string; readonly id: string; readonly reason: string }): Promise<Job>;
  /** @throws AppError not_found, illegal_transition */
  retry(request: { readonly orgId: string; readonly id: string; readonly requestId: string }): Promise<Job>;
  /** Moves a job that waits. @throws AppError not_found, illegal_transition */
  setPriority(request: { readonly orgId: string; readonly id: string; readonly priority: number; readonly requestId: string }): Promise<Job>;
  /** Asks for the end of all jobs of the group that have not ended. @throws AppError not_found */
  cancelGroup(request: GroupRequest): Promise<JobGroup>;
  /** Queues again all jobs of the group that ended without completing. @throws AppError not_found */
  retryGroup(request: GroupRequest): Promise<JobGroup>;
  /** Adds to each queued job what it waits for. */
  explain(jobs: readonly Job[]): Promise<Job[]>;
  listQueues(): Promise<Queue[]>;
  listWorkers(): Promise<Worker[]>;
  /** @throws AppError not_found; conflict for the Studio's own */
  shutOutWorker(request: ShutOutRequest): Promise<Worker>;
  /** @throws AppError not_found; conflict when nobody shut it out */
  letWorkerIn(request: Omit<ShutOutRequest, 'reason'>): Promise<Worker>;
  /** Whether another process runs jobs, too: what this machine never could it might. */
  hasOtherWorkers(): boolean;
  /** A new name makes a queue. */
  patchQueue(request: { readonly name: string; readonly patch: QueuePatch; readonly requestId: string }): Promise<Queue>;
  /** How long a job's log is now. */
  logBytes(jobId: string): Promise<number>;
  /** The log's bytes from `from`; with `follow` live until the job ends. @throws AppError not_found */
  followLog(request: {
    readonly job: Job;
    readonly orgId: string;
    readonly from: number;
    readonly follow: boolean;
    readonly signal: AbortSignal;
  }): AsyncGenerator<Buffer>;
  /** The same for who follows many, range by range. */
  readonly logs: JobLogs;
  /** Lines of the log that hold a text. */
  searchLog(request: Omit<SearchRequest, 'path'> & { readonly jobId: string }): Promise<SearchReply>;
  /** When the bytes `from` to `to` of the log were written, and which byte was at a time; see log-times. */
  logTimes(request: LogTimesRequest & { readonly jobId: string }): Promise<LogTimesReply>;
  drain(): void;
  stop(): Promise<void>;
}

export function createJobs(given: JobsParts): Jobs {
  const { database, clock, log } = given;
  const watchers = new Map<string, Set<() => void>>();
  const pulses = new Map<string, Pulse>();
  const parts: RunParts = {
    ...given,
    limits: { ...DEFAULT_LIMITS, ...given.limits },
    worker: given.worker ?? { isBuiltIn: true, queues: [] },
    environments: createEnvironments({ ...given.environments, clock, log }),
    uids: process.getuid?.() === 0 ? createUids() : undefined,
    sizes: createSizes({ ledger: given.ledger, clock }),
    nursery: createNursery(clock),
    pulseOf: (queue) => {
      const pulse = pulses.get(queue) ?? createPulse();
      pulses.set(queue, pulse);
      return pulse;
    },
    wake: (queues) => queues.forEach((queue) => worker?.wake(queue)),
    onLog: (jobId) => {
      for (const listener of watchers.get(jobId) ?? []) listener();
    },
  };
  let worker: JobWorker | undefined;
  /** What no machine could run, as far as is known here. */
  const everywhere = {
    neverReason: (needs: Parameters<typeof parts.ledger.neverReason>[0]) => (jobs.hasOtherWorkers() ? undefined : parts.ledger.neverReason(needs)),
    largest: () => parts.ledger.largest(),
  };
  const commit = (queue: string): void => {
    database.announce();
    worker?.wake(queue);
  };
  const logs = createJobLogs({
    workspacePath: parts.workspacePath,
    sql: database.engine,
    isRunning: (jobId) => worker?.isRunning(jobId) ?? false,
    onChange: (jobId, listener) => watch(watchers, jobId, listener),
  });
  const jobs: Jobs = {
    async start() {
      await requireUsableFolder(parts);
      worker = await createJobWorker(parts);
      // The first job finds one; and a machine that can not start any says so now.
      parts.nursery.take().then(
        (shim) => shim.putBack(),
        (error: unknown) => log.error({ cause: messageOf(error) }, 'no process for a job could be prepared; jobs will fail to start'),
      );
      await worker.start();
      if (given.takesDrops) await drops.start();
    },
    wake: (queue) => worker?.wake(queue),
    async cancel(jobId, reason) {
      await cancelAnywhere({ id: jobId, orgId: undefined, reason });
    },
    async submit(request) {
      const { queue, ...made } = await submitJobs(request, { ...parts, ledger: everywhere });
      commit(queue);
      return made;
    },
    async cancelJob({ orgId, id, reason }) {
      const job = await cancelAnywhere({ id, orgId, reason });
      if (job !== undefined) return job;
      return refuseEnded(await readJob(database.engine, { orgId, id }), id, 'cancelled');
    },
    async retry({ orgId, id, requestId }) {
      const job = await retryOne({ orgId, id, requestId });
      if (job === undefined) return refuseEnded(await readJob(database.engine, { orgId, id }), id, 'retried');
      commit(job.queue);
      return job;
    },
    async setPriority(change) {
      const job = await database.engine.transaction((sql) => setJobPriority(sql, change));
      if (job === undefined) return refuseEnded(await readJob(database.engine, change), change.id, 'moved');
      commit(job.queue);
      return job;
    },
    async cancelGroup({ orgId, id }) {
      await requireGroup(orgId, id);
      // Serial, the last ones first: a slot that comes free meanwhile takes none of them.
      for (const job of (await listGroupJobs(database.engine, { orgId, id, statuses: ['queued', 'running'] })).toReversed())
        await cancelAnywhere({ id: job.id, orgId, reason: 'its group was cancelled' });
      return requireGroup(orgId, id);
    },
    async retryGroup({ orgId, id, requestId }) {
      await requireGroup(orgId, id);
      const ended = await listGroupJobs(database.engine, { orgId, id, statuses: ['failed', 'cancelled', 'dead'] });
      // Serial: one transaction each, so that a large group holds no locks for long.
      for (const job of ended) await retryOne({ orgId, id: job.id, requestId });
      for (const queue of new Set(ended.map((job) => job.queue))) commit(queue);
      return requireGroup(orgId, id);
    },
    explain: (list) => explainJobs(list, parts),
    listQueues: () => listQueues(database.engine),
    listWorkers: () => listWorkers(database.engine),
    shutOutWorker: (request) => shutOut(parts, request),
    letWorkerIn: (request) => letIn(parts, request),
    hasOtherWorkers: () => worker?.hasOthers ?? false,
    async patchQueue({ name, patch, requestId }) {
      const queue = await patchQueue(database, { name, patch, requestId });
      worker?.setSlots(name, queue.slots);
      commit(name);
      return queue;
    },
    logBytes: (jobId) => sizeOf(jobFolder(parts.workspacePath, jobId).log),
    followLog({ job: { id }, orgId, from, follow, signal }) {
      const hasEnded = async (): Promise<boolean> => (await logs.end({ id, orgId })) !== undefined;
      const onChange = (listener: () => void): (() => void) => logs.onChange(id, listener);
      return followLog({ path: jobFolder(parts.workspacePath, id).log, from, live: follow ? { hasEnded, onChange } : undefined, clock, signal });
    },
    logs,
    async logTimes({ jobId, ...request }) {
      const folder = jobFolder(parts.workspacePath, jobId);
      return tellLogTimes(folder.logTimes, await sizeOf(folder.log), request);
    },
    searchLog: ({ jobId, ...request }) => searchLog({ ...request, path: jobFolder(parts.workspacePath, jobId).log }),
    drain: () => worker?.drain(),
    async stop() {
      await drops.stop();
      await worker?.stop(given.stopMode);
      parts.nursery.close();
      parts.uids?.releaseAll();
    },
  };

  async function requireGroup(orgId: string, id: string): Promise<JobGroup> {
    return (await readJobGroup(database.engine, { orgId, id })) ?? fail('not_found', `There is no group of jobs ${id}.`);
  }

  function retryOne(request: { readonly orgId: string; readonly id: string; readonly requestId: string }): Promise<Job | undefined> {
    return database.engine.transaction(async (sql) => {
      const job = await retryEndedJob(sql, request);
      if (job === undefined) return undefined;
      await deleteMetricPoints(sql, job.id);
      const blockedBy = await blockAgain(sql, job.id);
      return blockedBy === 0 ? job : { ...job, blockedBy };
    });
  }

  async function cancelAnywhere(cancel: { readonly id: string; readonly orgId: string | undefined; readonly reason: string }): Promise<Job | undefined> {
    const request = { ...cancel, nowMs: clock.now() };
    const cancelled = await database.engine.transaction((sql) => cancelQueuedJob(sql, request));
    if (cancelled !== undefined) {
      const { job, freedQueues } = cancelled;
      parts.ledger.drop(job.id);
      parts.wake(freedQueues);
      database.announce();
      parts.onLog(job.id);
      given.onJobEnded(job.id);
      return job;
    }
    const running = await requestJobCancel(database.engine, request);
    // Not here: the worker that has it hears of it within a second.
    if (running !== undefined) worker?.stopJob(cancel.id, { kind: 'cancel', reason: cancel.reason });
    return running;
  }

  const drops = createDropFolder({ ...parts, submit: jobs.submit });
  log.debug({ stopMode: given.stopMode }, 'jobs are set up');
  return jobs;
}

function refuseEnded(job: Job | undefined, id: string, verb: string): never {
  if (job === undefined) fail('not_found', `There is no job ${id}.`);
  if (verb === 'retried' && job.instanceId !== undefined) {
    fail('illegal_transition', {
      message: `Job ${id} belongs to a step; retry the step ${job.stepPath ?? ''} of ${job.instanceId} instead.`,
      details: { status: job.status, instanceId: job.instanceId },
    });
  }
  const hint = verb === 'moved' ? '; only what waits can be moved' : '';
  return fail('illegal_transition', { message: `Job ${id} is ${job.status}; it can not be ${verb}${hint}.`, details: { status: job.status } });
}

function watch(watchers: Map<string, Set<() => void>>, jobId: string, listener: () => void): () => void {
  const set = watchers.get(jobId) ?? new Set();
  watchers.set(jobId, set.add(listener));
  return () => {
    set.delete(listener);
    if (set.size === 0) watchers.delete(jobId);
  };
}
