/** Rows of jobs: reading, listing, and what a row says. New ones: job-inserts.ts; in a worker's hands: job-claims.ts.
 *  Every change of state raises the job's own `seq` and writes its event in the same statement's transaction. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure, WaitReason } from '../contract/instances.ts';
import type { CommandSpec } from '../contract/command.ts';
import type { Job } from '../contract/jobs.ts';
import type { JobStatus } from '../contract/values.ts';
import type { NewEvent } from './outbox.ts';
import type { Sql } from './client.ts';

export interface JobRow {
  id: string;
  org_id: string;
  queue: string;
  type: string;
  status: JobStatus;
  instance_id: string | null;
  step_path: string | null;
  step_generation: number | null;
  step_attempt: number | null;
  priority: number;
  labels: Record<string, string>;
  resources: Job['resources'];
  attempts: number;
  orphaned_attempts: number;
  not_before: Date | null;
  worker_id: string | null;
  lease_expires_at: Date | null;
  cancel_requested_at: Date | null;
  exit_code: number | null;
  signal: string | null;
  reason: string | null;
  error: Failure | null;
  progress: number | null;
  metrics: Record<string, number> | null;
  wait: WaitReason | null;
  name: string | null;
  timeout_ms: number | null;
  group_id: string | null;
  group_index: number | null;
  group_size: number | null;
  group_values: NonNullable<Job['group']>['matrix'] | null;
  blocked_by: number;
  preemptible: boolean;
  seq: number;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
}

/** The columns of a JobRow, for select and returning. Constant text. */
export const JOB_COLUMNS = `id, org_id, queue, type, status, instance_id, step_path, step_generation, step_attempt, priority, labels, resources, attempts, orphaned_attempts,
  not_before, worker_id, lease_expires_at, cancel_requested_at, exit_code, signal, reason, error, progress, metrics, wait, name, timeout_ms, group_id, group_index, group_size,
  group_values, blocked_by, preemptible, seq, created_at, started_at, ended_at`;

export async function readJob(sql: Sql, job: { readonly orgId: string; readonly id: string }): Promise<Job | undefined> {
  const { rows } = await sql.query<JobRow>(`select ${JOB_COLUMNS} from jobs where org_id = $1 and id = $2`, [job.orgId, job.id]);
  return rows[0] === undefined ? undefined : toJob(rows[0]);
}

/** What a direct job was asked to run; null: a step's job, whose command is made where it runs. */
export async function readJobSpec(sql: Sql, job: { readonly orgId: string; readonly id: string }): Promise<CommandSpec | null | undefined> {
  const { rows } = await sql.query<{ spec: CommandSpec | null }>(`select spec from jobs where org_id = $1 and id = $2`, [job.orgId, job.id]);
  return rows[0]?.spec;
}

/** Those of these ids that are there, in no order. */
export async function readJobs(sql: Sql, jobs: { readonly orgId: string; readonly ids: readonly string[] }): Promise<Job[]> {
  const { rows } = await sql.query<JobRow>(`select ${JOB_COLUMNS} from jobs where org_id = $1 and id = any($2)`, [jobs.orgId, jobs.ids]);
  return rows.map(toJob);
}

/** @returns undefined when there is no such job */
export async function readJobStatus(sql: Sql, job: { readonly orgId: string; readonly id: string }): Promise<JobStatus | undefined> {
  const { rows } = await sql.query<{ status: JobStatus }>(`select status from jobs where org_id = $1 and id = $2`, [job.orgId, job.id]);
  return rows[0]?.status;
}

/** Of these ids, the ones that no job has. */
export async function findMissingJobs(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `select wanted.id from unnest($1::text[]) as wanted (id) where not exists (select 1 from jobs where jobs.id = wanted.id)`,
    [[...ids]],
  );
  return rows.map((row) => row.id);
}

export interface JobQuery {
  readonly orgId: string;
  readonly statuses?: readonly string[] | undefined;
  readonly queue?: string | undefined;
  readonly type?: string | undefined;
  readonly group?: string | undefined;
  readonly instanceId?: string | undefined;
  /** Part of it, in any case. */
  readonly name?: string | undefined;
  readonly label?: { readonly key: string; readonly value: string } | undefined;
  readonly since?: string | undefined;
  /** Id of the last job of the page before. */
  readonly after?: string | undefined;
  /** Default: newest first. */
  readonly order?: 'newest' | 'line' | undefined;
  readonly limit: number;
}

/** In the order asked for; each is a statement of its own, so that the newest are read by their index. */
export async function listJobs(sql: Sql, query: JobQuery): Promise<Job[]> {
  const isLine = query.order === 'line';
  const { rows } = await sql.query<JobRow>(
    `select ${JOB_COLUMNS} from jobs
     where org_id = $1 and ($2::text[] is null or status = any($2)) and ($3::text is null or queue = $3) and ($4::text is null or instance_id = $4)
       and ($5::jsonb is null or labels @> $5) and ($6::timestamptz is null or created_at >= $6) and ($7::text is null or id < $7)
       and ($8::text is null or type = $8) and ($9::text is null or group_id = $9) and ($10::text is null or position(lower($10) in lower(name)) > 0)
     order by ${isLine ? 'priority desc, id' : 'id desc'} limit $11`,
    [
      query.orgId,
      query.statuses === undefined ? null : [...query.statuses],
      query.queue ?? null,
      query.instanceId ?? null,
      query.label === undefined ? null : JSON.stringify({ [query.label.key]: query.label.value }),
      query.since ?? null,
      query.after ?? null,
      query.type ?? null,
      query.group ?? null,
      query.name ?? null,
      query.limit,
    ],
  );
  return rows.map(toJob);
}

/** What an ended step's job left for the engine: the JSON text of JobEnded, null when it never ran to an exit. */
export async function readJobResult(
  sql: Sql,
  id: string,
): Promise<{ readonly status: JobStatus; readonly result: string | null; readonly error: Failure | null; readonly reason: string | null } | undefined> {
  const { rows } = await sql.query<{ status: JobStatus; result: string | null; error: Failure | null; reason: string | null }>(
    `select status, result, error, reason from jobs where id = $1`,
    [id],
  );
  return rows[0];
}

/** An event of the job's own stream; call with the row as it stands after the change. */
export function jobEvent(row: JobRow, type: NewEvent['type'], requestId?: string): NewEvent {
  const job = toJob(row);
  const { id: _id, seq: _seq, labels, lease: _lease, resources, createdAt, group, timeoutMs, preemptible, ...facts } = job;
  // What never changes is told once.
  const fixed = { labels, resources, createdAt, timeoutMs, preemptible, ...(group === undefined ? {} : { group }) };
  const payload = type === 'jobs:job:queued' ? { ...facts, ...fixed } : facts;
  return {
    kind: 'job',
    id: row.id,
    sequence: row.seq,
    type,
    orgId: row.org_id,
    ...(row.instance_id === null ? {} : { parent: `instance:${row.instance_id}` }),
    payload: payload as Record<string, Json>,
    ...(requestId === undefined ? {} : { requestId }),
  };
}

export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    ...(row.name === null ? {} : { name: row.name }),
    queue: row.queue,
    type: row.type,
    status: row.status,
    ...(row.exit_code === null ? {} : { exitCode: row.exit_code }),
    ...(row.signal === null ? {} : { signal: row.signal }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.error === null ? {} : { error: row.error }),
    attempts: row.attempts,
    ...(row.wait === null ? {} : { waitReason: row.wait }),
    ...(row.progress === null ? {} : { progress: row.progress }),
    ...(row.metrics === null ? {} : { metrics: row.metrics }),
    resources: row.resources,
    preemptible: row.preemptible,
    ...(row.status === 'running' && row.worker_id !== null && row.lease_expires_at !== null
      ? { lease: { workerId: row.worker_id, expiresAt: row.lease_expires_at.toISOString() } }
      : {}),
    ...(row.not_before === null ? {} : { notBefore: row.not_before.toISOString() }),
    priority: row.priority,
    labels: row.labels,
    timeoutMs: row.timeout_ms,
    ...(row.group_id === null
      ? {}
      : {
          group: {
            id: row.group_id,
            index: row.group_index ?? 0,
            size: row.group_size ?? 1,
            ...(row.group_values === null ? {} : { matrix: row.group_values }),
          },
        }),
    ...(row.blocked_by === 0 ? {} : { blockedBy: row.blocked_by }),
    ...(row.instance_id === null ? {} : { instanceId: row.instance_id }),
    ...(row.step_path === null ? {} : { stepPath: row.step_path }),
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    seq: row.seq,
  };
}
