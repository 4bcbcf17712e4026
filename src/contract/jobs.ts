/** Jobs, queues, workers, devices and artifacts over the API. */
import * as z from 'zod';
import { endpoint, labels, page, pageQuery, timestamp } from './endpoint.ts';
import { resources, retryPolicy } from './graph.ts';
import { failure, waitReason } from './instances.ts';
import { jobStatuses, queueStates } from './values.ts';

const id = z.strictObject({ id: z.string().max(64) });
const named = z.strictObject({ name: z.string().max(64) });

/** Largest group of one submission: an array's size, or the product of a matrix. */
export const MAX_GROUP = 10_000;
/** Of one job; a group among them counts as one. */
export const MAX_DEPENDENCIES = 100;

/** What is put into the working folder: a path in the org's files, the bytes at a URL (their sha256 is checked), or the content itself. */
export const jobFile = z.union([
  z.string().max(512),
  z.strictObject({ path: z.string().max(512) }),
  z.strictObject({ url: z.string().max(4_096), sha256: z.string().regex(/^[0-9a-f]{64}$/, 'sha256 is 64 hexadecimal digits in lower case') }),
  z.strictObject({ text: z.string().max(5_242_880) }),
  z.strictObject({ base64: z.base64().max(5_242_880) }),
]);

/** A process to run. Exactly one of `command` (argv) and `script`. Env values may hold `{{ secrets.X }}`. */
export const commandSpec = z.strictObject({
  command: z.array(z.string().max(131_072)).min(1).max(1_000).optional(),
  script: z.string().max(1_048_576).optional(),
  shell: z.string().max(256).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(131_072)).optional(),
  cwd: z.string().max(4_096).optional(),
  /** Name in the working folder → where it comes from. */
  files: z.record(z.string().min(1).max(255), jobFile).optional(),
  stdin: z.string().max(10_485_760).optional(),
  parse: z.enum(['json', 'lines', 'none']).optional(),
  /** Text of a requirements or lock file for pip: the job runs in a virtual environment that holds it, made once and kept. */
  requirements: z.string().max(262_144).optional(),
  /** The interpreter the environment is made with: a name on the PATH of jobs or a full path. Default: python3. */
  python: z.string().max(256).optional(),
});
export type CommandSpec = z.infer<typeof commandSpec>;

export const dependencyConditions = ['afterok', 'afterany'] as const;

/** An id of a job, or of a group: all of its jobs. `afterok` (the default): it must complete; `afterany`: it must end. */
const dependency = z.union([z.string().max(64), z.strictObject({ id: z.string().max(64), condition: z.enum(dependencyConditions) })]);

const jobTimeoutMs = z
  .int()
  .min(1)
  .max(30 * 86_400_000);

export const submitJob = commandSpec.extend({
  /** What people call it. */
  name: z.string().min(1).max(200).optional(),
  queue: z.string().max(64).optional(),
  resources: resources.optional(),
  timeoutMs: jobTimeoutMs.optional(),
  retry: retryPolicy.partial().optional(),
  /** 0 to 100, or a word for 25, 50, 75, 100. */
  priority: z.union([z.int().min(0).max(100), z.enum(['low', 'normal', 'high', 'critical'])]).optional(),
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

/** Jobs that were submitted together. */
export const jobGroup = z.strictObject({
  id: z.string(),
  name: z.string().optional(),
  queue: z.string(),
  size: z.int(),
  counts: z.record(z.enum(jobStatuses), z.int()),
  createdAt: timestamp,
});
export type JobGroup = z.infer<typeof jobGroup>;

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

export const logMatch = z.strictObject({
  /** Byte in the log at which the line begins: what `from` takes. */
  at: z.int(),
  /** The line, cut at 2,000 characters around the match. */
  text: z.string(),
});

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
  /** Studio finds the number of slots by itself, from 1 to 32. */
  adaptive: z.boolean(),
  /** What a job gets that does not say how many GPUs it needs. */
  defaultGpus: z.int(),
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
export const jobEndpoints = [
  endpoint({
    key: 'POST /api/v1/jobs',
    tag: 'jobs',
    summary: 'Run a command or script on a queue; with array or matrix, many',
    body: submitJob,
    status: 201,
    reply: z.strictObject({ ids: z.array(z.string()), groupId: z.string().optional(), job }),
    errors: ['invalid_body', 'conflict', 'queue_full', 'unsatisfiable', 'too_large'],
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
    errors: ['invalid_body', 'conflict', 'queue_full', 'unsatisfiable', 'too_large'],
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
    description: 'Ranges work. With collapse, lines that were rewritten by carriage returns (progress bars) are given once, as they stood at last.',
    params: id,
    query: z.strictObject({
      follow: z.stringbool().default(false),
      from: z.coerce.number().int().min(0).default(0),
      collapse: z.stringbool().default(false),
    }),
    status: 200,
    reply: z.string(),
    replyType: 'text/plain; charset=utf-8',
    errors: ['not_found', 'invalid_query'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/jobs/{id}/log/search',
    tag: 'jobs',
    summary: 'Lines of the log that hold a text',
    description: 'Looks through 256 MiB a call at most; `next` is where the next call goes on, null at the end.',
    params: id,
    query: z.strictObject({
      text: z.string().min(1).max(200),
      exact: z.stringbool().default(false),
      from: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
    }),
    status: 200,
    reply: z.strictObject({ matches: z.array(logMatch), next: z.int().nullable(), bytes: z.int() }),
    errors: ['not_found', 'invalid_query'],
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
    key: 'GET /api/v1/jobs/{id}/artifacts/archive',
    tag: 'jobs',
    summary: 'All artifacts of the job in one zip file',
    params: id,
    status: 200,
    reply: z.string(),
    replyType: 'application/zip',
    errors: ['not_found'],
    streams: true,
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
  endpoint({
    key: 'GET /api/v1/job-groups/{id}',
    tag: 'jobs',
    summary: 'Read a group of jobs: an array or a matrix',
    params: id,
    status: 200,
    reply: jobGroup,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/job-groups/{id}/cancel',
    tag: 'jobs',
    summary: 'Cancel every job of a group that has not ended',
    params: id,
    status: 200,
    reply: jobGroup,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/job-groups/{id}/retry',
    tag: 'jobs',
    summary: 'Queue every job of a group again that did not complete',
    params: id,
    status: 200,
    reply: jobGroup,
    errors: ['not_found', 'queue_full'],
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
      /** `auto`: as many as the machine bears. */
      slots: z.union([z.int().min(0).max(256), z.literal('auto')]).optional(),
      defaultGpus: z.int().min(0).max(64).optional(),
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
] as const;
