/** What a worker does with jobs: claim, lease, progress, end, requeue, cancel. Every update names the state it expects (worker and attempt):
 *  a job that moved meanwhile is left alone, and the late worker learns so by an empty result. */
import type { RetryPolicy } from '../contract/graph.ts';
import type { Failure, WaitReason } from '../contract/instances.ts';
import type { CommandSpec, Job } from '../contract/jobs.ts';
import type { JobStatus } from '../contract/values.ts';
import { hot, type Sql } from './client.ts';
import { settleDependents } from './job-dependencies.ts';
import { JOB_COLUMNS, jobEvent, toJob, type JobRow } from './jobs.ts';
import { writeEvents } from './outbox.ts';

/** A job in a worker's hands. */
export interface ClaimedJob {
  readonly job: Job;
  readonly orgId: string;
  /** Null: a step's job; the engine prepares its command where it runs. */
  readonly spec: CommandSpec | null;
  readonly step: { readonly instanceId: string; readonly path: string; readonly generation: number; readonly attempt: number } | undefined;
  readonly retry: Partial<RetryPolicy>;
  readonly timeoutMs: number;
  readonly principal: string | null;
  readonly workerId: string;
  /** Fences every later update of this attempt. */
  readonly attempt: number;
  readonly orphanedAttempts: number;
  readonly preemptions: number;
  readonly pid: number | null;
  readonly pidStarted: string | null;
  readonly startedAtMs: number;
  readonly cancelRequested: boolean;
  readonly cancelReason: string | null;
}

interface ClaimedRow extends JobRow {
  spec: CommandSpec | null;
  retry: Partial<RetryPolicy>;
  limit_ms: number;
  preemptions: number;
  principal: string | null;
  pid: number | null;
  pid_started: string | null;
}

const CLAIMED = `${JOB_COLUMNS}, preemptions, spec, retry, principal, pid, pid_started,
  coalesce(timeout_ms, (select default_timeout_ms from queues where name = jobs.queue)) as limit_ms`;

export interface ClaimRequest {
  readonly queue: string;
  readonly workerId: string;
  /** Free slots of this process. */
  readonly limit: number;
  readonly nowMs: number;
  readonly leaseMs: number;
}

/** Takes the next jobs of a running queue that need no grant: highest priority first, then first in, first out. Run it in a transaction: the queue's row is
 *  locked, so that several processes together never exceed its slots. */
export async function claimJobs(sql: Sql, request: ClaimRequest): Promise<ClaimedJob[]> {
  // A statement of its own: what comes after it sees what others claimed while this one waited for the row.
  const { rows: queues } = await sql.query<{ slots: number }>(hot(`select slots from queues where name = $1 and state = 'running' for no key update`), [
    request.queue,
  ]);
  const queue = queues[0];
  if (queue === undefined) return [];
  const { rows } = await sql.query<ClaimedRow>(
    `with picked as (
       select id from jobs where queue = $1 and status = 'queued' and not needs_grant and blocked_by = 0 and (not_before is null or not_before <= to_timestamp($4::float8 / 1000))
       order by priority desc, id limit greatest(0, least($2::bigint, $6 - (select count(*) from jobs where queue = $1 and status = 'running'))) for update skip locked
     )
     update jobs set status = 'running', worker_id = $3, lease_expires_at = to_timestamp(($4::float8 + $5) / 1000), attempts = attempts + 1,
       started_at = to_timestamp($4::float8 / 1000), ended_at = null, not_before = null, pid = null, pid_started = null, exit_code = null, signal = null, reason = null,
       error = null, result = null, progress = null, metrics = null, seq = seq + 1
     where id in (select id from picked) returning ${CLAIMED}`,
    [request.queue, request.limit, request.workerId, request.nowMs, request.leaseMs, queue.slots],
  );
  await writeEvents(
    sql,
    rows.map((row) => jobEvent(row, 'jobs:job:started')),
  );
  return rows.map(toClaimed).toSorted((a, b) => b.job.priority - a.job.priority || (a.job.id < b.job.id ? -1 : 1));
}

export interface GrantedClaim {
  /** Those that were granted what they need, in the order of their right to a slot. */
  readonly ids: readonly string[];
  readonly workerId: string;
  readonly nowMs: number;
  readonly leaseMs: number;
}

/** Takes these jobs, as far as their queues run and have slots. Run it in the transaction that writes what they were granted. */
export async function claimGranted(sql: Sql, request: GrantedClaim): Promise<ClaimedJob[]> {
  const { rows: queues } = await sql.query<{ name: string }>(
    hot(`select name from queues where state = 'running' and name in (select queue from jobs where id = any($1)) order by name for no key update`),
    [request.ids],
  );
  if (queues.length === 0) return [];
  const { rows } = await sql.query<ClaimedRow>(
    hot(`with open as (
       select name, slots - (select count(*) from jobs where queue = queues.name and status = 'running') as free from queues where name = any($5)
     ), candidates as (
       select id, queue from jobs where id = any($1) and status = 'queued' and blocked_by = 0 and (not_before is null or not_before <= to_timestamp($3::float8 / 1000))
       for update skip locked
     ), placed as (select id, queue, row_number() over (partition by queue order by array_position($1, id)) as place from candidates),
     picked as (select placed.id from placed join open on open.name = placed.queue where place <= free)
     update jobs set status = 'running', worker_id = $2, lease_expires_at = to_timestamp(($3::float8 + $4) / 1000), attempts = attempts + 1,
       started_at = to_timestamp($3::float8 / 1000), ended_at = null, not_before = null, pid = null, pid_started = null, exit_code = null, signal = null, reason = null,
       error = null, result = null, progress = null, metrics = null, seq = seq + 1
     where id in (select id from picked) returning ${CLAIMED}`),
    [request.ids, request.workerId, request.nowMs, request.leaseMs, queues.map((queue) => queue.name)],
  );
  await writeEvents(
    sql,
    rows.map((row) => jobEvent(row, 'jobs:job:started')),
  );
  return rows.map(toClaimed);
}

/** Names one attempt of one job in one worker's hands. */
export interface Attempt {
  readonly id: string;
  readonly workerId: string;
  readonly attempt: number;
}

/** Remembers which process runs the attempt. @returns false when the job is not this worker's any more */
export async function recordProcess(sql: Sql, attempt: Attempt, process: { readonly pid: number; readonly started: string }): Promise<boolean> {
  const { rowCount } = await sql.query(`update jobs set pid = $4, pid_started = $5 where id = $1 and status = 'running' and worker_id = $2 and attempts = $3`, [
    attempt.id,
    attempt.workerId,
    attempt.attempt,
    process.pid,
    process.started,
  ]);
  return rowCount === 1;
}

/** @returns which of the jobs are still this worker's, and whether someone asked to cancel them */
export async function renewLeases(
  sql: Sql,
  renewal: { readonly workerId: string; readonly ids: readonly string[]; readonly nowMs: number; readonly leaseMs: number },
): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `update jobs set lease_expires_at = to_timestamp(($3::float8 + $4) / 1000) where id = any($2) and status = 'running' and worker_id = $1 returning id`,
    [renewal.workerId, [...renewal.ids], renewal.nowMs, renewal.leaseMs],
  );
  return rows.map((row) => row.id);
}

export interface JobEnd {
  readonly status: Exclude<JobStatus, 'queued' | 'running'>;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly reason?: string | undefined;
  readonly error?: Failure | undefined;
  /** JSON text of JobEnded, when the process ran to an exit. */
  readonly result?: string | undefined;
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  readonly endedAtMs: number;
}

/** Ends the attempt for good. Also takes over a lost worker's job when `attempt.workerId` is that worker.
 *  @returns undefined when the job moved meanwhile: then nothing was written */
export async function endJob(sql: Sql, attempt: Attempt, end: JobEnd): Promise<Job | undefined> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set status = $4, exit_code = $5, signal = $6, reason = $7, error = $8::jsonb, result = $9, metrics = coalesce(metrics, '{}') || $10::jsonb,
       progress = case when $4 = 'completed' then 1 else progress end, ended_at = greatest(started_at, to_timestamp($11::float8 / 1000)), lease_expires_at = null, wait = null, seq = seq + 1
     where id = $1 and status = 'running' and worker_id = $2 and attempts = $3 returning ${JOB_COLUMNS}`,
    [
      attempt.id,
      attempt.workerId,
      attempt.attempt,
      end.status,
      end.exitCode ?? null,
      end.signal ?? null,
      end.reason ?? null,
      end.error === undefined ? null : JSON.stringify(end.error),
      end.result ?? null,
      JSON.stringify(end.metrics ?? {}),
      end.endedAtMs,
    ],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  await writeEvents(sql, [jobEvent(row, `jobs:job:${end.status}`)]);
  await settleDependents(sql, { id: row.id, status: row.status, nowMs: end.endedAtMs });
  return toJob(row);
}

export interface Requeue {
  readonly nowMs: number;
  readonly notBeforeMs?: number | undefined;
  /** The process vanished without a record: counted apart from failures. */
  readonly orphaned: boolean;
  /** It was ended for something more important: that counts for nothing. */
  readonly preempted?: boolean | undefined;
  readonly reason: string;
  readonly error?: Failure | undefined;
}

/** Puts the attempt's job back in line; it keeps what it had waited. @returns undefined when it moved meanwhile */
export async function requeueJob(sql: Sql, attempt: Attempt, requeue: Requeue): Promise<Job | undefined> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set status = 'queued', worker_id = null, lease_expires_at = null, pid = null, pid_started = null, wait = null, reason = $5, error = $6::jsonb,
       not_before = to_timestamp($7::float8 / 1000), orphaned_attempts = orphaned_attempts + $4, preemptions = preemptions + $8,
       line_at = to_timestamp($9::float8 / 1000) - (started_at - coalesce(line_at, created_at)), seq = seq + 1
     where id = $1 and status = 'running' and worker_id = $2 and attempts = $3 returning ${JOB_COLUMNS}`,
    [
      attempt.id,
      attempt.workerId,
      attempt.attempt,
      requeue.orphaned ? 1 : 0,
      requeue.reason,
      requeue.error === undefined ? null : JSON.stringify(requeue.error),
      requeue.notBeforeMs ?? null,
      requeue.preempted === true ? 1 : 0,
      requeue.nowMs,
    ],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  await writeEvents(sql, [jobEvent(row, 'jobs:job:queued')]);
  return toJob(row);
}

/** Cancels a job that no worker holds. @returns undefined when it is not queued */
export async function cancelQueuedJob(
  sql: Sql,
  cancel: { readonly id: string; readonly orgId?: string | undefined; readonly reason: string; readonly nowMs: number },
): Promise<Job | undefined> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set status = 'cancelled', reason = $3, ended_at = to_timestamp($4::float8 / 1000), cancel_requested_at = to_timestamp($4::float8 / 1000), seq = seq + 1
     where id = $1 and ($2::text is null or org_id = $2) and status = 'queued' returning ${JOB_COLUMNS}`,
    [cancel.id, cancel.orgId ?? null, cancel.reason, cancel.nowMs],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  await writeEvents(sql, [jobEvent(row, 'jobs:job:cancelled')]);
  await settleDependents(sql, { id: row.id, status: row.status, nowMs: cancel.nowMs });
  return toJob(row);
}

/** Asks the worker that runs the job to end it. @returns undefined when it is not running */
export async function requestJobCancel(
  sql: Sql,
  cancel: { readonly id: string; readonly orgId?: string | undefined; readonly reason: string; readonly nowMs: number },
): Promise<Job | undefined> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set cancel_requested_at = coalesce(cancel_requested_at, to_timestamp($4::float8 / 1000)), reason = coalesce(reason, $3)
     where id = $1 and ($2::text is null or org_id = $2) and status = 'running' returning ${JOB_COLUMNS}`,
    [cancel.id, cancel.orgId ?? null, cancel.reason, cancel.nowMs],
  );
  return rows[0] === undefined ? undefined : toJob(rows[0]);
}

/** Queues an ended direct job again, with fresh counts. @returns undefined when it has not ended, or belongs to a step */
export async function retryEndedJob(sql: Sql, retry: { readonly id: string; readonly orgId: string; readonly requestId: string }): Promise<Job | undefined> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set status = 'queued', worker_id = null, attempts = 0, orphaned_attempts = 0, preemptions = 0, line_at = now(), not_before = null, cancel_requested_at = null, exit_code = null, signal = null,
       reason = null, error = null, result = null, progress = null, metrics = null, started_at = null, ended_at = null, seq = seq + 1
     where id = $1 and org_id = $2 and instance_id is null and status in ('completed', 'failed', 'cancelled', 'dead') returning ${JOB_COLUMNS}`,
    [retry.id, retry.orgId],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  await writeEvents(sql, [jobEvent(row, 'jobs:job:queued', retry.requestId)]);
  return toJob(row);
}

export async function recordProgress(
  sql: Sql,
  attempt: Attempt,
  progress: { readonly progress?: number | undefined; readonly metrics?: Readonly<Record<string, number>> | undefined },
): Promise<boolean> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set progress = coalesce($4, progress), metrics = coalesce(metrics, '{}') || $5::jsonb, seq = seq + 1
     where id = $1 and status = 'running' and worker_id = $2 and attempts = $3 returning ${JOB_COLUMNS}`,
    [attempt.id, attempt.workerId, attempt.attempt, progress.progress ?? null, JSON.stringify(progress.metrics ?? {})],
  );
  const row = rows[0];
  if (row === undefined) return false;
  await writeEvents(sql, [jobEvent(row, 'jobs:job:progress')]);
  return true;
}

/** Why a running job can't be ended. @returns false when the job moved meanwhile */
export async function recordJobWait(sql: Sql, attempt: Attempt, wait: WaitReason): Promise<boolean> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set wait = $4::jsonb, seq = seq + 1 where id = $1 and status = 'running' and worker_id = $2 and attempts = $3 returning ${JOB_COLUMNS}`,
    [attempt.id, attempt.workerId, attempt.attempt, JSON.stringify(wait)],
  );
  const row = rows[0];
  if (row === undefined) return false;
  await writeEvents(sql, [jobEvent(row, 'jobs:job:progress')]);
  return true;
}

/** The running jobs of a worker. */
export async function listClaimed(sql: Sql, workerId: string): Promise<ClaimedJob[]> {
  const { rows } = await sql.query<ClaimedRow>(`select ${CLAIMED} from jobs where worker_id = $1 and status = 'running' order by id limit 10000`, [workerId]);
  return rows.map(toClaimed);
}

/** Running jobs of this worker that someone asked to cancel, with the reason given. */
export async function listCancelRequests(sql: Sql, workerId: string): Promise<{ id: string; reason: string }[]> {
  const { rows } = await sql.query<{ id: string; reason: string | null }>(
    `select id, reason from jobs where worker_id = $1 and status = 'running' and cancel_requested_at is not null order by id limit 1000`,
    [workerId],
  );
  return rows.map((row) => ({ id: row.id, reason: row.reason ?? 'cancelled' }));
}

/** Running jobs whose worker let the lease lapse, with where that worker was. */
export async function listLapsed(
  sql: Sql,
  query: { readonly nowMs: number; readonly exceptWorkerId: string },
): Promise<{ claimed: ClaimedJob; host: string | null }[]> {
  const { rows } = await sql.query<ClaimedRow & { worker_host: string | null }>(
    `select ${CLAIMED}, (select host from workers where workers.id = jobs.worker_id) as worker_host from jobs
     where status = 'running' and worker_id <> $2 and lease_expires_at < to_timestamp($1::float8 / 1000) order by id limit 100`,
    [query.nowMs, query.exceptWorkerId],
  );
  return rows.map((row) => ({ claimed: toClaimed(row), host: row.worker_host }));
}

/** Whether the person may still run commands. */
export async function maySubmitJobs(sql: Sql, userId: string): Promise<boolean> {
  const { rows } = await sql.query<{ may: boolean }>(`select is_super_admin and disabled_at is null as may from users where id = $1`, [userId]);
  return rows[0]?.may ?? false;
}

function toClaimed(row: ClaimedRow): ClaimedJob {
  return {
    job: toJob(row),
    orgId: row.org_id,
    spec: row.spec,
    step:
      row.instance_id === null || row.step_path === null
        ? undefined
        : { instanceId: row.instance_id, path: row.step_path, generation: row.step_generation ?? 1, attempt: row.step_attempt ?? 1 },
    retry: row.retry,
    timeoutMs: row.limit_ms,
    principal: row.principal,
    workerId: row.worker_id ?? '',
    attempt: row.attempts,
    orphanedAttempts: row.orphaned_attempts,
    preemptions: row.preemptions,
    pid: row.pid,
    pidStarted: row.pid_started,
    startedAtMs: row.started_at?.getTime() ?? row.created_at.getTime(),
    cancelRequested: row.cancel_requested_at !== null,
    cancelReason: row.reason,
  };
}
