/** The facts behind infrastructure/health: each part is asked within a time limit, and a part that does not answer is an answer.
 *  Never throws for a part that is down; never holds state but a short memory of what is dear to measure. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type * as z from 'zod';
import type { databaseHealth, folderSize, fullHealth, infrastructureHealth, redisHealth, runDataHealth, storageHealth } from '../contract/health.ts';
import type { Maintenance } from '../contract/maintenance.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SqlPool } from '../store/client.ts';
import { listQueueHealth, listSlowQueries, listWorkerHealth, pingDatabase, readDatabaseFacts, type QueueHealth, type WorkerHealth } from '../store/health.ts';
import type { Services } from '../supervise/service.ts';
import type { StorageVerdict } from '../supervise/storage.ts';
import { measureFolder } from './folder-size.ts';
import { runCheck, type HealthBoard } from './health.ts';
import { partHelp } from './help/links.ts';
import { createMachineLoad } from './machine-load.ts';
import { readRedis } from './redis-facts.ts';

export interface InfrastructureParts {
  readonly board: HealthBoard;
  readonly clock: Clock;
  readonly sql: SqlPool;
  readonly redis: Redis | undefined;
  readonly services: Pick<Services, 'list'>;
  readonly workspacePath: string;
  readonly version: string;
  readonly maintenance: () => Maintenance;
  readonly sockets: () => { readonly open: number; readonly limit: number };
  /** As measured last. */
  readonly runData: () => z.infer<typeof runDataHealth> | null;
}

export interface Infrastructure {
  glance(): Promise<z.infer<typeof infrastructureHealth>>;
  redis(): Promise<z.infer<typeof redisHealth>>;
  workers(): Promise<{ items: (WorkerHealth & { gpu: boolean })[]; queues: QueueHealth[]; withoutWorker: string[] }>;
  full(): Promise<z.infer<typeof fullHealth>>;
  storage(): Promise<{ storage: z.infer<typeof storageHealth> | null; folders: z.infer<typeof folderSize>[] }>;
  database(): Promise<z.infer<typeof databaseHealth>>;
}

/** Whoever asks about health waits this long for one part at most. */
const CHECK_MS = 3_000;
/** A worker beats every few seconds; silent for this long it is gone. */
const BEAT_MS = 30_000;
const STUCK_MS = 5 * 60_000;
const SLOW_QUERY_MS = 1_000;
/** Walking a folder of a network volume takes long: so much of it, so often. */
const WALK_MS = 2_000;
const SIZES_KEPT_MS = 60_000;

export function createInfrastructure(parts: InfrastructureParts): Infrastructure {
  const { board, clock, sql } = parts;
  const startedAt = new Date(clock.now() - process.uptime() * 1_000).toISOString();
  const check = <T extends object>(work: () => Promise<T>) => runCheck(work, CHECK_MS, clock);
  const askDatabase = () => check(async () => ({ answered: await pingDatabase(sql) }));
  const askRedis = () => check(async () => readRedis(parts.redis));
  const askQueues = () => check(async () => ({ queues: await listQueueHealth(sql, { now: new Date(clock.now()), beatMs: BEAT_MS, stuckMs: STUCK_MS }) }));
  const askWorkers = () => check(async () => ({ workers: await listWorkerHealth(sql, new Date(clock.now())) }));
  const readMachine = createMachineLoad({ clock });
  /** One walk at a time: each that hangs holds a thread. */
  let walking: ReturnType<typeof measureFolders> | undefined;
  const walkFolders = (): ReturnType<typeof measureFolders> => (walking ??= measureFolders(parts.workspacePath, clock).finally(() => (walking = undefined)));
  let sizes: { readonly at: number; readonly folders: z.infer<typeof folderSize>[] } | undefined;

  return {
    async glance() {
      const { status, phase, reasons } = board.overall();
      const [database, redis, queues, workers] = await Promise.all([askDatabase(), askRedis(), askQueues(), askWorkers()]);
      const lines = queues.facts?.queues ?? [];
      const sum = (of: (line: QueueHealth) => number): number => lines.reduce((total, line) => total + of(line), 0);
      return {
        status,
        ...(phase === undefined ? {} : { phase }),
        reasons: [...reasons],
        version: parts.version,
        startedAt,
        machine: await readMachine(),
        storage: board.storage === undefined ? null : storageReply(board.storage, board),
        database: database.probe,
        redis: redis.probe,
        workers: { alive: (workers.facts?.workers ?? []).filter((worker) => worker.beatAgeMs < BEAT_MS).length },
        jobs: { pending: sum((line) => line.pending), running: sum((line) => line.running), stuck: sum((line) => (line.hasWorker ? 0 : line.stuck)) },
        sockets: { ...parts.sockets() },
        maintenance: { ...parts.maintenance() },
      };
    },
    async redis() {
      const { probe, facts } = await askRedis();
      return {
        ...probe,
        version: facts?.version ?? null,
        usedMemoryBytes: facts?.usedMemoryBytes ?? null,
        maxMemoryBytes: facts?.maxMemoryBytes ?? null,
        evictedKeys: facts?.evictedKeys ?? null,
        clients: facts?.clients ?? null,
      };
    },
    async workers() {
      const now = new Date(clock.now());
      const [workers, queues] = await Promise.all([listWorkerHealth(sql, now), listQueueHealth(sql, { now, beatMs: BEAT_MS, stuckMs: STUCK_MS })]);
      return {
        items: workers.map((worker) => ({ ...worker, gpu: worker.queues.includes('gpu') })),
        queues,
        withoutWorker: queues.filter(({ pending, hasWorker }) => pending > 0 && !hasWorker).map(({ queue }) => queue),
      };
    },
    async full() {
      const [database, redis, workers] = await Promise.all([askDatabase(), askRedis(), askWorkers()]);
      const services = parts.services.list().map((service) => ({
        name: `service ${service.name}`,
        required: service.required,
        ok: service.state === 'running',
        ms: 0,
        ...(service.reason === undefined ? {} : { reason: service.reason }),
      }));
      const storage =
        board.storage === undefined
          ? []
          : [
              {
                name: 'storage',
                required: false,
                ok: board.storage.banner === null,
                ms: 0,
                ...(board.storage.banner === null ? {} : { reason: board.storage.banner }),
              },
            ];
      const checks = [
        { name: 'database', required: true, ...database.probe },
        { name: 'redis', required: false, ...redis.probe },
        { name: 'workers', required: false, ...workers.probe },
        ...services,
        ...storage,
      ];
      return {
        status: board.overall().status,
        ok: checks.every((one) => one.ok || !one.required),
        checks: checks.map((one) => (one.ok ? one : { ...one, help: partHelp(one.name) })),
      };
    },
    async storage() {
      if (sizes === undefined || clock.monotonic() - sizes.at > SIZES_KEPT_MS) {
        const { facts } = await check(walkFolders);
        if (facts !== undefined) sizes = { at: clock.monotonic(), folders: facts };
      }
      return { storage: board.storage === undefined ? null : storageReply(board.storage, board), folders: sizes?.folders ?? [] };
    },
    async database() {
      const { probe, facts } = await check(() => readDatabaseFacts(sql));
      return { ...probe, facts: facts ?? null, runData: parts.runData(), slowQueries: probe.ok ? await listSlowQueries(sql, SLOW_QUERY_MS) : [] };
    },
  };
}

function storageReply({ facts, wanted, plan, banner, reasons }: StorageVerdict, board: Pick<HealthBoard, 'shadow'>): z.infer<typeof storageHealth> {
  const { path, mountType, mountPoint, freeBytes, totalBytes, fsyncMs, keepsOwner, keepsMode, locks } = facts;
  return {
    ...{ path, mountType, mountPoint, wanted, plan, banner, reasons: [...reasons] },
    ...{ freeBytes, totalBytes, fsyncMs, keepsOwner, keepsMode, locks },
    shadow: board.shadow(),
  };
}

async function measureFolders(workspacePath: string, clock: Clock): Promise<z.infer<typeof folderSize>[]> {
  const names = (await readdir(workspacePath, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const deadline = clock.monotonic() + WALK_MS;
  const folders: z.infer<typeof folderSize>[] = [];
  for (const name of names.toSorted()) folders.push({ name, ...(await measureFolder(join(workspacePath, name), deadline, clock)) }); // Serial: one disk.
  return folders;
}
