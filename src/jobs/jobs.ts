/** Jobs and queues, as the rest of Studio sees them: submit, cancel, retry, follow, change a queue. What runs them is worker.ts; how, attempt.ts.
 *  Every command is one transaction; what it woke runs after the commit. */
import { constants } from 'node:fs';
import { access, chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type * as z from 'zod';
import type { Caller } from '../contract/caller.ts';
import { filePathFault } from '../contract/files.ts';
import type { Job, Queue, submitJob } from '../contract/jobs.ts';
import { isTerminalJob } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { cancelQueuedJob, requestJobCancel, retryEndedJob } from '../store/job-claims.ts';
import { insertDirectJobs, readJob, readJobStatus } from '../store/jobs.ts';
import { countPending, listQueues, readQueue, upsertQueue } from '../store/queues.ts';
import { listWorkers, type Worker } from '../store/workers.ts';
import { followLog } from './follow.ts';
import { closedAncestor, jobFolder } from './job-folder.ts';
import { sizeOf } from './log-pump.ts';
import { DEFAULT_LIMITS, type JobsParts, type RunParts } from './parts.ts';
import { createUids } from './uids.ts';
import { waitReasonOf } from './wait-reason.ts';
import { createJobWorker, type JobWorker } from './worker.ts';

export type { JobsParts } from './parts.ts';

type SubmitBody = z.infer<typeof submitJob>;

export interface QueuePatch {
  readonly slots?: number | undefined;
  readonly paused?: boolean | undefined;
  readonly draining?: boolean | undefined;
  readonly maxPending?: number | undefined;
  readonly defaultTimeoutMs?: number | undefined;
}

export interface Jobs {
  /** Finds running jobs again, then claims. Call when the engine is ready to prepare commands. */
  start(): Promise<void>;
  wake(queue: string): void;
  /** Asks for the end of a job, durably. It has ended when `onJobEnded` says so. Nothing happens when it ended already. */
  cancel(jobId: string, reason: string): Promise<void>;
  /** @throws AppError invalid_body, unsatisfiable, queue_full, conflict */
  submit(request: {
    readonly orgId: string;
    readonly caller: Caller;
    readonly body: SubmitBody;
    readonly ids?: readonly string[];
    readonly requestId: string;
  }): Promise<{ readonly ids: string[]; readonly job: Job }>;
  /** @throws AppError not_found, illegal_transition */
  cancelJob(request: { readonly orgId: string; readonly id: string; readonly reason: string }): Promise<Job>;
  /** @throws AppError not_found, illegal_transition */
  retry(request: { readonly orgId: string; readonly id: string; readonly requestId: string }): Promise<Job>;
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
  drain(): void;
  stop(): Promise<void>;
}

export function createJobs(given: JobsParts): Jobs {
  const { database, clock, log } = given;
  const watchers = new Map<string, Set<() => void>>();
  const parts: RunParts = {
    ...given,
    limits: { ...DEFAULT_LIMITS, ...given.limits },
    uids: process.getuid?.() === 0 ? createUids() : undefined,
    onLog: (jobId) => {
      for (const listener of watchers.get(jobId) ?? []) listener();
    },
  };
  let worker: JobWorker | undefined;
  const commit = (queue: string): void => {
    database.announce();
    worker?.wake(queue);
  };
  const jobs: Jobs = {
    async start() {
      await requireUsableFolder(parts);
      worker = await createJobWorker(parts);
      await worker.start();
    },
    wake: (queue) => worker?.wake(queue),
    async cancel(jobId, reason) {
      await cancelAnywhere({ id: jobId, orgId: undefined, reason });
    },
    submit: (request) => submit(request, { parts, commit }),
    async cancelJob({ orgId, id, reason }) {
      const job = await cancelAnywhere({ id, orgId, reason });
      if (job !== undefined) return job;
      return refuseEnded(await readJob(database.engine, { orgId, id }), id, 'cancelled');
    },
    async retry({ orgId, id, requestId }) {
      const job = await database.engine.transaction((sql) => retryEndedJob(sql, { id, orgId, requestId }));
      if (job === undefined) return refuseEnded(await readJob(database.engine, { orgId, id }), id, 'retried');
      commit(job.queue);
      return job;
    },
    async explain(list) {
      if (!list.some((job) => job.status === 'queued')) return [...list];
      const [queues, workers] = await Promise.all([listQueues(database.engine), listWorkers(database.engine)]);
      return list.map((job) => (job.status === 'queued' ? { ...job, waitReason: reasonOf(job, queues, workers, clock.now()) } : job));
    },
    listQueues: () => listQueues(database.engine),
    listWorkers: () => listWorkers(database.engine),
    async patchQueue({ name, patch, requestId }) {
      const queue = await database.engine.transaction((sql) => upsertQueue(sql, { name, ...patch, state: stateOf(patch), requestId }));
      commit(name);
      return queue;
    },
    logBytes: (jobId) => sizeOf(jobFolder(parts.workspacePath, jobId).log),
    followLog({ job, orgId, from, follow, signal }) {
      const hasEnded = async (): Promise<boolean> =>
        !worker?.isRunning(job.id) && ((status) => status === undefined || isTerminalJob(status))(await readJobStatus(database.engine, { orgId, id: job.id }));
      const onChange = (listener: () => void): (() => void) => watch(watchers, job.id, listener);
      return followLog({ path: jobFolder(parts.workspacePath, job.id).log, from, live: follow ? { hasEnded, onChange } : undefined, clock, signal });
    },
    drain: () => worker?.drain(),
    async stop() {
      await worker?.stop(given.stopMode);
      parts.uids?.releaseAll();
    },
  };

  async function cancelAnywhere(cancel: { readonly id: string; readonly orgId: string | undefined; readonly reason: string }): Promise<Job | undefined> {
    const request = { ...cancel, nowMs: clock.now() };
    const queued = await database.engine.transaction((sql) => cancelQueuedJob(sql, request));
    if (queued !== undefined) {
      database.announce();
      parts.onLog(queued.id);
      given.onJobEnded(queued.id);
      return queued;
    }
    const running = await requestJobCancel(database.engine, request);
    // Not here: the worker that has it hears of it within a second.
    if (running !== undefined) worker?.stopJob(cancel.id, { kind: 'cancel', reason: cancel.reason });
    return running;
  }

  log.debug({ stopMode: given.stopMode }, 'jobs are set up');
  return jobs;
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

async function submit(
  request: { readonly orgId: string; readonly caller: Caller; readonly body: SubmitBody; readonly ids?: readonly string[]; readonly requestId: string },
  context: { readonly parts: RunParts; readonly commit: (queue: string) => void },
): Promise<{ ids: string[]; job: Job }> {
  const { parts, commit } = context;
  const { queue: name = 'studio', resources = {}, timeoutMs, retry = {}, priority = 50, labels = {}, array, ...spec } = request.body;
  checkSpec(spec);
  const queue = await readQueue(parts.database.engine, name);
  if (queue === undefined) fail('unsatisfiable', { message: `There is no queue "${name}"; GET /api/v1/queues lists them.`, details: { queue: name } });
  if (queue.state === 'draining')
    fail('conflict', {
      message: `The queue ${name} is draining and takes no new jobs; set draining to false, or use another queue.`,
      details: { queue: name },
    });
  await checkDevices(resources.gpus ?? 0, parts);
  const count = array ?? 1;
  const pending = await countPending(parts.database.engine, { name, limit: queue.maxPending + 1 });
  if (pending + count > queue.maxPending) {
    fail('queue_full', {
      message: `The queue ${name} holds ${pending} waiting jobs; ${count} more would pass its limit of ${queue.maxPending}.`,
      details: { queue: name, pending, limit: queue.maxPending },
      retryAfterS: 10,
    });
  }
  const createdAt = new Date(parts.clock.now());
  const rows = Array.from({ length: count }, (_, index) => ({
    id: request.ids?.[index] ?? newId('job', parts.clock),
    orgId: request.orgId,
    queue: name,
    spec: array === undefined ? spec : { ...spec, array: { index, size: array } },
    priority,
    labels,
    resources,
    retry,
    timeoutMs: timeoutMs ?? null,
    principal: request.caller.userId,
    createdAt,
  }));
  const made = await parts.database.engine.transaction((sql) => insertDirectJobs(sql, rows, request.requestId));
  commit(name);
  const [job] = made;
  if (job === undefined) throw new Error('submitted jobs did not come back from their insert');
  return { ids: made.map((one) => one.id), job };
}

function checkSpec(spec: Pick<SubmitBody, 'command' | 'script' | 'files'>): void {
  if ((spec.command === undefined) === (spec.script === undefined))
    fail('invalid_body', {
      message: 'Give either "command" (a list of arguments) or "script" (text for a shell), not both and not neither.',
      details: { path: 'command' },
    });
  for (const [name, path] of Object.entries(spec.files ?? {})) {
    const fault = filePathFault(name) ?? filePathFault(path);
    if (fault !== undefined) fail('invalid_body', { message: `files: ${JSON.stringify(name)}: ${fault}.`, details: { path: 'files' } });
  }
}

async function checkDevices(wanted: number, parts: RunParts): Promise<void> {
  if (wanted === 0) return;
  const devices = await parts.devices.list();
  if (wanted > devices.length)
    fail('unsatisfiable', {
      message: `The job asks for ${wanted} GPUs; this machine has ${devices.length}.`,
      details: { gpus: wanted, available: devices.length },
    });
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
