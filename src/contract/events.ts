/** The event envelope, the frames of the socket and the polling twin. Source: CONTRACTS (Events). */
import * as z from 'zod';
import { endpoint, json, timestamp } from './endpoint.ts';
import type { Failure, InstanceSummary, Step } from './instances.ts';
import type { Job } from './jobs.ts';
import type { InstanceStatus, JobStatus, StepStatus } from './values.ts';

export const eventTypes = [
  'engine:instance:created',
  'engine:instance:started',
  'engine:instance:waiting',
  'engine:instance:paused',
  'engine:instance:resumed',
  'engine:instance:completed',
  'engine:instance:failed',
  'engine:instance:cancelled',
  'engine:instance:deleted',
  'engine:step:queued',
  'engine:step:started',
  'engine:step:waiting',
  'engine:step:completed',
  'engine:step:failed',
  'engine:step:skipped',
  'engine:step:cancelled',
  'engine:step:retrying',
  'engine:step:progress',
  'jobs:job:queued',
  'jobs:job:moved',
  'jobs:job:started',
  'jobs:job:progress',
  'jobs:job:completed',
  'jobs:job:failed',
  'jobs:job:cancelled',
  'jobs:job:dead',
  'jobs:queue:changed',
  'gpu:device:changed',
  'gpu:lease:granted',
  'gpu:lease:released',
  'gpu:lease:evicted',
  'models:model:changed',
  'models:model:loading',
  'models:model:loaded',
  'models:model:unloaded',
  'models:model:failed',
  'models:model:deleted',
  'download:job:updated',
  'download:job:completed',
  'supervise:service:changed',
  'workflows:workflow:published',
  'workflows:workflow:draft_saved',
  'workflows:workflow:archived',
  'workflows:workflow:unarchived',
  'workflows:workflow:tagged',
  'workflows:editors:changed',
  'workflows:trigger:changed',
  'workflows:trigger:skipped',
  'files:file:changed',
  'identity:member:changed',
  'identity:credential:changed',
  'identity:session:ended',
  'system:health:changed',
  'ops:run_data:swept',
  'ops:idle:warned',
  'ops:idle:calmed',
  'ops:idle:stopping',
  'ops:idle:acted',
  'ops:idle:failed',
  'ops:idle:changed',
  'ops:alert:fired',
  'ops:alert:resolved',
  'ops:cost:price_set',
  'ops:backup:started',
  'ops:backup:progress',
  'ops:backup:completed',
  'ops:backup:failed',
  'ops:backup:cancelled',
  'ops:backup:verified',
  'ops:backup:deleted',
  'ops:org:progress',
  'system:settings:changed',
  'system:maintenance:changed',
  'notify:notification:created',
  'notify:notification:read',
] as const;
export type EventType = (typeof eventTypes)[number];

export const entityKinds = [
  'instance',
  'workflow',
  'job',
  'queue',
  'gpu',
  'service',
  'file',
  'credential',
  'member',
  'session',
  'system',
  'notification',
  'model',
  'download_job',
  'lease',
  'backup',
] as const;
export type EntityKind = (typeof entityKinds)[number];

/** Payloads that screens live on: they carry what a row or a badge shows, never inputs and outputs (those are fetched when looked at).
 *  Every key but the first may be absent: absent means unchanged, null means none. */
export type InstancePayload = { status: InstanceStatus } & Partial<
  Pick<
    InstanceSummary,
    'workflowId' | 'workflowName' | 'version' | 'labels' | 'priority' | 'startedBy' | 'rerunOf' | 'isTest' | 'createdAt' | 'startedAt' | 'endedAt'
  > & {
    error: Failure | null;
    waiting: InstanceSummary['waiting'] | null;
  }
>;
/** Of `engine:step:*`. */
export type StepPayload = { path: string; status: StepStatus } & Partial<
  Pick<Step, 'key' | 'generation' | 'attempt' | 'reason' | 'queuedAt' | 'startedAt' | 'endedAt' | 'workerId' | 'jobId'> & {
    error: Failure | null;
    waitReason: Step['waitReason'] | null;
    progress: Step['progress'] | null;
  }
>;
/** Of `jobs:job:*`. */
export type JobPayload = { status: JobStatus } & Partial<
  Omit<Job, 'id' | 'status' | 'seq' | 'error' | 'waitReason' | 'lease'> & {
    error: Failure | null;
    waitReason: Job['waitReason'] | null;
    lease: Job['lease'] | null;
  }
>;

export const envelope = z.strictObject({
  contract_version: z.literal('v1'),
  event_id: z.string(),
  idempotency_key: z.string(),
  sequence: z.int(),
  sequence_stream: z.string(),
  emitted_at: timestamp,
  event_type: z.enum(eventTypes),
  entity_kind: z.enum(entityKinds),
  entity_id: z.string(),
  room_keys: z.array(z.string()),
  runtime: z.string(),
  payload: z.record(z.string(), json),
  request_id: z.string().nullable(),
  correlation_id: z.string().nullable(),
  cursor: z.string(),
});
export type Envelope = z.infer<typeof envelope>;

/** `job_log`, `machine_log` and `service_log` are heard over the socket alone: it streams the log itself (`log`, `log_gap`, `log_end`), and its `since` is a byte offset. */
export const roomName = z.string().regex(/^(system|(instance|workflow|job|job_log|machine_log|service_log|org|user|download_job):[A-Za-z0-9_-]{1,64})$/);

export const clientFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    id: z.string().max(64),
    rooms: z.array(z.string().max(128)).min(1).max(100),
    since: z.record(z.string().max(128), z.string().max(100)).optional(),
  }),
  z.strictObject({ type: z.literal('unsubscribe'), id: z.string().max(64), rooms: z.array(z.string().max(128)).min(1).max(100) }),
  z.strictObject({ type: z.literal('ping') }),
]);
export type ClientFrame = z.infer<typeof clientFrame>;

/** How a job came to its end, as its log's last frame says it. `gone`: the job was deleted. */
export type LogEnd = { status: JobStatus | 'gone' } & Partial<Pick<Job, 'exitCode' | 'signal' | 'reason'>>;

/** `log`: the bytes `from` to `to` of the file as text. `log_gap`: the next one begins at `to`, because the client was too slow, or (`to` before `from`) because
 *  the log began anew at its limit. `log_end`: nothing follows; the room is left. `error` names a room that this person may not hear any more. */
export type ServerFrame =
  | { type: 'subscribed'; id: string; rooms: string[]; denied: string[]; cursor: string }
  | { type: 'event'; event: Envelope }
  | { type: 'log'; room: string; from: number; to: number; text: string }
  | { type: 'log_gap'; room: string; from: number; to: number }
  | ({ type: 'log_end'; room: string; at: number } & LogEnd)
  | { type: 'reset'; room: string }
  | { type: 'error'; code: string; message?: string; room?: string }
  | { type: 'pong' };

export const eventEndpoints = [
  endpoint({
    key: 'GET /api/v1/events',
    tag: 'events',
    summary: 'The polling twin of the socket; with Accept: text/event-stream it streams',
    query: z.strictObject({
      room: z.string().max(128),
      after: z.string().max(100).optional(),
      wait: z.coerce.number().min(0).max(90).default(0),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
    }),
    status: 200,
    reply: z.strictObject({ items: z.array(envelope), cursor: z.string(), reset: z.boolean() }),
    errors: ['invalid_query', 'forbidden', 'not_found'],
    streams: true,
  }),
] as const;
