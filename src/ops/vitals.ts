/** One look at what Studio stands on: database, Redis, volume, queues, workers, the event loop. Shared by metrics, alerts and history, so that each part is asked
 *  once, however many look. Never rejects: a part that does not answer is a fact. */
import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Redis } from 'ioredis';
import type { Clock } from '../kernel/clock.ts';
import type { SqlPool } from '../store/client.ts';
import { listQueueHealth, listWorkerHealth, pingDatabase, type QueueHealth, type WorkerHealth } from '../store/health.ts';
import { readStoreVitals, type StoreVitals } from '../store/vitals.ts';
import { runCheck, type Probe } from './health.ts';
import { readRedis, type RedisFacts } from './redis-facts.ts';

export interface VitalsParts {
  readonly clock: Clock;
  readonly sql: SqlPool;
  readonly redis: Redis | undefined;
  /** Whose volume is measured. */
  readonly workspacePath: string;
}

export interface Snapshot {
  readonly atMs: number;
  readonly database: Probe;
  /** Undefined while the database is away. */
  readonly store: StoreVitals | undefined;
  readonly queues: readonly QueueHealth[] | undefined;
  readonly workers: readonly WorkerHealth[] | undefined;
  readonly redis: Probe;
  readonly redisFacts: RedisFacts | undefined;
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number; readonly freeInodes: number; readonly totalInodes: number } | undefined;
}

/** Who looks at the loop: each has its own stretch. */
export type LoopReader = 'alerts' | 'history';

export interface Vitals {
  /** At most `KEPT_MS` old. */
  read(): Promise<Snapshot>;
  /** The event loop's delay since this reader asked last, ms at the 99th percentile. */
  loopDelayMs(reader: LoopReader): number;
  stop(): void;
}

/** Three that look at the same moment share one look. */
const KEPT_MS = 1_000;
/** As infrastructure/health: who asks waits this long for one part at most. */
const CHECK_MS = 3_000;
const BEAT_MS = 30_000;
const STUCK_MS = 5 * 60_000;
const LOOP_RESOLUTION_MS = 20;

export function createVitals({ clock, sql, redis, workspacePath }: VitalsParts): Vitals {
  const loops = { alerts: monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS }), history: monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS }) };
  for (const loop of Object.values(loops)) loop.enable();
  /** One at a time: each that hangs holds a thread. */
  let asking: Promise<StatsFs> | undefined;
  const askDisk = (): Promise<StatsFs> => (asking ??= statfs(workspacePath).finally(() => (asking = undefined)));
  let last: { readonly atMs: number; readonly snapshot: Promise<Snapshot> } | undefined;

  async function look(): Promise<Snapshot> {
    const now = new Date(clock.now());
    const check = <T extends object>(work: () => Promise<T>) => runCheck(work, CHECK_MS, clock);
    const [database, store, queues, workers, redisAnswer, disk] = await Promise.all([
      check(async () => ({ answered: await pingDatabase(sql) })),
      check(() => readStoreVitals(sql)),
      check(() => listQueueHealth(sql, { now, beatMs: BEAT_MS, stuckMs: STUCK_MS })),
      check(() => listWorkerHealth(sql, now)),
      check(() => readRedis(redis)),
      check(askDisk),
    ]);
    return {
      atMs: now.getTime(),
      database: database.probe,
      store: store.facts,
      queues: queues.facts,
      workers: workers.facts,
      redis: redisAnswer.probe,
      redisFacts: redisAnswer.facts,
      disk:
        disk.facts === undefined
          ? undefined
          : {
              freeBytes: disk.facts.bavail * disk.facts.bsize,
              totalBytes: disk.facts.blocks * disk.facts.bsize,
              freeInodes: disk.facts.ffree,
              totalInodes: disk.facts.files,
            },
    };
  }

  return {
    read() {
      const atMs = clock.monotonic();
      if (last === undefined || atMs - last.atMs > KEPT_MS) last = { atMs, snapshot: look() };
      return last.snapshot;
    },
    loopDelayMs(reader) {
      const loop = loops[reader];
      // What the histogram measures is the timer's own interval and what came late on top.
      const delay = Math.max(0, loop.percentile(99) / 1e6 - LOOP_RESOLUTION_MS);
      loop.reset();
      return Number.isFinite(delay) ? Math.round(delay * 10) / 10 : 0;
    },
    stop() {
      for (const loop of Object.values(loops)) loop.disable();
    },
  };
}
