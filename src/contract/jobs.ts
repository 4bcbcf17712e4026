/** Jobs, queues, workers, devices and artifacts over the API. */
import * as z from 'zod';
import { endpoint, labels, page, pageQuery, timestamp } from './endpoint.ts';
import { resources, retryPolicy } from './graph.ts';
import { failure, waitReason } from './instances.ts';
import { jobStatuses, queueStates } from './values.ts';

const id = z.strictObject({ id: z.string().max(64) });
const named = z.strictObject({ name: z.string().max(64) });

/** A process to run. Exactly one of `command` (argv) and `script`. Env names and values may hold `{{ secrets.X }}`. */
export const commandSpec = z.strictObject({
  command: z.array(z.string().max(131_072)).min(1).max(1_000).optional(),
  script: z.string().max(1_048_576).optional(),
  shell: z.string().max(256).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(131_072)).optional(),
  cwd: z.string().max(4_096).optional(),
  /** Name in the working folder → path in the org's files. */
  files: z.record(z.string().min(1).max(255), z.string().max(512)).optional(),
  stdin: z.string().max(10_485_760).optional(),
  parse: z.enum(['json', 'lines', 'none']).optional(),
});
export type CommandSpec = z.infer<typeof commandSpec>;

export const submitJob = commandSpec.extend({
  queue: z.string().max(64).optional(),
  resources: resources.optional(),
  timeoutMs: z
    .int()
    .min(1)
    .max(30 * 86_400_000)
    .optional(),
  retry: retryPolicy.partial().optional(),
  priority: z.int().min(0).max(100).optional(),
  labels: labels.optional(),
  array: z.int().min(1).max(10_000).optional(),
});

export const job = z.strictObject({
  id: z.string(),
  queue: z.string(),
  /** What it runs: `command` for now; node types with `runs: 'job'` name themselves. */
  type: z.string(),
  status: z.enum(jobStatuses),
  exitCode: z.int().optional(),
  signal: z.string().optional(),
  reason: z.string().optional(),
  error: failure.optional(),
  attempts: z.int(),
  waitReason: waitReason.optional(),
  progress: z.number().optional(),
  metrics: z.record(z.string(), z.number()).optional(),
  resources,
  lease: z.strictObject({ workerId: z.string(), expiresAt: timestamp }).optional(),
  /** Of a queued job: when the next attempt is due. */
  notBefore: timestamp.optional(),
  priority: z.int(),
  labels,
  instanceId: z.string().optional(),
  stepPath: z.string().optional(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  seq: z.int(),
});
export type Job = z.infer<typeof job>;

export const artifact = z.strictObject({
  id: z.string(),
  name: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  mediaType: z.string(),
  jobId: z.string().optional(),
  instanceId: z.string().optional(),
  stepPath: z.string().optional(),
  createdAt: timestamp,
});
export type Artifact = z.infer<typeof artifact>;

export const queue = z.strictObject({
  name: z.string(),
  state: z.enum(queueStates),
  slots: z.int(),
  maxPending: z.int(),
  defaultTimeoutMs: z.int(),
  pending: z.int(),
  running: z.int(),
});
export type Queue = z.infer<typeof queue>;

export const worker = z.strictObject({
  id: z.string(),
  builtIn: z.boolean(),
  host: z.string(),
  pid: z.int(),
  queues: z.array(z.string()),
  slots: z.int(),
  running: z.array(z.string()),
  lastBeatAt: timestamp,
  startedAt: timestamp,
});
export const gpu = z.strictObject({
  index: z.int(),
  uuid: z.string(),
  name: z.string(),
  memoryTotalBytes: z.int(),
  memoryUsedBytes: z.int(),
  utilizationPercent: z.number().nullable(),
  temperatureC: z.number().nullable(),
  powerW: z.number().nullable(),
  sampledAt: timestamp,
});
export const gpuLease = z.strictObject({ id: z.string(), gpuIndex: z.int(), vramBytes: z.int(), holder: z.string(), grantedAt: timestamp });

export const jobEndpoints = [
  endpoint({
    key: 'POST /api/v1/jobs',
    tag: 'jobs',
    summary: 'Run a command or script on a queue',
    body: submitJob,
    status: 201,
    reply: z.strictObject({ ids: z.array(z.string()), job }),
    errors: ['invalid_body', 'conflict', 'queue_full', 'unsatisfiable', 'too_large'],
  }),
  endpoint({
    key: 'GET /api/v1/jobs',
    tag: 'jobs',
    summary: 'List jobs',
    query: z.strictObject({
      ...pageQuery,
      status: z.string().max(200).optional(),
      queue: z.string().max(64).optional(),
      instanceId: z.string().max(64).optional(),
      label: z.string().max(330).optional(),
      since: timestamp.optional(),
    }),
    status: 200,
    reply: page(job),
    errors: ['invalid_query'],
  }),
  endpoint({ key: 'GET /api/v1/jobs/{id}', tag: 'jobs', summary: 'Read a job', params: id, status: 200, reply: job, errors: ['not_found'] }),
  endpoint({
    key: 'POST /api/v1/jobs/{id}/cancel',
    tag: 'jobs',
    summary: 'Cancel a job: TERM, grace, KILL, proof',
    params: id,
    status: 200,
    reply: job,
    errors: ['not_found', 'illegal_transition'],
  }),
  endpoint({
    key: 'POST /api/v1/jobs/{id}/retry',
    tag: 'jobs',
    summary: 'Queue a finished direct job again',
    params: id,
    status: 200,
    reply: job,
    errors: ['not_found', 'illegal_transition'],
  }),
  endpoint({
    key: 'GET /api/v1/jobs/{id}/log',
    tag: 'jobs',
    summary: 'The log, as text; with follow it streams until the job ends',
    params: id,
    query: z.strictObject({ follow: z.stringbool().default(false), from: z.coerce.number().int().min(0).default(0) }),
    status: 200,
    reply: z.string(),
    replyType: 'text/plain; charset=utf-8',
    errors: ['not_found', 'invalid_query'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/jobs/{id}/artifacts',
    tag: 'jobs',
    summary: 'What the job left in $STUDIO_ARTIFACTS',
    params: id,
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(artifact),
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/artifacts/{id}',
    tag: 'jobs',
    summary: 'The bytes of an artifact; ranges work',
    params: id,
    query: z.strictObject({ meta: z.stringbool().default(false) }),
    status: 200,
    reply: z.string(),
    replyType: 'application/octet-stream',
    errors: ['not_found'],
    streams: true,
  }),
] as const;

export const machineEndpoints = [
  endpoint({ key: 'GET /api/v1/queues', tag: 'machine', summary: 'List queues', query: z.strictObject(pageQuery), status: 200, reply: page(queue) }),
  endpoint({
    key: 'PATCH /api/v1/queues/{name}',
    tag: 'machine',
    summary: 'Change a queue; a new name makes one',
    params: named,
    body: z.strictObject({
      slots: z.int().min(0).max(256).optional(),
      paused: z.boolean().optional(),
      draining: z.boolean().optional(),
      maxPending: z.int().min(1).max(1_000_000).optional(),
      defaultTimeoutMs: z
        .int()
        .min(1)
        .max(30 * 86_400_000)
        .optional(),
    }),
    status: 200,
    reply: queue,
    errors: ['invalid_body', 'not_found'],
  }),
  endpoint({ key: 'GET /api/v1/workers', tag: 'machine', summary: 'List workers', query: z.strictObject(pageQuery), status: 200, reply: page(worker) }),
  endpoint({ key: 'GET /api/v1/gpus', tag: 'machine', summary: 'List detected devices', query: z.strictObject(pageQuery), status: 200, reply: page(gpu) }),
  endpoint({
    key: 'GET /api/v1/gpus/leases',
    tag: 'machine',
    summary: 'List grants of device memory',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(gpuLease),
  }),
] as const;
