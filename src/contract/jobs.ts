/** Jobs over the API: submitted, read, moved, ended, and what they say: log and metrics. */
import * as z from 'zod';
import { commandSpec } from './command.ts';
import { endpoint, labels, page, pageQuery, timestamp } from './endpoint.ts';
import { resources, retryPolicy } from './graph.ts';
import { failure, waitReason } from './instances.ts';
import { MAX_GROUP } from './job-groups.ts';
import { jobStatuses } from './values.ts';

const id = z.strictObject({ id: z.string().max(64) });

/** Of one job; a group among them counts as one. */
export const MAX_DEPENDENCIES = 100;

export const dependencyConditions = ['afterok', 'afterany'] as const;

/** An id of a job, or of a group: all of its jobs. `afterok` (the default): it must complete; `afterany`: it must end. */
const dependency = z.union([z.string().max(64), z.strictObject({ id: z.string().max(64), condition: z.enum(dependencyConditions) })]);

const jobTimeoutMs = z
  .int()
  .min(1)
  .max(30 * 86_400_000);

/** 0 to 100, or a word for 25, 50, 75, 100. */
const priority = z.union([z.int().min(0).max(100), z.enum(['low', 'normal', 'high', 'critical'])]);

export const submitJob = commandSpec.extend({
  /** What people call it. */
  name: z.string().min(1).max(200).optional(),
  queue: z.string().max(64).optional(),
  resources: resources.optional(),
  timeoutMs: jobTimeoutMs.optional(),
  retry: retryPolicy.partial().optional(),
  priority: priority.optional(),
  labels: labels.optional(),
  /** So many jobs, each with its `$STUDIO_ARRAY_INDEX`. */
  array: z.int().min(1).max(MAX_GROUP).optional(),
  /** One job for each combination: `{{ matrix.name }}` in arguments, env values and the name; `$STUDIO_MATRIX_name` in the environment. */
  matrix: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/),
      z
        .array(z.union([z.string().max(4_096), z.number(), z.boolean()]))
        .min(1)
        .max(1_000),
    )
    .optional(),
  dependsOn: z.array(dependency).max(MAX_DEPENDENCIES).optional(),
  /** It may be ended and put back in line for something more important; `$STUDIO_CHECKPOINT` is kept for it. */
  preemptible: z.boolean().optional(),
});

/** A test run: now, at the head of the line, for a minute at most. */
export const testRun = commandSpec.extend({
  queue: z.string().max(64).optional(),
  resources: resources.optional(),
  timeoutMs: z.int().min(1).max(60_000).optional(),
});

export const job = z.strictObject({
  id: z.string(),
  name: z.string().optional(),
  queue: z.string(),
  /** What it runs: `command`; jobs of steps name their node type. */
  type: z.string(),
  status: z.enum(jobStatuses),
  exitCode: z.int().optional(),
  signal: z.string().optional(),
  reason: z.string().optional(),
  error: failure.optional(),
  attempts: z.int(),
  /** Of a queued job: why it does not run yet. Of a running one: why it can't be ended. */
  waitReason: waitReason.optional(),
  progress: z.number().optional(),
  /** The last value of each. */
  metrics: z.record(z.string(), z.number()).optional(),
  resources,
  preemptible: z.boolean(),
  lease: z
    .strictObject({
      workerId: z.string(),
      expiresAt: timestamp,
      /** Of a running job that was granted some. */
      devices: z.array(z.strictObject({ uuid: z.string(), index: z.int(), bytes: z.int() })).optional(),
    })
    .optional(),
  /** What to ask for next, from what the same command with the same labels took at its peak. */
  suggested: z
    .strictObject({
      vramBytes: z.int().optional(),
      memoryBytes: z.int().optional(),
      peakVramBytes: z.int().optional(),
      peakMemoryBytes: z.int().optional(),
      attempts: z.int(),
    })
    .optional(),
  /** Of a queued job: when the next attempt is due. */
  notBefore: timestamp.optional(),
  priority: z.int(),
  labels,
  /** Null: what its queue gives. */
  timeoutMs: z.int().nullable(),
  /** Submitted together with others. */
  group: z
    .strictObject({
      id: z.string(),
      index: z.int(),
      size: z.int(),
      matrix: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    })
    .optional(),
  /** How many jobs it still waits for; GET /jobs/{id}/dependencies names them. */
  blockedBy: z.int().optional(),
  instanceId: z.string().optional(),
  stepPath: z.string().optional(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  seq: z.int(),
});
export type Job = z.infer<typeof job>;

export const jobDependency = z.strictObject({
  id: z.string(),
  name: z.string().optional(),
  status: z.enum(jobStatuses),
  condition: z.enum(dependencyConditions),
});
export type JobDependency = z.infer<typeof jobDependency>;

/** One metric over the life of a job. Long ones are thinned evenly: at most 1,000 points. */
export const metricSeries = z.strictObject({
  name: z.string(),
  /** `step` when the job gave one with it. */
  points: z.array(z.strictObject({ at: timestamp, step: z.number().optional(), value: z.number() })),
});
export type MetricSeries = z.infer<typeof metricSeries>;

export const jobEndpoints = [
  endpoint({
    key: 'POST /api/v1/jobs',
    tag: 'jobs',
    summary: 'Run a command or script on a queue; with array or matrix, many',
    body: submitJob,
    status: 201,
    reply: z.strictObject({ ids: z.array(z.string()), groupId: z.string().optional(), job }),
    errors: ['invalid_body', 'conflict', 'queue_full', 'unsatisfiable', 'too_large', 'disk_full'],
  }),
  endpoint({
    key: 'POST /api/v1/jobs/test',
    tag: 'jobs',
    summary: 'Run a command now, for a minute at most; the reply is its log as it comes',
    description: 'The job is named by the location header. It is cancelled when the caller goes away.',
    body: testRun,
    status: 200,
    reply: z.string(),
    replyType: 'text/plain; charset=utf-8',
    errors: ['invalid_body', 'conflict', 'queue_full', 'unsatisfiable', 'too_large', 'disk_full'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/jobs',
    tag: 'jobs',
    summary: 'List jobs',
    query: z.strictObject({
      ...pageQuery,
      status: z.string().max(200).optional(),
      queue: z.string().max(64).optional(),
      type: z.string().max(64).optional(),
      group: z.string().max(64).optional(),
      instanceId: z.string().max(64).optional(),
      label: z.string().max(330).optional(),
      /** Part of its name, in any case. */
      name: z.string().max(200).optional(),
      since: timestamp.optional(),
      /** `line`: as queues take them, by priority, then age; the first page alone. */
      order: z.enum(['newest', 'line']).default('newest'),
    }),
    status: 200,
    reply: page(job),
    errors: ['invalid_query'],
  }),
  endpoint({ key: 'GET /api/v1/jobs/{id}', tag: 'jobs', summary: 'Read a job', params: id, status: 200, reply: job, errors: ['not_found'] }),
  endpoint({
    key: 'GET /api/v1/jobs/{id}/spec',
    tag: 'jobs',
    summary: 'The command of a direct job, as it was submitted',
    params: id,
    status: 200,
    reply: commandSpec,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/jobs/{id}/dependencies',
    tag: 'jobs',
    summary: 'The jobs it waits for, or waited for',
    params: id,
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(jobDependency),
    errors: ['not_found'],
  }),
  endpoint({
    key: 'PATCH /api/v1/jobs/{id}',
    tag: 'jobs',
    summary: 'Move a job that waits: a higher priority is nearer to the head of the line',
    params: id,
    body: z.strictObject({ priority }),
    status: 200,
    reply: job,
    errors: ['invalid_body', 'not_found', 'illegal_transition'],
  }),
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
    key: 'GET /api/v1/jobs/{id}/metrics',
    tag: 'jobs',
    summary: 'What the job said of its metrics, over time',
    params: id,
    status: 200,
    reply: z.strictObject({ series: z.array(metricSeries) }),
    errors: ['not_found'],
  }),
] as const;
