/** Supervised children: started, watched, restarted with backoff, their exits remembered, every change of state told.
 *  Never decides what a service is (its `start` does), never gives up on a required one; a stopped one stays stopped. */
import type { Service } from '../contract/jobs.ts';
import type { ServiceState } from '../contract/values.ts';
import type { ExitStatus } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeExit } from '../kernel/child.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
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
  /** Starts it and waits until it is ready. @throws Refusal when only a person can help; Error when another try may */
  start(signal: AbortSignal): Promise<RunningService>;
}

export interface Services {
  /** Adds it and starts it. @returns once it runs; rejects with the first failure, while further tries go on by themselves */
  add(spec: ServiceSpec): Promise<void>;
  list(): readonly Service[];
  get(name: string): Service | undefined;
  /** @throws AppError not_found; conflict when the call does not apply */
  start(name: string): Promise<Service>;
  stop(name: string): Promise<Service>;
  restart(name: string): Promise<Service>;
  /** Stops it, does `work`, starts it again. @throws what work or the start throws; a failed start is tried again by itself */
  whileDown(name: string, work: () => Promise<void>): Promise<void>;
  /** @returns a function that ends the subscription */
  onChange(listener: (service: Service) => void): () => void;
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
const KEPT_LINES = 20;

interface Entry {
  readonly spec: ServiceSpec;
  state: ServiceState;
  running: RunningService | undefined;
  since: number;
  restarts: number;
  failures: number;
  wanted: boolean;
  reason: string | undefined;
  /** The last failure that was logged. */
  toldReason: string | undefined;
  exits: Service['exits'];
  cancelRetry: () => void;
  starting: Promise<void> | undefined;
  abort: AbortController;
}

export function createServices(parts: { readonly clock: Clock; readonly log: Logger }): Services {
  const { clock, log } = parts;
  const entries = new Map<string, Entry>();
  const listeners = new Set<(service: Service) => void>();

  function move(entry: Entry, state: ServiceState, reason?: string): void {
    entry.state = state;
    entry.reason = reason;
    entry.since = clock.now();
    // The same failure again and again is one line; the tries between are told to listeners only.
    const isRepeated = entry.failures > 1 && (state === 'starting' || reason === entry.toldReason);
    if (reason !== undefined) entry.toldReason = reason;
    const level = isRepeated ? 'debug' : state === 'failed' ? 'error' : state === 'backing_off' ? 'warn' : 'info';
    log[level]({ service: entry.spec.name, state, pid: entry.running?.pid, reason }, 'service changed');
    for (const listener of listeners) listener(describe(entry));
  }

  function bringUp(entry: Entry): Promise<void> {
    entry.starting ??= tryStart(entry).finally(() => (entry.starting = undefined));
    return entry.starting;
  }

  async function tryStart(entry: Entry): Promise<void> {
    entry.cancelRetry();
    entry.abort = new AbortController();
    move(entry, 'starting');
    try {
      const running = await entry.spec.start(entry.abort.signal);
      entry.running = running;
      if (entry.wanted) move(entry, 'running');
      void running.exited.then((status) => onExit(entry, running, status));
    } catch (error) {
      entry.running = undefined;
      if (entry.wanted) retryLater(entry, error);
      throw error;
    }
    // Asked to stop while it was starting.
    if (!entry.wanted) await takeDown(entry);
  }

  function onExit(entry: Entry, running: RunningService, status: ExitStatus): void {
    if (entry.running !== running) return;
    entry.running = undefined;
    const exit = {
      at: new Date(clock.now()).toISOString(),
      code: status.code,
      signal: status.signal,
      uptimeMs: status.uptimeMs,
      lastLines: running.lines().slice(-KEPT_LINES),
    };
    entry.exits = [exit, ...entry.exits].slice(0, KEPT_EXITS);
    if (!entry.wanted) return move(entry, 'stopped');
    if (status.uptimeMs >= HEALTHY_MS) entry.failures = 0;
    retryLater(entry, new Error(`it ended (${describeExit(status)})`));
  }

  function retryLater(entry: Entry, error: unknown): void {
    entry.failures += 1;
    entry.restarts += 1;
    const isRefused = error instanceof Refusal;
    // The first exit of a service that was up is answered at once.
    const delayMs = isRefused ? REFUSED_RETRY_MS : entry.failures === 1 && entry.exits.length > 0 ? 0 : backoffDelayMs(BACKOFF, entry.failures, Math.random());
    move(entry, isRefused ? 'failed' : 'backing_off', messageOf(error));
    entry.cancelRetry = clock.after(delayMs, () => void bringUp(entry).catch(() => undefined)); // Told by move().
  }

  async function takeDown(entry: Entry): Promise<void> {
    entry.wanted = false;
    entry.cancelRetry();
    entry.abort.abort(new Error(`${entry.spec.name} is being stopped`));
    await entry.starting?.catch(() => undefined);
    const { running } = entry;
    if (running !== undefined) await running.stop();
    // The exit has moved it already, or nothing ran.
    if (entry.state !== 'stopped') {
      entry.running = undefined;
      move(entry, 'stopped');
    }
  }

  function require(name: string): Entry {
    const entry = entries.get(name);
    if (entry === undefined)
      throw new AppError('not_found', { message: `There is no service ${name}; there are ${[...entries.keys()].join(', ') || 'none'}.` });
    return entry;
  }

  function requireOptional(entry: Entry): void {
    if (entry.spec.required) throw new AppError('conflict', { message: `Studio does not work without ${entry.spec.name}: it can be restarted, not stopped.` });
  }

  return {
    add(spec) {
      const entry: Entry = {
        spec,
        state: 'stopped',
        running: undefined,
        since: clock.now(),
        restarts: 0,
        failures: 0,
        wanted: true,
        reason: undefined,
        toldReason: undefined,
        exits: [],
        cancelRetry: () => undefined,
        starting: undefined,
        abort: new AbortController(),
      };
      entries.set(spec.name, entry);
      return bringUp(entry);
    },
    list: () => [...entries.values()].map(describe),
    get(name) {
      const entry = entries.get(name);
      return entry === undefined ? undefined : describe(entry);
    },
    async start(name) {
      const entry = require(name);
      if (entry.state === 'running') throw new AppError('conflict', { message: `${name} runs already (pid ${entry.running?.pid}).` });
      entry.wanted = true;
      entry.failures = 0;
      await bringUp(entry).catch(() => undefined); // The reply says how it went.
      return describe(entry);
    },
    async stop(name) {
      const entry = require(name);
      requireOptional(entry);
      if (entry.state === 'stopped') throw new AppError('conflict', { message: `${name} is stopped already.` });
      await takeDown(entry);
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
    async stopAll() {
      // Serial and backwards: what was added later may need what was there before.
      for (const entry of [...entries.values()].reverse()) await takeDown(entry);
    },
  };
}

function describe(entry: Entry): Service {
  return {
    name: entry.spec.name,
    state: entry.state,
    required: entry.spec.required,
    pid: entry.running?.pid ?? null,
    since: new Date(entry.since).toISOString(),
    restarts: entry.restarts,
    exits: entry.exits,
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
  };
}
