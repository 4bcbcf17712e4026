/** Supervised children: started, watched, restarted with backoff, their exits remembered, every change of state told.
 *  Never decides what a service is (its `start` does), never gives up on one unless its `restart` says so; a stopped one stays stopped. */
import type { ServiceStatus } from '../contract/services.ts';
import type { ServiceState } from '../contract/values.ts';
import type { ExitStatus } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeExit } from '../kernel/child.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { oomKills } from '../kernel/oom.ts';
import { backoffDelayMs } from '../kernel/retry.ts';
import { Refusal } from './refusal.ts';

/** What a start gives: a process that is ready. */
export interface RunningService {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  readonly lines: () => readonly string[];
  stop(): Promise<ExitStatus>;
}

export interface ServiceSpec {
  readonly name: string;
  /** Without it Studio does not work: health is not ready while it is down, and it can't be stopped by a call. */
  readonly required: boolean;
  /** Starts it and waits until it is ready. `say` tells what it waits for, how far it is, and later that it no longer answers (and does again).
   *  @throws Refusal when only a person can help; Error when another try may */
  start(signal: AbortSignal, say: Say): Promise<RunningService>;
  /** After an end or a failed start. Default: always, for ever. */
  readonly restart?: RestartPolicy | undefined;
}

/** A start that came to a process and lost it: its end is remembered like any other. */
export class FailedStart extends Error {
  override readonly name = 'FailedStart';
  readonly status: ExitStatus;
  readonly lines: readonly string[];

  constructor(message: string, end: { readonly status: ExitStatus; readonly lines: readonly string[]; readonly cause?: unknown }) {
    super(message, end.cause === undefined ? undefined : { cause: end.cause });
    this.status = end.status;
    this.lines = end.lines;
  }
}

export interface RestartPolicy {
  readonly policy: 'always' | 'on_failure' | 'never';
  /** Failures in a row; null: never given up. */
  readonly maxRetries: number | null;
}

export type Exit = ServiceStatus['exits'][number];
export type Say = (state: 'waiting' | 'starting' | 'running' | 'unhealthy', reason?: string, progress?: number) => void;

export interface AddOptions {
  /** How it ended under earlier Studios, newest first. */
  readonly exits?: readonly Exit[] | undefined;
  /** False: it is listed, and stays stopped until it is started. */
  readonly isWanted?: boolean | undefined;
  /** Why it is not wanted. */
  readonly reason?: string | undefined;
}

export interface Services {
  /** Adds it and starts it. @returns once it runs; rejects with the first failure, while further tries go on by themselves */
  add(spec: ServiceSpec, options?: AddOptions): Promise<void>;
  /** Stops it and forgets it. */
  remove(name: string): Promise<void>;
  /** Whether Studio does without it. No fault when there is none of that name. */
  setRequired(name: string, isRequired: boolean): void;
  list(): readonly ServiceStatus[];
  get(name: string): ServiceStatus | undefined;
  /** Resolves when it runs, or its first try failed. @throws AppError not_found; conflict when the call does not apply */
  start(name: string): Promise<ServiceStatus>;
  /** @param reason shown until it starts again */
  stop(name: string, reason?: string): Promise<ServiceStatus>;
  restart(name: string): Promise<ServiceStatus>;
  /** Stops it, does `work`, starts it again. @throws what work or the start throws; a failed start is tried again by itself */
  whileDown(name: string, work: () => Promise<void>): Promise<void>;
  /** @returns a function that ends the subscription */
  onChange(listener: (service: ServiceStatus) => void): () => void;
  onExit(listener: (name: string, exit: Exit) => void): () => void;
  /** Stops all, last added first. */
  stopAll(): Promise<void>;
}

/** First at once, for a killed PostgreSQL must be back within a second; then ever slower, so that a broken one is no storm. */
const BACKOFF = { baseMs: 100, factor: 2, maxMs: 30_000, jitter: 0.2 };
/** One that ran this long was healthy: its next exit starts the backoff anew. */
const HEALTHY_MS = 10_000;
/** A refusal is cured by a person: looking again is cheap, and lets the start go on by itself once it is. */
const REFUSED_RETRY_MS = 3_000;
const KEPT_EXITS = 10;
const KEPT_LINES = 50;

interface Entry {
  readonly spec: ServiceSpec;
  isRequired: boolean;
  state: ServiceState;
  running: RunningService | undefined;
  since: number;
  restarts: number;
  failures: number;
  wanted: boolean;
  reason: string | undefined;
  /** Why it was stopped. */
  stopReason: string | undefined;
  /** The last failure that was logged. */
  toldReason: string | undefined;
  progress: number | undefined;
  exits: readonly Exit[];
  cancelRetry: () => void;
  starting: Promise<void> | undefined;
  abort: AbortController;
  /** As it was when it started. */
  oomBefore: number | undefined;
}

/** @param parts.countOomKills for tests */
export function createServices(parts: { readonly clock: Clock; readonly log: Logger; readonly countOomKills?: typeof oomKills }): Services {
  const { clock, log, countOomKills = oomKills } = parts;
  const entries = new Map<string, Entry>();
  const listeners = new Set<(service: ServiceStatus) => void>();
  const exitListeners = new Set<(name: string, exit: Exit) => void>();

  function move(entry: Entry, state: ServiceState, reason?: string): void {
    if (entry.state !== state) entry.since = clock.now();
    entry.state = state;
    entry.reason = reason;
    entry.progress = undefined;
    // The same failure again and again is one line; the tries between are told to listeners only.
    const isRepeated = entry.failures > 1 && (state === 'starting' || reason === entry.toldReason);
    if (reason !== undefined) entry.toldReason = reason;
    const level = isRepeated ? 'debug' : state === 'failed' ? 'error' : state === 'backing_off' ? 'warn' : 'info';
    log[level]({ service: entry.spec.name, state, pid: entry.running?.pid, reason }, 'service changed');
    for (const listener of listeners) listener(describe(entry));
  }

  /** What a start says of itself: heard while it is the current one. */
  function hear(entry: Entry, signal: AbortSignal, [state, reason, progress]: Parameters<Say>): void {
    if (signal.aborted || !entry.wanted) return;
    const isUp = entry.running !== undefined;
    if (isUp !== (state === 'running' || state === 'unhealthy')) return;
    if (state !== entry.state || (isUp && reason !== entry.reason)) return move(entry, state, reason);
    entry.reason = reason;
    entry.progress = progress;
    for (const listener of listeners) listener(describe(entry));
  }

  function bringUp(entry: Entry): Promise<void> {
    entry.starting ??= tryStart(entry).finally(() => (entry.starting = undefined));
    return entry.starting;
  }

  async function tryStart(entry: Entry): Promise<void> {
    entry.cancelRetry();
    // What an earlier run still says is not heard.
    entry.abort.abort(new Error('another start follows'));
    entry.abort = new AbortController();
    const { signal } = entry.abort;
    entry.oomBefore = countOomKills();
    move(entry, 'starting');
    try {
      const running = await entry.spec.start(signal, (...said) => hear(entry, signal, said));
      entry.running = running;
      if (entry.wanted) move(entry, 'running');
      void running.exited.then((status) => onExit(entry, running, status));
    } catch (error) {
      entry.running = undefined;
      if (error instanceof FailedStart) remember(entry, error.status, error.lines);
      if (entry.wanted) retryLater(entry, error);
      throw error;
    }
    // Asked to stop while it was starting.
    if (!entry.wanted) await takeDown(entry);
  }

  function remember(entry: Entry, { code, signal, uptimeMs }: ExitStatus, lines: readonly string[]): void {
    const exit: Exit = { at: new Date(clock.now()).toISOString(), code, signal, uptimeMs, lastLines: lines.slice(-KEPT_LINES) };
    entry.exits = [exit, ...entry.exits].slice(0, KEPT_EXITS);
    for (const listener of exitListeners) listener(entry.spec.name, exit);
  }

  function onExit(entry: Entry, running: RunningService, status: ExitStatus): void {
    if (entry.running !== running) return;
    entry.running = undefined;
    const memory = status.signal === 'SIGKILL' && entry.wanted ? memoryWord(entry.oomBefore, countOomKills()) : undefined;
    remember(entry, status, memory === undefined ? running.lines() : [...running.lines(), `[studio] ${memory}`]);
    if (!entry.wanted) return move(entry, 'stopped', entry.stopReason);
    if (status.uptimeMs >= HEALTHY_MS) entry.failures = 0;
    if (entry.spec.restart?.policy === 'on_failure' && status.code === 0) {
      entry.wanted = false;
      return move(entry, 'stopped', 'it ended by itself, with exit code 0');
    }
    retryLater(entry, new Error(`it ended (${describeExit(status)}${memory === undefined ? '' : `; ${memory}`})`));
  }

  function retryLater(entry: Entry, error: unknown): void {
    entry.failures += 1;
    const { policy = 'always', maxRetries = null } = entry.spec.restart ?? {};
    if (policy === 'never' || (maxRetries !== null && entry.failures > maxRetries)) {
      entry.wanted = false;
      const why = policy === 'never' ? 'its restart policy is never' : `given up after ${maxRetries} ${maxRetries === 1 ? 'retry' : 'retries'}`;
      return move(entry, 'failed', `${messageOf(error)}; ${why}`);
    }
    entry.restarts += 1;
    const isRefused = error instanceof Refusal;
    // The first exit of a service that was up is answered at once.
    const delayMs = isRefused ? REFUSED_RETRY_MS : entry.failures === 1 && entry.exits.length > 0 ? 0 : backoffDelayMs(BACKOFF, entry.failures, Math.random());
    move(entry, isRefused ? 'failed' : 'backing_off', messageOf(error));
    entry.cancelRetry = clock.after(delayMs, () => void bringUp(entry).catch(() => undefined)); // Told by move().
  }

  async function takeDown(entry: Entry, reason?: string): Promise<void> {
    entry.wanted = false;
    entry.stopReason = reason;
    entry.cancelRetry();
    entry.abort.abort(new Error(`${entry.spec.name} is being stopped`));
    await entry.starting?.catch(() => undefined);
    const { running } = entry;
    if (running !== undefined) await running.stop();
    // The exit has moved it already, or nothing ran.
    if (entry.state !== 'stopped') {
      entry.running = undefined;
      move(entry, 'stopped', reason);
    }
  }

  function require(name: string): Entry {
    const entry = entries.get(name);
    if (entry === undefined)
      throw new AppError('not_found', { message: `There is no service ${name}; there are ${[...entries.keys()].join(', ') || 'none'}.` });
    return entry;
  }

  function requireOptional(entry: Entry): void {
    if (entry.isRequired) throw new AppError('conflict', { message: `Studio does not work without ${entry.spec.name}: it can be restarted, not stopped.` });
  }

  return {
    add(spec, options = {}) {
      const entry: Entry = {
        spec,
        isRequired: spec.required,
        state: 'stopped',
        running: undefined,
        since: clock.now(),
        restarts: 0,
        failures: 0,
        wanted: options.isWanted !== false,
        reason: options.reason,
        stopReason: undefined,
        toldReason: undefined,
        progress: undefined,
        exits: (options.exits ?? []).slice(0, KEPT_EXITS),
        cancelRetry: () => undefined,
        starting: undefined,
        abort: new AbortController(),
        oomBefore: undefined,
      };
      entries.set(spec.name, entry);
      if (entry.wanted) return bringUp(entry);
      for (const listener of listeners) listener(describe(entry));
      return Promise.resolve();
    },
    async remove(name) {
      const entry = require(name);
      await takeDown(entry);
      entries.delete(name);
    },
    setRequired(name, isRequired) {
      const entry = entries.get(name);
      if (entry !== undefined) entry.isRequired = isRequired;
    },
    list: () => [...entries.values()].map(describe),
    get(name) {
      const entry = entries.get(name);
      return entry === undefined ? undefined : describe(entry);
    },
    async start(name) {
      const entry = require(name);
      if (entry.running !== undefined) throw new AppError('conflict', { message: `${name} runs already (pid ${entry.running?.pid}).` });
      entry.wanted = true;
      entry.failures = 0;
      await bringUp(entry).catch(() => undefined); // The reply says how it went.
      return describe(entry);
    },
    async stop(name, reason) {
      const entry = require(name);
      requireOptional(entry);
      if (entry.state === 'stopped') throw new AppError('conflict', { message: `${name} is stopped already.` });
      await takeDown(entry, reason);
      return describe(entry);
    },
    async restart(name) {
      const entry = require(name);
      await takeDown(entry);
      entry.wanted = true;
      entry.failures = 0;
      entry.restarts += 1;
      await bringUp(entry).catch(() => undefined);
      return describe(entry);
    },
    async whileDown(name, work) {
      const entry = require(name);
      await takeDown(entry);
      await work();
      entry.wanted = true;
      await bringUp(entry);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onExit(listener) {
      exitListeners.add(listener);
      return () => exitListeners.delete(listener);
    },
    async stopAll() {
      // Serial and backwards: what was added later may need what was there before.
      for (const entry of [...entries.values()].reverse()) await takeDown(entry);
    },
  };
}

/** Of a kill that nobody here asked for. */
function memoryWord(before: number | undefined, after: number | undefined): string | undefined {
  if (before === undefined || after === undefined || after <= before) return undefined;
  return 'out of memory: while it ran the kernel killed for want of memory, most likely this';
}

function describe(entry: Entry): ServiceStatus {
  return {
    name: entry.spec.name,
    state: entry.state,
    required: entry.isRequired,
    pid: entry.running?.pid ?? null,
    since: new Date(entry.since).toISOString(),
    restarts: entry.restarts,
    exits: [...entry.exits],
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    ...(entry.progress === undefined ? {} : { progress: entry.progress }),
  };
}
