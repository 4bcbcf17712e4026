/** Jobs and queues, as the rest of Studio sees them: submit, cancel, retry, follow, change a queue. What runs them is worker.ts; how, attempt.ts.
 *  Every command is one transaction; what it woke runs after the commit. */
import { constants } from 'node:fs';
import { access, chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job, JobDependency, JobGroup, Queue } from '../contract/jobs.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { cancelQueuedJob, requestJobCancel } from '../store/job-cancels.ts';
import { retryEndedJob } from '../store/job-ends.ts';
import { blockAgain, firstOpenDependencies } from '../store/job-dependencies.ts';
import { deleteMetricPoints } from '../store/job-metrics.ts';
import { listGroupJobs, readJobGroup } from '../store/job-groups.ts';
import { readJob } from '../store/jobs.ts';
import { listQueues, upsertQueue, type QueueChange } from '../store/queues.ts';
import { listWorkers, type Worker } from '../store/workers.ts';
import { BASE_SLOTS, createPulse, type Pulse } from './adaptive.ts';
import { createDropFolder } from './drop-folder.ts';
import { createEnvironments } from './environments.ts';
import { followLog } from './follow.ts';
import { closedAncestor, jobFolder } from './job-folder.ts';
import { needsGrant, needsOf } from './line.ts';
import { createNursery } from './nursery.ts';
import { sizeOf } from './log-pump.ts';
import { createJobLogs, type JobLogs } from './log-source.ts';
import { searchLog, type SearchReply, type SearchRequest } from './log-search.ts';
import { DEFAULT_LIMITS, type JobsParts, type RunParts } from './parts.ts';
import { createSizes } from './sizes.ts';
import { submitJobs, type SubmitRequest, type Submitted } from './submit.ts';
import { createUids } from './uids.ts';
import { waitReasonOf } from './wait-reason.ts';
import { withSizes } from './with-sizes.ts';
import { createJobWorker, type JobWorker } from './worker.ts';

export type { JobsParts } from './parts.ts';

export interface QueuePatch {
  /** `auto`: as many as the machine bears. */
  readonly slots?: number | 'auto' | undefined;
  readonly defaultGpus?: number | undefined;
  readonly paused?: boolean | undefined;
  readonly draining?: boolean | undefined;
  readonly maxPending?: number | undefined;
  readonly defaultTimeoutMs?: number | undefined;
}

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
  /** Asks for the end of all jobs of the group that have not ended. @throws AppError not_found */
  cancelGroup(request: GroupRequest): Promise<JobGroup>;
  /** Queues again all jobs of the group that ended without completing. @throws AppError not_found */
  retryGroup(request: GroupRequest): Promise<JobGroup>;
  /** Adds to each queued job what it waits for. */
  explain(jobs: readonly Job[]): Promise<Job[]>;
  listQueues(): Promise<Queue[]>;
  listWorkers(): Promise<Worker[]>;
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
      const { queue, ...made } = await submitJobs(request, parts);
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
    async explain(list) {
      const sized = await withSizes(list, { sql: database.engine, ledger: parts.ledger });
      if (!list.some((job) => job.status === 'queued')) return sized;
      const blocked = list.filter((job) => job.status === 'queued' && job.blockedBy !== undefined).map((job) => job.id);
      const [queues, workers, awaited] = await Promise.all([
        listQueues(database.engine),
        listWorkers(database.engine),
        firstOpenDependencies(database.engine, blocked),
      ]);
      return sized.map((job) => {
        if (job.status !== 'queued') return job;
        return { ...job, waitReason: dependencyReasonOf(job, awaited.get(job.id)) ?? queuedReasonOf(job, reasonOf(job, queues, workers, clock.now())) };
      });
    },
    listQueues: () => listQueues(database.engine),
    listWorkers: () => listWorkers(database.engine),
    async patchQueue({ name, patch, requestId }) {
      const queue = await database.engine.transaction((sql) => upsertQueue(sql, changeOf(name, patch, requestId)));
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

  /** A queue that runs and is served does not say why a job in it waits for a grant: the ledger does. */
  function queuedReasonOf(job: Job, ofQueue: NonNullable<Job['waitReason']>): NonNullable<Job['waitReason']> {
    if (!needsGrant(job.resources) || !['starting', 'no_slot'].includes(ofQueue.kind)) return ofQueue;
    const ofLedger = parts.ledger.waitOf(job.id);
    if (ofLedger !== undefined && ofLedger.kind !== 'no_slot') return ofLedger;
    const never = ofQueue.kind === 'starting' ? parts.ledger.neverReason(needsOf(job.resources)) : undefined;
    return never === undefined ? ofQueue : { kind: 'unsatisfiable', message: `it can't start here: ${never}` };
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

function changeOf(name: string, patch: QueuePatch, requestId: string): QueueChange {
  const { slots, ...others } = patch;
  // A number ends the finding of one.
  const found = slots === undefined ? {} : slots === 'auto' ? { slots: BASE_SLOTS, adaptive: true } : { slots, adaptive: false };
  return { name, ...others, ...found, state: stateOf(patch), requestId };
}

/** Both stop claims; draining refuses new jobs too. */
function stateOf(patch: QueuePatch): Queue['state'] | undefined {
  if (patch.draining === true) return 'draining';
  if (patch.paused === true) return 'paused';
  return patch.paused === false || patch.draining === false ? 'running' : undefined;
}

function reasonOf(job: Job, queues: readonly Queue[], workers: readonly Worker[], nowMs: number): NonNullable<Job['waitReason']> {
  return waitReasonOf(
    queues.find((queue) => queue.name === job.queue),
    {
      name: job.queue,
      notBeforeMs: job.notBefore === undefined ? undefined : Date.parse(job.notBefore),
      isServed: workers.some((worker) => worker.queues.includes(job.queue) && nowMs - Date.parse(worker.lastBeatAt) < SILENT_MS),
      nowMs,
    },
  );
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

function refuseEnded(job: Job | undefined, id: string, verb: string): never {
  if (job === undefined) fail('not_found', `There is no job ${id}.`);
  if (verb === 'retried' && job.instanceId !== undefined) {
    fail('illegal_transition', {
      message: `Job ${id} belongs to a step; retry the step ${job.stepPath ?? ''} of ${job.instanceId} instead.`,
      details: { status: job.status, instanceId: job.instanceId },
    });
  }
  return fail('illegal_transition', { message: `Job ${id} is ${job.status}; it can not be ${verb}.`, details: { status: job.status } });
}

function watch(watchers: Map<string, Set<() => void>>, jobId: string, listener: () => void): () => void {
  const set = watchers.get(jobId) ?? new Set();
  watchers.set(jobId, set.add(listener));
  return () => {
    set.delete(listener);
    if (set.size === 0) watchers.delete(jobId);
  };
}

/** As root, jobs run under uids of their own: they must be able to pass to their folder, and setpriv must be there to change to the uid. Nothing falls back to root. */
async function requireUsableFolder(parts: RunParts): Promise<void> {
  if (parts.uids === undefined) return;
  // The workspace is Studio's own: it may be passed (not listed). What is above it belongs to others.
  const { mode } = await stat(parts.workspacePath);
  if ((mode & 0o001) === 0) await chmod(parts.workspacePath, (mode & 0o7777) | 0o011);
  const closed = await closedAncestor(join(parts.workspacePath, 'jobs'));
  if (closed !== undefined)
    parts.log.warn({ folder: closed }, 'jobs run as users of their own and can not pass this folder; give others the right to pass it (chmod o+x)');
  const found = await Promise.all(
    ['/usr/bin/setpriv', '/bin/setpriv'].map((path) =>
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (!found.includes(true))
    parts.log.error({ program: 'setpriv' }, 'jobs can not run: Studio is root and the program that changes to their users is missing; install util-linux');
}
