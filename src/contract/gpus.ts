/** Devices and the machine's history over the API. */
import * as z from 'zod';
import { endpoint, page, pageQuery, timestamp } from './endpoint.ts';
import { gpuStates } from './values.ts';

const bytes = z.int().min(0);
const named = z.strictObject({ uuid: z.string().max(100) });
/** The longest that history is kept. */
const MAX_MINUTES = 24 * 60;
const span = z.strictObject({ minutes: z.coerce.number().int().min(1).max(MAX_MINUTES).default(60) });

export const gpuProcess = z.strictObject({
  pid: z.int(),
  name: z.string(),
  /** Null: the driver does not tell. */
  memoryBytes: bytes.nullable(),
  /** Who holds the lease it runs under; null: it is not Studio's. The id is null when it is another organisation's. */
  tenant: z.strictObject({ kind: z.enum(['job', 'model', 'service']), id: z.string().nullable() }).nullable(),
});

export const gpu = z.strictObject({
  /** As the driver counts whole cards; a MIG instance has (its card's + 1) × 100 + its own. */
  index: z.int(),
  /** What names it for good: `CUDA_VISIBLE_DEVICES` takes it too. */
  uuid: z.string(),
  name: z.string(),
  vendor: z.enum(['nvidia', 'amd']),
  state: z.enum(gpuStates),
  /** Why it is not ok. */
  reason: z.string().nullable(),
  /** Since when it is in this state. */
  since: timestamp,
  driver: z.string().nullable(),
  busId: z.string(),
  memoryTotalBytes: bytes,
  memoryUsedBytes: bytes,
  /** Used by what Studio did not start. */
  memoryExternalBytes: bytes,
  /** Its memory is the machine's own. */
  sharesMemory: z.boolean(),
  utilizationPercent: z.number().nullable(),
  temperatureC: z.number().nullable(),
  powerW: z.number().nullable(),
  powerLimitW: z.number().nullable(),
  /** Of a MIG instance: the card it is a part of. */
  partOf: z.strictObject({ uuid: z.string(), index: z.int() }).nullable(),
  /** Those the driver shows; in a container that may be none. */
  processes: z.array(gpuProcess),
  /** The last error the driver logged about it (Xid), also one that an application caused. */
  lastError: z.strictObject({ at: timestamp, message: z.string() }).nullable(),
  sampledAt: timestamp,
});

/** How devices were looked for. */
export const gpuDetection = z.strictObject({
  /** What answers; null: nothing does, and everything runs on CPU queues. */
  program: z.string().nullable(),
  lookedFor: z.array(z.strictObject({ program: z.string(), found: z.boolean(), about: z.string() })),
  /** What is wrong with it now, or with cards that can't be read. */
  faults: z.array(z.string()),
  /** Why it can't be said yet which devices there are: Studio starts without waiting for a driver that takes its time. */
  unknown: z.string().nullable(),
});

const gpuPoint = z.strictObject({
  at: timestamp,
  utilizationPercent: z.number().nullable(),
  memoryUsedBytes: bytes,
  temperatureC: z.number().nullable(),
  powerW: z.number().nullable(),
});

/** One who had memory of a device in that time. */
const gpuTenantHistory = z.strictObject({
  kind: z.enum(['job', 'model', 'service']),
  /** Null: other organisations' tenants of this kind, in one. */
  id: z.string().nullable(),
  name: z.string(),
  /** A step in which it had none has no point. The most of the step. */
  points: z.array(z.strictObject({ at: timestamp, grantedBytes: bytes, usedBytes: bytes })),
});

export const gpuHistory = z.strictObject({
  minutes: z.int(),
  /** A minute; five where more than six hours are asked for. */
  stepMs: z.int(),
  /** By index; a minute in which Studio did not run has no point. Values are means of the step, memory the most of it.
   *  Tenants: those who came first stand first. */
  items: z.array(
    z.strictObject({
      uuid: z.string(),
      index: z.int(),
      name: z.string(),
      memoryTotalBytes: bytes,
      points: z.array(gpuPoint),
      tenants: z.array(gpuTenantHistory),
    }),
  ),
});

export const systemMetrics = z.strictObject({
  minutes: z.int(),
  stepMs: z.int(),
  points: z.array(
    z.strictObject({
      at: timestamp,
      /** Share of the processors Studio may use, 0 to 1. */
      cpuShare: z.number().nullable(),
      memoryUsedBytes: bytes,
      memoryTotalBytes: bytes,
      /** Of the volume that holds the workspace. */
      diskUsedBytes: bytes,
      diskTotalBytes: bytes,
      networkReceivedBytesPerS: z.number().nullable(),
      networkSentBytesPerS: z.number().nullable(),
      /** Of the event loop, at the 99th percentile of the minute. */
      loopDelayMs: z.number().nullable(),
      databaseConnections: z.int().nullable(),
      queuedJobs: z.int().nullable(),
      runningJobs: z.int().nullable(),
      stepsPerS: z.number().nullable(),
      requestsPerS: z.number().nullable(),
      /** Memory of Studio's own process. */
      processBytes: z.int().nullable(),
      gpus: z.array(z.strictObject({ uuid: z.string(), index: z.int(), ...gpuPoint.omit({ at: true }).shape })),
    }),
  ),
});

export const gpuEndpoints = [
  endpoint({
    key: 'GET /api/v1/gpus',
    tag: 'machine',
    summary: 'List detected devices, and what was looked for',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(gpu).extend({ detection: gpuDetection }),
  }),
  endpoint({
    key: 'GET /api/v1/gpus/history',
    tag: 'machine',
    summary: 'Use of each device over the last minutes, 24 hours at most',
    query: span,
    status: 200,
    reply: gpuHistory,
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/gpus/{uuid}/drain',
    tag: 'machine',
    summary: 'Grant nothing new on a device; what runs there ends by itself',
    params: named,
    body: z.strictObject({ reason: z.string().min(1).max(500) }),
    status: 200,
    reply: gpu,
    errors: ['invalid_body', 'not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/gpus/{uuid}/resume',
    tag: 'machine',
    summary: 'Use a drained device again, or one whose error was mended',
    params: named,
    status: 200,
    reply: gpu,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'GET /api/v1/system/metrics',
    tag: 'machine',
    summary: 'Processors, memory, disk, network and devices, a point a minute, 24 hours at most',
    query: span,
    status: 200,
    reply: systemMetrics,
    errors: ['invalid_query'],
  }),
] as const;
