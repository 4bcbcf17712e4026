/** Rows of jobs: submitting, reading, listing. What a worker does with a job (claim, lease, end) stands in store/job-claims.ts.
 *  Every change of state raises the job's own `seq` and writes its event in the same statement's transaction. */
import type { Json } from '../contract/endpoint.ts';
import type { RetryPolicy } from '../contract/graph.ts';
import type { Failure, WaitReason } from '../contract/instances.ts';
import type { CommandSpec, Job, JobGroup } from '../contract/jobs.ts';
import { jobStatuses, type JobStatus } from '../contract/values.ts';
import { writeEvents, type NewEvent } from './outbox.ts';
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

export interface NewStepJob {
  readonly id: string;
  readonly orgId: string;
  readonly queue: string;
  readonly type: string;
  readonly instanceId: string;
  readonly stepPath: string;
  readonly stepGeneration: number;
  readonly stepAttempt: number;
  readonly priority: number;
  readonly resources: Job['resources'];
  readonly timeoutMs: number | null;
  /** On whose behalf it runs. */
  readonly principal: string | null;
  readonly createdAt: Date;
}

/** Queues the jobs of steps, in the caller's transaction. */
export async function insertStepJobs(sql: Sql, jobs: readonly NewStepJob[]): Promise<void> {
  if (jobs.length === 0) return;
  const column = <K extends keyof NewStepJob>(key: K): NewStepJob[K][] => jobs.map((job) => job[key]);
  const { rows } = await sql.query<JobRow>(
    `insert into jobs (id, org_id, queue, type, status, instance_id, step_path, step_generation, step_attempt, priority, resources, timeout_ms, principal, created_at, seq)
     select id, org_id, queue, type, 'queued', instance_id, step_path, step_generation, step_attempt, priority,
       -- A queue of devices gives each job one, unless it says what it needs of them.
       case when coalesce(default_gpus, 0) > 0 and not resources::jsonb ?| array['gpus', 'vramBytes'] then resources::jsonb || jsonb_build_object('gpus', default_gpus) else resources::jsonb end,
       timeout_ms, principal, created_at, 1
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::int[], $9::int[], $10::text[], $11::bigint[], $12::text[], $13::timestamptz[])
       as new (id, org_id, queue, type, instance_id, step_path, step_generation, step_attempt, priority, resources, timeout_ms, principal, created_at)
       left join queues on queues.name = new.queue
     returning ${JOB_COLUMNS}`,
    [
      column('id'),
      column('orgId'),
      column('queue'),
      column('type'),
      column('instanceId'),
      column('stepPath'),
      column('stepGeneration'),
      column('stepAttempt'),
      column('priority'),
      jobs.map((job) => JSON.stringify(job.resources)),
      column('timeoutMs'),
      column('principal'),
      column('createdAt'),
    ],
  );
  await writeEvents(
    sql,
    rows.map((row) => jobEvent(row, 'jobs:job:queued')),
  );
}

export interface NewDirectJob {
  readonly id: string;
  readonly orgId: string;
  readonly queue: string;
  readonly spec: CommandSpec;
  readonly name: string | null;
  readonly group: Job['group'] | undefined;
  readonly blockedBy: number;
  readonly preemptible: boolean;
  /** Of its command and labels. */
  readonly signature: string;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: Job['resources'];
  readonly retry: { readonly [Key in keyof RetryPolicy]?: RetryPolicy[Key] | undefined };
  readonly timeoutMs: number | null;
  readonly principal: string;
  readonly createdAt: Date;
}

/** Queues jobs that were submitted directly. */
export async function insertDirectJobs(sql: Sql, jobs: readonly NewDirectJob[], requestId: string): Promise<Job[]> {
  const column = <K extends keyof NewDirectJob>(key: K): NewDirectJob[K][] => jobs.map((job) => job[key]);
  const text = (key: 'spec' | 'labels' | 'resources' | 'retry'): string[] => jobs.map((job) => JSON.stringify(job[key]));
  const { rows } = await sql.query<JobRow>(
    `insert into jobs (id, org_id, queue, type, status, spec, priority, labels, resources, retry, timeout_ms, principal, created_at, name, group_id, group_index, group_size,
       group_values, blocked_by, preemptible, signature, seq)
     select id, org_id, queue, 'command', 'queued', spec::jsonb, priority, labels::jsonb, resources::jsonb, retry::jsonb, timeout_ms, principal, created_at, name, group_id,
       group_index, group_size, group_values::jsonb, blocked_by, preemptible, signature, 1
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::timestamptz[], $12::text[],
       $13::text[], $14::int[], $15::int[], $16::text[], $17::int[], $18::boolean[], $19::text[])
       as new (id, org_id, queue, spec, priority, labels, resources, retry, timeout_ms, principal, created_at, name, group_id, group_index, group_size, group_values,
         blocked_by, preemptible, signature)
     returning ${JOB_COLUMNS}`,
    [
      column('id'),
      column('orgId'),
      column('queue'),
      text('spec'),
      column('priority'),
      text('labels'),
      text('resources'),
      text('retry'),
      column('timeoutMs'),
      column('principal'),
      column('createdAt'),
      column('name'),
      jobs.map(({ group }) => group?.id ?? null),
      jobs.map(({ group }) => group?.index ?? null),
      jobs.map(({ group }) => group?.size ?? null),
      jobs.map(({ group }) => (group?.matrix === undefined ? null : JSON.stringify(group.matrix))),
      column('blockedBy'),
      column('preemptible'),
      column('signature'),
    ],
  );
  await writeEvents(
    sql,
    rows.map((row) => jobEvent(row, 'jobs:job:queued', requestId)),
  );
  return rows.map(toJob).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

export async function readJob(sql: Sql, job: { readonly orgId: string; readonly id: string }): Promise<Job | undefined> {
  const { rows } = await sql.query<JobRow>(`select ${JOB_COLUMNS} from jobs where org_id = $1 and id = $2`, [job.orgId, job.id]);
  return rows[0] === undefined ? undefined : toJob(rows[0]);
}

/** What a direct job was asked to run; null: a step's job, whose command is made where it runs. */
export async function readJobSpec(sql: Sql, job: { readonly orgId: string; readonly id: string }): Promise<CommandSpec | null | undefined> {
  const { rows } = await sql.query<{ spec: CommandSpec | null }>(`select spec from jobs where org_id = $1 and id = $2`, [job.orgId, job.id]);
  return rows[0]?.spec;
}

/** @returns undefined when no job of the org is in such a group */
export async function readJobGroup(sql: Sql, group: { readonly orgId: string; readonly id: string }): Promise<JobGroup | undefined> {
  const { rows } = await sql.query<{ status: JobStatus; jobs: number; name: string | null; queue: string; created_at: Date }>(
    `select status, count(*)::int as jobs, min(name) as name, min(queue) as queue, min(created_at) as created_at from jobs where org_id = $1 and group_id = $2 group by status`,
    [group.orgId, group.id],
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const count = (status: JobStatus): number => rows.find((row) => row.status === status)?.jobs ?? 0;
  const counts = Object.fromEntries(jobStatuses.map((status) => [status, count(status)])) as JobGroup['counts'];
  return {
    id: group.id,
    ...(first.name === null ? {} : { name: first.name }),
    queue: first.queue,
    size: rows.reduce((sum, row) => sum + row.jobs, 0),
    counts,
    createdAt: rows.reduce((least, row) => (row.created_at < least ? row.created_at : least), first.created_at).toISOString(),
  };
}

/** The jobs of a group in these states, in their order. */
export async function listGroupJobs(
  sql: Sql,
  group: { readonly orgId: string; readonly id: string; readonly statuses: readonly JobStatus[] },
): Promise<{ id: string; queue: string }[]> {
  const { rows } = await sql.query<{ id: string; queue: string }>(
    `select id, queue from jobs where org_id = $1 and group_id = $2 and status = any($3) order by group_index limit 10000`,
    [group.orgId, group.id, [...group.statuses]],
  );
  return rows;
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
  readonly limit: number;
}

/** Newest first. */
export async function listJobs(sql: Sql, query: JobQuery): Promise<Job[]> {
  const { rows } = await sql.query<JobRow>(
    `select ${JOB_COLUMNS} from jobs
     where org_id = $1 and ($2::text[] is null or status = any($2)) and ($3::text is null or queue = $3) and ($4::text is null or instance_id = $4)
       and ($5::jsonb is null or labels @> $5) and ($6::timestamptz is null or created_at >= $6) and ($7::text is null or id < $7)
       and ($8::text is null or type = $8) and ($9::text is null or group_id = $9) and ($10::text is null or position(lower($10) in lower(name)) > 0)
     order by id desc limit $11`,
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
