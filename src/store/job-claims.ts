/** Jobs in a worker's hands: claimed, leased, found again. Every update names the state it expects (worker and attempt): a job that moved meanwhile is
 *  left alone, and the late worker learns so by an empty result. How an attempt ends: job-ends.ts. */
import type { RetryPolicy } from '../contract/graph.ts';
import type { CommandSpec } from '../contract/command.ts';
import type { Job } from '../contract/jobs.ts';
import { hot, type Sql } from './client.ts';
import { JOB_COLUMNS, jobEvent, toJob, type JobRow } from './jobs.ts';
import { writeEvents } from './outbox.ts';
import { HAS_ACCESS } from './users.ts';

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
  /** Whether that person may still run commands. */
  readonly isAllowed: boolean;
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
  is_allowed: boolean;
  pid: number | null;
  pid_started: string | null;
}

const CLAIMED = `${JOB_COLUMNS}, preemptions, spec, retry, principal, pid, pid_started,
  coalesce(timeout_ms, (select default_timeout_ms from queues where name = jobs.queue)) as limit_ms,
  coalesce((select u.is_super_admin and ${HAS_ACCESS} from users u where u.id = jobs.principal), false) as is_allowed`;

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
    hot(`with picked as (
       select id from jobs where queue = $1 and status = 'queued' and not needs_grant and blocked_by = 0 and (not_before is null or not_before <= to_timestamp($4::float8 / 1000))
         and not exists (select 1 from workers w where w.id = $3 and w.shut_out_at is not null)
       order by priority desc, id limit greatest(0, least($2::bigint, $6 - (select count(*) from jobs where queue = $1 and status = 'running'))) for update skip locked
     )
     update jobs set status = 'running', worker_id = $3, lease_expires_at = to_timestamp(($4::float8 + $5) / 1000), attempts = attempts + 1,
       started_at = to_timestamp($4::float8 / 1000), ended_at = null, not_before = null, pid = null, pid_started = null, exit_code = null, signal = null, reason = null,
       error = null, result = null, progress = null, metrics = null, seq = seq + 1
     where id in (select id from picked) returning ${CLAIMED}`),
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
         and not exists (select 1 from workers w where w.id = $2 and w.shut_out_at is not null)
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
  const { rowCount } = await sql.query(
    hot(`update jobs set pid = $4, pid_started = $5 where id = $1 and status = 'running' and worker_id = $2 and attempts = $3`),
    [attempt.id, attempt.workerId, attempt.attempt, process.pid, process.started],
  );
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

/** The running jobs of a worker. */
export async function listClaimed(sql: Sql, workerId: string): Promise<ClaimedJob[]> {
  const { rows } = await sql.query<ClaimedRow>(`select ${CLAIMED} from jobs where worker_id = $1 and status = 'running' order by id limit 10000`, [workerId]);
  return rows.map(toClaimed);
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
    isAllowed: row.is_allowed,
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
