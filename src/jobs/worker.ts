/** The built-in worker: claims what its slots can run, keeps leases alive, hears cancels, takes over what others lost, and finds its own jobs again at start.
 *  Wakes come from submitters; a one-second look finds what no wake told (retries that are due, other processes' jobs, changed queues). */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { claimJobs, listClaimed, renewLeases, type ClaimedJob } from '../store/job-claims.ts';
import { listCancelRequests } from '../store/job-cancels.ts';
import { listWork } from '../store/queues.ts';
import { beatWorker, deleteSilentWorkers, hasOtherWorkers, type Admission } from '../store/workers.ts';
import { createAdaptQueues, type AdaptQueues } from './adapt-queues.ts';
import { resumeAttempt, startAttempt, type Attempt } from './attempt.ts';
import { keepHouse } from './housekeeping.ts';
import { serves, type RunParts, type StopOrder } from './parts.ts';
import { createJobLine, type JobLine } from './line.ts';
import { createSlots, type Slots } from './slots.ts';
import { takeOverLapsed } from './take-over.ts';

export interface JobWorker {
  readonly id: string;
  /** Finds the jobs of this workspace again, then begins to claim. */
  start(): Promise<void>;
  wake(queue: string): void;
  /** A queue has these slots from now on. */
  setSlots(queue: string, slots: number): void;
  /** Ends a job of this process. @returns false when it is not here */
  stopJob(jobId: string, order: StopOrder): boolean;
  isRunning(jobId: string): boolean;
  /** Whether other processes that run jobs were heard of lately. */
  readonly hasOthers: boolean;
  /** Claims nothing more. */
  drain(): void;
  /** @param mode what becomes of running jobs */
  stop(mode: 'keep' | 'stop'): Promise<void>;
}

interface Task {
  readonly id: string;
  readonly run: () => Promise<void>;
}

/** Of a lease: two beats may be missed. */
const BEATS_PER_LEASE = 3;
/** A worker that was silent for a day and holds nothing will not come back. */
const FORGET_MS = 86_400_000;

export async function createJobWorker(parts: RunParts): Promise<JobWorker> {
  const id = await workerIdOf({ workspacePath: parts.worker.ownPath ?? parts.workspacePath, clock: parts.clock });
  return new Worker(id, parts);
}

/** The same for every Studio of this workspace: by it the jobs of the last one are found again. */
export async function workerIdOf(parts: Pick<RunParts, 'workspacePath' | 'clock'>): Promise<string> {
  const path = join(parts.workspacePath, 'jobs', 'worker-id');
  const known = await readFile(path, 'utf8').catch(() => '');
  if (/^worker_[0-9a-z]{1,60}$/.test(known.trim())) return known.trim();
  const id = newId('worker', parts.clock);
  await mkdir(join(parts.workspacePath, 'jobs'), { recursive: true, mode: 0o711 });
  const temp = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(temp, `${id}\n`, { mode: 0o600 });
  await rename(temp, path);
  return id;
}

class Worker implements JobWorker {
  readonly id: string;
  hasOthers = false;
  readonly #parts: RunParts;
  readonly #queues = new Map<string, Slots<Task>>();
  readonly #attempts = new Map<string, Attempt>();
  /** Folders of ended attempts being emptied, by job. */
  readonly #clearing = new Map<string, Promise<void>>();
  /** Queues being claimed from, and whether they are to be looked at once more. */
  readonly #claiming = new Map<string, boolean>();
  readonly #halt = new AbortController();
  readonly #line: JobLine;
  readonly #adaptQueues: AdaptQueues;
  readonly #startedAtMs: number;
  /** Set from the start to the drain: whether it claims depends on whether it may, too. */
  #isUp = false;
  #admission: Admission = { state: 'waiting' };
  #loops: Promise<unknown> = Promise.resolve();
  #nextBeatAt = 0;
  #wasDown = false;

  constructor(id: string, parts: RunParts) {
    this.id = id;
    this.#parts = parts;
    this.#startedAtMs = parts.clock.now();
    this.#adaptQueues = createAdaptQueues(parts, (queue, slots) => this.setSlots(queue, slots));
    this.#line = createJobLine({
      parts,
      workerId: id,
      freeSlots: (queue) => (this.#isClaiming ? (this.#queues.get(queue)?.free() ?? 0) : 0),
      begin: (claimed) => this.#run(claimed, () => startAttempt(claimed, parts)),
      tell: (jobId, line) => this.#attempts.get(jobId)?.note(line),
    });
    parts.ledger.onEvict('job', async (lease, why) => {
      const attempt = this.#attempts.get(lease.tenantId);
      attempt?.stop(why.kind === 'outgrown' ? { kind: 'outgrown', of: 'vram', message: why.message } : { kind: 'evicted', by: why.kind, message: why.message });
      await attempt?.done;
    });
  }

  async start(): Promise<void> {
    await this.#syncQueues();
    const found = await listClaimed(this.#parts.database.engine, this.id);
    // Found jobs go on at once, whatever slots there are by now: they are running. They only take slots from those to come.
    for (const claimed of found) {
      const attempt = resumeAttempt(claimed, this.#parts);
      this.#attempts.set(claimed.job.id, attempt);
      void attempt.done.then(() => this.#attempts.get(claimed.job.id) === attempt && this.#attempts.delete(claimed.job.id));
      this.#run(claimed, () => attempt);
    }
    this.#isUp = true;
    await this.#beat();
    this.#loops = Promise.all([this.#loop(), keepHouse(this.#parts, this.#halt.signal)]);
  }

  wake(queue: string): void {
    if (!this.#isClaiming || !serves(this.#parts.worker, queue)) return;
    void this.#line.sync();
    if (this.#claiming.has(queue)) return void this.#claiming.set(queue, true);
    this.#claiming.set(queue, false);
    void this.#claim(queue);
  }

  setSlots(queue: string, slots: number): void {
    // A new one is served from now on, and the next look says so.
    if (!this.#queues.has(queue)) this.#nextBeatAt = 0;
    this.#slotsOf(queue, slots).setCount(slots);
  }

  stopJob(jobId: string, order: StopOrder): boolean {
    const attempt = this.#attempts.get(jobId);
    attempt?.stop(order);
    return attempt !== undefined;
  }

  isRunning(jobId: string): boolean {
    return this.#attempts.has(jobId);
  }

  drain(): void {
    this.#isUp = false;
  }

  get #isClaiming(): boolean {
    return this.#isUp && this.#admission.state === 'joined';
  }

  async stop(mode: 'keep' | 'stop'): Promise<void> {
    this.drain();
    const attempts = [...this.#attempts.values()];
    if (mode === 'stop') {
      for (const attempt of attempts) attempt.stop({ kind: 'requeue' });
      await Promise.all(attempts.map((attempt) => attempt.done));
    } else {
      for (const attempt of attempts) attempt.abandon();
    }
    this.#halt.abort(new Error('Studio stops'));
    await this.#loops;
    await Promise.all([...attempts.map((attempt) => attempt.done), ...this.#clearing.values()]);
  }

  #run(claimed: ClaimedJob, begin: () => Attempt): void {
    const { id, queue } = claimed.job;
    const task: Task = {
      id: `${id}/${claimed.attempt}`,
      run: async () => {
        await this.#clearing.get(id);
        const attempt = begin();
        this.#attempts.set(id, attempt);
        this.#keepClearing(id, attempt);
        await attempt.done;
        if (this.#attempts.get(id) === attempt) this.#attempts.delete(id);
      },
    };
    this.#slotsOf(queue, 1).push(task);
  }

  #keepClearing(id: string, attempt: Attempt): void {
    const cleared = attempt.cleared.then(() => void (this.#clearing.get(id) === cleared && this.#clearing.delete(id)));
    this.#clearing.set(id, cleared);
  }

  #slotsOf(queue: string, count: number): Slots<Task> {
    const known = this.#queues.get(queue);
    if (known !== undefined) return known;
    const made = createSlots<Task>(count, async (task) => {
      await task.run();
      setImmediate(() => this.wake(queue));
    });
    this.#queues.set(queue, made);
    return made;
  }

  async #claim(queue: string): Promise<void> {
    const { database, clock, limits, log } = this.#parts;
    try {
      do {
        this.#claiming.set(queue, false);
        // Who waits for more than a slot and comes first takes its slot first.
        if (this.#parts.ledger.hasWaiting(queue)) await this.#parts.ledger.settled();
        const limit = this.#slotsOf(queue, 0).free();
        if (limit === 0 || !this.#isClaiming) continue;
        // Serial: what was claimed changes what may be claimed next.
        const claimed = await database.engine.transaction((sql) =>
          claimJobs(sql, { queue, workerId: this.id, limit, nowMs: clock.now(), leaseMs: limits.leaseMs }),
        );
        for (const one of claimed) this.#run(one, () => startAttempt(one, this.#parts));
        if (claimed.length > 0) database.announce();
      } while (this.#claiming.get(queue) === true);
    } catch (error) {
      log.warn({ queue, cause: messageOf(error) }, 'no jobs could be claimed; it is tried again in a second');
    } finally {
      this.#claiming.delete(queue);
    }
  }

  async #loop(): Promise<void> {
    const { clock, limits, log } = this.#parts;
    while (!this.#halt.signal.aborted) {
      try {
        await this.#look();
        if (this.#wasDown) log.info({ workerId: this.id }, 'the worker reaches the database again');
        this.#wasDown = false;
      } catch (error) {
        if (!this.#wasDown) log.warn({ workerId: this.id, cause: messageOf(error) }, 'the worker can not reach the database; it tries on');
        this.#wasDown = true;
      }
      await clock.sleep(limits.pollMs, this.#halt.signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { database, clock, worker } = this.#parts;
    await worker.admit?.();
    // Who may not work asks often: it is let in the sooner.
    if (this.#admission.state !== 'joined') this.#nextBeatAt = 0;
    for (const name of await this.#syncQueues()) this.wake(name);
    void this.#line.sync();
    if (this.#attempts.size > 0) for (const { id, reason } of await listCancelRequests(database.engine, this.id)) this.stopJob(id, { kind: 'cancel', reason });
    this.#lookAtSizes();
    if (clock.monotonic() < this.#nextBeatAt) return;
    await this.#beat();
    await this.#renew();
    await takeOverLapsed(this.id, this.#parts);
  }

  #lookAtSizes(): void {
    if (this.#attempts.size === 0) return;
    const { told, ended } = this.#parts.sizes.look([...this.#attempts.keys()]);
    for (const { jobId, message } of told) this.#attempts.get(jobId)?.note(`${message}; if it stays so, the job is ended`);
    for (const { jobId, message } of ended) this.stopJob(jobId, { kind: 'outgrown', of: 'memory', message });
  }

  /** Slots as they stand now. @returns the queues that have something to claim */
  async #syncQueues(): Promise<string[]> {
    const queues = await this.#served();
    for (const queue of queues) this.#slotsOf(queue.name, queue.slots).setCount(queue.slots);
    await this.#adaptQueues(queues.filter((queue) => queue.adaptive));
    return queues.filter((queue) => queue.hasWork).map((queue) => queue.name);
  }

  async #served(): ReturnType<typeof listWork> {
    return (await listWork(this.#parts.database.engine, this.#parts.clock.now())).filter((queue) => serves(this.#parts.worker, queue.name));
  }

  async #beat(): Promise<void> {
    const { database, clock } = this.#parts;
    this.#nextBeatAt = clock.monotonic() + this.#parts.limits.leaseMs / BEATS_PER_LEASE;
    const work = await this.#served();
    const beat = {
      id: this.id,
      isBuiltIn: this.#parts.worker.isBuiltIn,
      host: hostname(),
      pid: process.pid,
      queues: work.map((queue) => queue.name),
      slots: work.reduce((sum, queue) => sum + queue.slots, 0),
      proof: this.#parts.worker.proofFor?.(this.id) ?? null,
    };
    this.#hearOf(await beatWorker(database.engine, { ...beat, startedAtMs: this.#startedAtMs, nowMs: clock.now() }));
    this.hasOthers = await hasOtherWorkers(database.engine, { exceptId: this.id, sinceMs: clock.now() - this.#parts.limits.leaseMs });
    await deleteSilentWorkers(database.engine, clock.now() - FORGET_MS);
  }

  /** What runs goes on: only nothing new is taken by who may not. */
  #hearOf(admission: Admission): void {
    const { log, worker } = this.#parts;
    if (admission.state === this.#admission.state) return;
    this.#admission = admission;
    if (worker.isBuiltIn) return;
    if (admission.state === 'refused') log.error({ workerId: this.id, reason: admission.reason }, 'this worker may not take jobs');
    else log.info({ workerId: this.id }, admission.state === 'joined' ? 'this worker may take jobs' : 'this worker waits until the Studio lets it in');
    worker.onRefused?.(admission.state === 'refused' ? admission.reason : null);
  }

  /** A job that is not ours any more must not go on: another worker has it. */
  async #renew(): Promise<void> {
    const { database, clock, limits, log } = this.#parts;
    const attempts = [...this.#attempts];
    if (attempts.length === 0) return;
    const kept = new Set(
      await renewLeases(database.engine, { workerId: this.id, ids: attempts.map(([id]) => id), nowMs: clock.now(), leaseMs: limits.leaseMs }),
    );
    for (const [id, attempt] of attempts) {
      // Ended meanwhile, or begun again under the same id: then it is no loss.
      if (kept.has(id) || this.#attempts.get(id) !== attempt || (await isEnding(attempt))) continue;
      log.warn({ jobId: id }, 'a running job belongs to another worker by now; its processes are ended here');
      attempt.stop({ kind: 'lost' });
    }
  }
}

/** Whether the attempt is over already (its row then is not running any more). */
async function isEnding(attempt: Attempt): Promise<boolean> {
  return Promise.race([attempt.done.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);
}
