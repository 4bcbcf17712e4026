/** A world for one engine after another (or two at once): a clock that only the simulation moves, rows in memory that outlive them, and a gate at
 *  every call of the store where the engine may die, be frozen, or lose its connection. Everything random comes from one seeded generator, in
 *  an order that the seed alone decides. */
import type { Json } from '../../contract/endpoint.ts';
import { isTerminalStep } from '../../contract/values.ts';
import { createEngine, type Engine } from '../../engine/engine.ts';
import { sleepWith, type Clock } from '../../kernel/clock.ts';
import type { NodeContext, NodeTypes } from '../../nodes/kit.ts';
import type { EngineStore } from '../../engine/store-port.ts';
import { nodeTypes } from '../../nodes/index.ts';
import type { Rows } from '../memory-store/rows.ts';
import { databaseError } from '../memory-store/answers.ts';
import { memoryStore } from '../memory-store/store.ts';
import { simulatedTypes } from './acts.ts';
import { between, chance, type Random } from './random.ts';
import type { Chances } from './scenario.ts';
import { keepErrors, unused, unusedDatabase } from './stand-ins.ts';

export const ORG = 'org_sim';

/** One process: dead, it does nothing more; frozen, it goes on when it is thawed. */
interface Process {
  readonly name: string;
  engine: Engine;
  isDead: boolean;
  isFrozen: boolean;
  /** It was frozen at some time: it may not know yet what others did. */
  wasFrozen: boolean;
  isUp: boolean;
  upAt: number;
  readonly thawed: (() => void)[];
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export interface World {
  readonly rows: Rows;
  readonly now: () => number;
  /** What went wrong that no row shows. */
  readonly faults: string[];
  /** Errors that the engine logged. */
  readonly errors: string[];
  /** Attempts under way of processes that live, by instance. */
  readonly inFlight: Map<string, number>;
  readonly processes: readonly Process[];
  /** Calls of the store without an answer yet. */
  readonly openCalls: number;
  readonly crashes: number;
  boot(): void;
  kill(process: Process): void;
  freeze(process: Process): void;
  thaw(process: Process): void;
  /** The process that takes requests, when one does. */
  front(): Engine | undefined;
  /** The process that requests come to: it may still be taking over what the one before left. */
  door(): Engine | undefined;
  /** How long the one that takes requests has been up, ms. */
  sinceUp(): number | undefined;
  after(ms: number, run: () => void): void;
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
  /** Moves the clock to the next timer and runs it. @returns false when there is none */
  step(): boolean;
  endJob(jobId: string, exitCode: number): void;
}

export interface WorldOptions {
  readonly random: Random;
  /** Of which answers come late: apart, so that a world without any stays what it is. */
  readonly lateness: Random;
  readonly chances: Chances;
  /** Two processes may be there at once: none may believe that it is alone. */
  readonly hasTwo: boolean;
  readonly isHasty: boolean;
  /** Told of every answered question that had its effect. */
  readonly heard: Heard;
}

/** @param asked what was asked with */
export type Heard = (name: keyof EngineStore, asked: readonly unknown[], answer: unknown) => void;

const START_MS = Date.UTC(2026, 0, 1);
/** An answer may be behind some turns, and some other questions. */
const LATEST_MS = 60;
/** Then the storm is over: a step that takes longer than a process lives would never end. */
const MAX_CRASHES = 40;

export function createWorld(rows: Rows, { random, lateness, chances, hasTwo, isHasty, heard }: WorldOptions): World {
  const timers = new Set<Timer>();
  const processes: Process[] = [];
  const faults: string[] = [];
  const errors: string[] = [];
  const inFlight = new Map<string, number>();
  let time = START_MS;
  let activity = 0;
  let openCalls = 0;
  let crashes = 0;

  const after = (ms: number, run: () => void): (() => void) => {
    activity += 1;
    const timer = { at: time + Math.max(0, Math.round(ms)), run };
    timers.add(timer);
    return () => void timers.delete(timer);
  };

  /** Runs in the life of a process: not any more when it is dead, later when it is frozen. */
  const within = (process: Process, run: () => void): void => {
    activity += 1;
    if (process.isDead) return;
    if (process.isFrozen) process.thawed.push(run);
    else run();
  };

  const clockOf = (process: Process): Clock => {
    const clock: Clock = {
      now: () => time,
      monotonic: () => time - START_MS,
      after: (ms, callback) => after(ms, () => within(process, callback)),
      sleep: (ms, signal) => sleepWith(clock, ms, signal),
    };
    return clock;
  };

  const gate = (process: Process, apply: () => unknown): Promise<unknown> => {
    activity += 1;
    const roll = random();
    const isSlow = chance(random, chances.slow);
    const delayMs = isSlow ? between(random, 1, 40) : 0;
    const isAfter = chance(random, 0.5);
    const lateMs = chances.late > 0 && chance(lateness, chances.late) ? between(lateness, 0, LATEST_MS) : undefined;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (process.isDead) return promise;
    openCalls += 1;
    const deliver = (give: () => void): void => {
      openCalls -= 1;
      within(process, give);
    };
    const answer = (give: () => void): void => (lateMs === undefined ? deliver(give) : void after(lateMs, () => deliver(give)));
    const happen = (): void => {
      // What a dead process had sent may still be carried out; here it is not: it died before.
      if (process.isDead) return void (openCalls -= 1);
      if (roll < chances.crash && crashes < MAX_CRASHES) {
        if (isAfter) attempt(apply);
        openCalls -= 1;
        return world.kill(process);
      }
      if (roll < chances.crash + chances.lost) {
        if (isAfter) attempt(apply);
        return answer(() => reject(databaseError('ECONNRESET', 'Connection terminated unexpectedly')));
      }
      const result = attempt(apply);
      answer(() => ('error' in result ? reject(result.error as Error) : resolve(result.value)));
    };
    if (delayMs === 0) happen();
    else after(delayMs, happen);
    return promise;
  };

  const launch = (process: Process): void => {
    const clock = clockOf(process);
    process.engine = createEngine({
      database: unusedDatabase,
      store: memoryStore(
        rows,
        () => time,
        (name, apply, asked) => {
          return gate(process, () => {
            const answer = apply();
            heard(name, asked, answer);
            return answer;
          });
        },
      ),
      clock,
      log: keepErrors(errors, { name: process.name, isDead: () => process.isDead }),
      nodeTypes: typesOf(process, clock),
      filesOf: unused,
      httpOf: unused,
      sandbox: { run: unused },
      large: { keep: unused, read: unused, share: unused },
      secrets: { read: async () => undefined },
      jobs: { wake: () => undefined, cancel: (jobId) => cancelJob(process, jobId) },
      isAlone: !hasTwo,
      random,
    });
    process.engine.start().then(
      () => {
        process.isUp = true;
        process.upAt = time;
      },
      // The database was away: whoever starts Studio starts it again.
      () => world.kill(process),
    );
  };

  const cancelJob = async (process: Process, jobId: string): Promise<void> => {
    const job = rows.jobs.get(jobId);
    if (process.isDead || job === undefined || !['queued', 'running'].includes(job.status)) return;
    rows.jobs.set(jobId, { ...job, status: 'cancelled', reason: 'cancelled' });
  };

  const typesOf = (process: Process, clock: Clock): NodeTypes => {
    const count = (instanceId: string, by: number): void => void inFlight.set(instanceId, (inFlight.get(instanceId) ?? 0) + by);
    const simulated = simulatedTypes({
      began: (context) => {
        activity += 1;
        if (process.isDead) return;
        count(context.instanceId, 1);
        if (!process.wasFrozen) checkBegin(rows, context, faults);
      },
      ended: (context) => process.isDead || count(context.instanceId, -1),
      wait: (ms, signal) => clock.sleep(ms, signal),
    });
    return new Map([...nodeTypes, ...simulated.map((type) => [type.type, type] as const)]);
  };

  const world: World = {
    rows,
    now: () => time,
    faults,
    errors,
    inFlight,
    processes,
    get openCalls() {
      return openCalls;
    },
    get crashes() {
      return crashes;
    },
    boot() {
      const process: Process = {
        name: `p${processes.length + 1}`,
        engine: undefined as unknown as Engine,
        isDead: false,
        isFrozen: false,
        wasFrozen: false,
        isUp: false,
        upAt: 0,
        thawed: [],
      };
      processes.push(process);
      launch(process);
    },
    kill(process) {
      if (process.isDead) return;
      process.isDead = true;
      process.isUp = false;
      crashes += 1;
      inFlight.clear();
      process.engine.crash();
      after(between(random, 0, 300), () => world.boot());
    },
    freeze(process) {
      process.isFrozen = true;
      process.wasFrozen = true;
    },
    thaw(process) {
      process.isFrozen = false;
      // Each in a turn of its own, like the timers of a process that wakes up.
      for (const run of process.thawed.splice(0)) after(0, () => within(process, run));
    },
    front: () => processes.findLast((process) => process.isUp && !process.isFrozen && !process.isDead)?.engine,
    door: () => processes.findLast((process) => (process.isUp || isHasty) && !process.isFrozen && !process.isDead)?.engine,
    sinceUp() {
      const process = processes.findLast((one) => one.isUp && !one.isDead);
      return process === undefined ? undefined : time - process.upAt;
    },
    after: (ms, run) => void after(ms, run),
    async settle() {
      for (let before = -1; before !== activity;) {
        before = activity;
        await turn();
        await turn();
      }
    },
    step() {
      let next: Timer | undefined;
      for (const timer of timers) if (next === undefined || timer.at < next.at) next = timer;
      if (next === undefined) return false;
      timers.delete(next);
      time = Math.max(time, next.at);
      next.run();
      return true;
    },
    endJob(jobId, exitCode) {
      const job = rows.jobs.get(jobId);
      if (job === undefined || !['queued', 'running'].includes(job.status)) return;
      const ended = { exitCode, stdout: '', stderr: '', artifacts: [], result: { key: job.stepPath.slice(job.stepPath.lastIndexOf('/') + 1) } };
      rows.jobs.set(jobId, { ...job, status: 'completed', result: JSON.stringify(ended as unknown as Json) });
      for (const process of processes) if (process.isUp) within(process, () => process.engine.onJobEnded(jobId));
    },
  };
  return world;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function attempt(apply: () => unknown): { readonly value: unknown } | { readonly error: unknown } {
  try {
    return { value: apply() };
  } catch (error) {
    return { error };
  }
}

/** No body may run once its result is recorded. */
function checkBegin(rows: Rows, context: NodeContext, faults: string[]): void {
  const row = rows.steps.get(context.instanceId)?.get(`${context.path} ${context.generation}`);
  if (row !== undefined && isTerminalStep(row.status))
    faults.push(`${context.path} began again in generation ${context.generation} although it had ended ${row.status}`);
}
