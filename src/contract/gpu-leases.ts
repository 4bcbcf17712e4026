/** Who holds memory of devices, cores and memory, and who waits for some. Tenants of other organisations are told by their kind alone. */
import * as z from 'zod';
import { endpoint, page, pageQuery, timestamp } from './endpoint.ts';
import { waitReason } from './instances.ts';

const bytes = z.int().min(0);
const kind = z.enum(['job', 'model', 'service']);

export const gpuLease = z.strictObject({
  id: z.string(),
  kind,
  /** As it is shown: what people call the tenant, its id where they call it nothing, or `another organisation's job`. */
  holder: z.string(),
  /** Null: another organisation's. */
  tenantId: z.string().nullable(),
  devices: z.array(z.strictObject({ uuid: z.string(), index: z.int(), bytes })),
  /** Nobody sits beside it. */
  whole: z.boolean(),
  cpu: z.number(),
  memoryBytes: bytes,
  priority: z.int(),
  preemptible: z.boolean(),
  pinned: z.boolean(),
  since: timestamp,
  /** Since when nobody uses it; null: it is used. */
  idleSince: timestamp.nullable(),
  /** By when it ends at the latest; null: nobody knows. */
  endsBy: timestamp.nullable(),
  /** Why it was told to end; null: it was not. */
  leaving: z.string().nullable(),
  /** On the device where it uses most; null: the driver does not tell. */
  usedBytes: bytes.nullable(),
  peakBytes: bytes.nullable(),
});

export const gpuRequest = z.strictObject({
  /** From 1. */
  position: z.int(),
  kind,
  holder: z.string(),
  tenantId: z.string().nullable(),
  queue: z.string().nullable(),
  gpus: z.int(),
  vramBytes: bytes,
  cpu: z.number(),
  memoryBytes: bytes,
  priority: z.int(),
  /** From when its waiting counts. */
  queuedAt: timestamp,
  /** `until`: it starts by then at the latest. */
  reason: waitReason,
});

export const gpuLeaseEndpoints = [
  endpoint({
    key: 'GET /api/v1/gpus/leases',
    tag: 'machine',
    summary: 'Who holds memory of devices, cores and memory',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(gpuLease),
  }),
  endpoint({
    key: 'GET /api/v1/gpus/queue',
    tag: 'machine',
    summary: 'Who waits for some, in line, why, and by when it starts where that can be known',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(gpuRequest),
  }),
] as const;
