/** Instances and their steps over the API: what they are, and starting, listing, reading and deleting them. Commands: instance-commands.ts. */
import * as z from 'zod';
import { endpoint, json, labels, page, pageQuery, timestamp } from './endpoint.ts';
import { instanceStatuses, stepStatuses, waitingKinds } from './values.ts';

export const instanceId = z.strictObject({ id: z.string().max(64) });
export const idAndPath = z.strictObject({ id: z.string().max(64), path: z.string().max(512) });

/** What went wrong. `remedy` says what to do next. */
export const failure = z.strictObject({
  code: z.string(),
  message: z.string(),
  remedy: z.string().optional(),
  step: z.string().optional(),
  details: json.optional(),
});
export type Failure = z.infer<typeof failure>;

/** Why something waits, in words a person can act on; `until` when time ends it. */
export const waitReason = z.strictObject({
  kind: z.string(),
  message: z.string(),
  until: timestamp.optional(),
  /** Relative: where a call completes the step. */
  url: z.string().optional(),
  /** What who decides is shown, and what has been decided so far. */
  data: json.optional(),
  /** The instance that was called. */
  instanceId: z.string().optional(),
});
export type WaitReason = z.infer<typeof waitReason>;

export const instance = z.strictObject({
  id: z.string(),
  workflowId: z.string(),
  workflowName: z.string(),
  version: z.int(),
  status: z.enum(instanceStatuses),
  input: json,
  output: json,
  error: failure.optional(),
  waiting: waitReason.extend({ kind: z.enum(waitingKinds) }).optional(),
  labels,
  priority: z.int(),
  /** What started it: `manual`, `rerun`, or a trigger as `<type>:<key>` (`cron:daily`, `webhook:…`, `form:…`, `event:…`, `file:…`). */
  startedBy: z.string(),
  rerunOf: z.string().optional(),
  /** The step that called it; `generation` null: it did not wait. */
  parent: z.strictObject({ instanceId: z.string(), path: z.string(), generation: z.int().nullable() }).optional(),
  /** Every step waits for a person's word before it starts. */
  debug: z.boolean().optional(),
  /** A test run of a draft, or called by one. The `version` of a draft's is below zero: GET workflows/{id}/versions/{version} shows what ran. */
  isTest: z.boolean().optional(),
  /** Under what a collector of OpenTelemetry has it; there where traces are made, in the answer to a read alone. */
  traceId: z.string().optional(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  seq: z.int(),
  cursor: z.string(),
});
export type Instance = z.infer<typeof instance>;

/** In lists: without the payloads and the snapshot's position. */
export const instanceSummary = instance.omit({ input: true, output: true, cursor: true });
export type InstanceSummary = z.infer<typeof instanceSummary>;

export const step = z.strictObject({
  key: z.string(),
  path: z.string(),
  generation: z.int(),
  status: z.enum(stepStatuses),
  attempt: z.int(),
  input: json,
  output: json,
  error: failure.optional(),
  /** Why it went the way it did: the branch taken, why it was skipped. */
  reason: z.string().optional(),
  waitReason: waitReason.optional(),
  /** How far it says it is, 0 to 1. */
  progress: z.strictObject({ fraction: z.number(), message: z.string().optional() }).optional(),
  queuedAt: timestamp.nullable(),
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  workerId: z.string().optional(),
  jobId: z.string().optional(),
  /** Sequence, in the instance's stream, of the event that last changed it. */
  seq: z.int(),
});
export type Step = z.infer<typeof step>;

export const attempt = z.strictObject({
  generation: z.int(),
  attempt: z.int(),
  status: z.enum(stepStatuses),
  output: json,
  error: failure.optional(),
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  jobId: z.string().optional(),
});

export const itemCounts = z.strictObject({
  total: z.int(),
  /** By status; those that have not ended or paused yet are in no count. */
  counts: z.partialRecord(z.enum(stepStatuses), z.int()),
  /** Of a map: how many items it has, begun or not. A loop does not know. */
  count: z.int().nullable(),
});
export type ItemCounts = z.infer<typeof itemCounts>;

/** What lists, counts and batches of instances are narrowed by. */
export const instanceFilter = {
  status: z.string().max(200).optional(),
  workflowId: z.string().max(64).optional(),
  /** A tag of the workflow. */
  tag: z.string().max(40).optional(),
  /** `key:value`; several, one a line: each of them. */
  label: z.string().max(1_000).optional(),
  /** `cron`: whatever a trigger of that type started; `cron:daily`: what that one did. */
  startedBy: z.string().max(100).optional(),
  /** Test runs of drafts: left out unless asked for. */
  test: z.enum(['true', 'false', 'all']).default('false'),
  since: timestamp.optional(),
  until: timestamp.optional(),
  /** Words, in quotes where they hold spaces: each is found in the id, the workflow's name, what started it, the labels, the error or what is waited for,
   *  whatever the case. An id finds the instance, its reruns and those it called. */
  search: z.string().max(200).optional(),
  /** From start to end, or to now for what has not ended: from so long on, */
  minDurationMs: z.coerce.number().min(0).optional(),
  /** and shorter than this. */
  maxDurationMs: z.coerce.number().min(0).optional(),
};

export const startInstance = z.strictObject({
  input: json.optional(),
  priority: z.int().min(0).max(100).optional(),
  labels: labels.optional(),
  /** Every step waits for a person's word before it starts: `start` of the step, or `resume` of the instance for all that wait. */
  debug: z.boolean().optional(),
});
export const instanceEndpoints = [
  endpoint({
    key: 'POST /api/v1/workflows/{id}/instances',
    tag: 'instances',
    summary: 'Run a workflow',
    description: 'With ?wait=S (at most 90) it answers 200 as soon as the instance ended, or 201 when the time is over.',
    params: instanceId,
    query: z.strictObject({ wait: z.coerce.number().min(0).max(90).optional() }),
    body: startInstance,
    status: 201,
    reply: instance,
    errors: ['invalid_body', 'invalid_query', 'not_found', 'conflict', 'too_large', 'disk_full'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/instances/batch',
    tag: 'instances',
    summary: 'Run a workflow once per input, in one transaction',
    params: instanceId,
    body: z.strictObject({ inputs: z.array(json).min(1).max(10_000), priority: z.int().min(0).max(100).optional(), labels: labels.optional() }),
    status: 201,
    reply: z.strictObject({ ids: z.array(z.string()) }),
    errors: ['invalid_body', 'not_found', 'conflict', 'too_large', 'disk_full'],
  }),
  endpoint({
    key: 'GET /api/v1/instances',
    tag: 'instances',
    summary: 'List instances',
    description:
      'A filter that few instances match is looked for back in time, a quarter of a second a call: `searchedTo` then says how far back everything was looked at, and `next` goes on from there, also where `items` are few or none.',
    query: z.strictObject({ ...pageQuery, ...instanceFilter }),
    status: 200,
    reply: page(instanceSummary).extend({ searchedTo: timestamp.optional() }),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'GET /api/v1/instances/{id}',
    tag: 'instances',
    summary: 'Read an instance',
    params: instanceId,
    status: 200,
    reply: instance,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/instances/{id}/steps',
    tag: 'instances',
    summary: 'List the steps of an instance, oldest first',
    description:
      'With ?path only that step: every generation, oldest first. With ?under=/ only steps outside bodies, ?under=each the items of the map or loop "each", ?under=each[3] the steps of its fourth item; deeper ones are left out. ?status=failed,timed_out only those.',
    params: instanceId,
    query: z.strictObject({
      ...pageQuery,
      path: z.string().max(512).optional(),
      under: z.string().max(512).optional(),
      status: z.string().max(200).optional(),
    }),
    status: 200,
    reply: page(step),
    errors: ['not_found', 'invalid_query'],
  }),
  endpoint({
    key: 'GET /api/v1/instances/{id}/steps/{path}/items',
    tag: 'instances',
    summary: 'How many items of a map, or rounds of a loop, stand how',
    params: idAndPath,
    status: 200,
    reply: itemCounts,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/instances/{id}/steps/{path}/attempts',
    tag: 'instances',
    summary: 'Every attempt of a step, newest first',
    params: idAndPath,
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(attempt),
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/instances/{id}/steps/{path}/log',
    tag: 'instances',
    summary: 'What a step wrote to its log, as text',
    params: idAndPath,
    status: 200,
    reply: z.string(),
    replyType: 'text/plain; charset=utf-8',
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/instances/{id}/events',
    tag: 'instances',
    summary: 'The events of an instance, oldest first',
    params: instanceId,
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(z.looseObject({ event_type: z.string(), sequence: z.int() })),
    errors: ['not_found'],
  }),
  endpoint({
    key: 'DELETE /api/v1/instances/{id}',
    tag: 'instances',
    summary: 'Delete a finished instance and its steps',
    params: instanceId,
    status: 204,
    reply: z.undefined(),
    errors: ['not_found', 'still_running'],
  }),
] as const;
