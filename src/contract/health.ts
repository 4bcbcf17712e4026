/** What Studio says about itself. `/health` is open and minimal; the rest is for the signed-in, or for callers on the machine itself. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { maintenance } from './maintenance.ts';
import { healthStates } from './values.ts';

const bytes = z.int().min(0);

/** One part's answer. `reason` says why not. */
export const probe = z.strictObject({ ok: z.boolean(), ms: z.number(), reason: z.string().optional() });

export const minimalHealth = z.strictObject({ status: z.enum(healthStates), phase: z.string().optional() });

/** The copy on the volume of a database that is on the machine's own disk. */
export const shadowHealth = z.strictObject({
  /** sync: a commit waits until it is on the volume. async: it does not; what `lag` says would be lost with the machine. */
  mode: z.enum(['sync', 'async']),
  /** Grows with each restore. */
  generation: z.int(),
  isStreaming: z.boolean(),
  /** Log that is not on the volume; null until it is known. */
  lagBytes: bytes.nullable(),
  /** How long the volume has been behind without a break. */
  lagMs: z.int().min(0),
  bases: z.int(),
  lastBaseAt: timestamp.nullable(),
  /** Log since the newest base backup: what a restore replays. */
  walBytes: bytes,
  /** On the volume, base backups and log together. */
  bytes,
  /** What is wrong now, or was when it was restored. */
  faults: z.array(z.string()),
});

export const storageHealth = z.strictObject({
  path: z.string(),
  mountType: z.string(),
  mountPoint: z.string(),
  /** What the file system asks for, and what this start does. */
  wanted: z.enum(['direct', 'shadow', 'ephemeral']),
  plan: z.enum(['direct', 'shadow', 'ephemeral']),
  /** Null for other plans, and before the database is up. */
  shadow: shadowHealth.nullable(),
  /** What a stop would lose; null when nothing. */
  banner: z.string().nullable(),
  reasons: z.array(z.string()),
  freeBytes: bytes,
  totalBytes: bytes,
  fsyncMs: z.number().nullable(),
  keepsOwner: z.boolean().nullable(),
  keepsMode: z.boolean(),
  locks: z.boolean().nullable(),
});

export const folderSize = z.strictObject({
  name: z.string(),
  bytes,
  files: z.int(),
  /** False: there are more files than were counted in the time given. */
  complete: z.boolean(),
});

export const workerHealth = z.strictObject({
  id: z.string(),
  queues: z.array(z.string()),
  slots: z.int(),
  beatAgeMs: z.int(),
  jobs: z.array(z.string()),
  gpu: z.boolean(),
});

export const queueHealth = z.strictObject({ queue: z.string(), pending: z.int(), running: z.int(), stuck: z.int(), hasWorker: z.boolean() });

/** Processors and memory, as far as this container may use them. */
export const machineLoad = z.strictObject({
  /** Share of `cores` in use, 0 to 1; null until it was measured twice. */
  cpuShare: z.number().nullable(),
  cores: z.number(),
  load1: z.number(),
  memoryUsedBytes: bytes,
  memoryTotalBytes: bytes,
  processBytes: bytes,
});

export const infrastructureHealth = z.strictObject({
  status: z.enum(healthStates),
  phase: z.string().optional(),
  reasons: z.array(z.string()),
  version: z.string(),
  startedAt: timestamp,
  machine: machineLoad,
  storage: storageHealth.nullable(),
  database: probe,
  redis: probe,
  workers: z.strictObject({ alive: z.int() }),
  /** `stuck`: pending for more than five minutes on a queue that no worker serves. */
  jobs: z.strictObject({ pending: z.int(), running: z.int(), stuck: z.int() }),
  sockets: z.strictObject({ open: z.int(), limit: z.int() }),
  maintenance,
});

export const redisHealth = z.strictObject({
  ...probe.shape,
  version: z.string().nullable(),
  usedMemoryBytes: bytes.nullable(),
  maxMemoryBytes: bytes.nullable(),
  evictedKeys: z.int().nullable(),
  clients: z.int().nullable(),
});

/** What instances take of the database; `fault` also stands among the reasons of a degraded health. */
export const runDataHealth = z.strictObject({
  bytes,
  budgetBytes: bytes.nullable(),
  partitions: z.int(),
  /** Periods past the longest retention that instances hold: GET /api/v1/run-data names them. */
  held: z.int(),
  fault: z.string().nullable(),
});

export const databaseHealth = z.strictObject({
  ...probe.shape,
  facts: z
    .strictObject({
      version: z.string(),
      uptimeMs: z.int(),
      connections: z.int(),
      maxConnections: z.int(),
      sizeBytes: bytes,
      cacheHit: z.number().nullable(),
      checksums: z.boolean(),
      checksumFailures: z.int(),
    })
    .nullable(),
  /** Null before it was measured for the first time. */
  runData: runDataHealth.nullable(),
  slowQueries: z.array(z.strictObject({ pid: z.int(), ms: z.int(), state: z.string(), waitsFor: z.string().nullable() })),
});

export const fullHealth = z.strictObject({
  status: z.enum(healthStates),
  ok: z.boolean(),
  checks: z.array(z.strictObject({ name: z.string(), required: z.boolean(), ...probe.shape, help: z.string().optional() })),
});

const tag = 'health';

export const healthEndpoints = [
  endpoint({ key: 'GET /health', tag, summary: 'Ready or not: 200 when ready, else 503', status: 200, reply: minimalHealth }),
  endpoint({ key: 'GET /health/live', tag, summary: '200 while the process lives', status: 200, reply: z.strictObject({ status: z.literal('live') }) }),
  endpoint({
    key: 'GET /api/v1/infrastructure/health',
    tag,
    summary: 'Storage, database, Redis, workers, jobs and sockets at a glance',
    status: 200,
    reply: infrastructureHealth,
  }),
  endpoint({ key: 'GET /api/v1/infrastructure/health/redis', tag, summary: 'Redis: ping, memory, evictions, clients', status: 200, reply: redisHealth }),
  endpoint({
    key: 'GET /api/v1/infrastructure/health/workers',
    tag,
    summary: 'Workers with their beat and jobs; queues that have jobs and no worker',
    status: 200,
    reply: z.strictObject({ items: z.array(workerHealth), queues: z.array(queueHealth), withoutWorker: z.array(z.string()) }),
  }),
  endpoint({ key: 'GET /api/v1/infrastructure/health/full', tag, summary: 'Every probe; 503 when a required part is down', status: 200, reply: fullHealth }),
  endpoint({
    key: 'GET /api/v1/infrastructure/health/storage',
    tag,
    summary: 'The volume: verdict, sizes, free space',
    status: 200,
    reply: z.strictObject({ storage: storageHealth.nullable(), folders: z.array(folderSize) }),
  }),
  endpoint({
    key: 'GET /api/v1/infrastructure/health/database',
    tag,
    summary: 'PostgreSQL: version, uptime, connections, size, cache hit, slow queries',
    status: 200,
    reply: databaseHealth,
  }),
  endpoint({
    key: 'GET /metrics',
    tag,
    summary: 'Metrics for Prometheus',
    status: 200,
    reply: z.string(),
    replyType: 'text/plain; version=0.0.4; charset=utf-8',
  }),
] as const;
