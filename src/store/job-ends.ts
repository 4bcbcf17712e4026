/** How an attempt leaves a worker's hands: for good, back in line, or begun anew by a person. Every update names the worker and attempt it expects:
 *  a job that moved meanwhile is left alone, and the late worker learns so by an empty result. */
import type { Failure } from '../contract/instances.ts';
import type { Job } from '../contract/jobs.ts';
import type { JobStatus } from '../contract/values.ts';
import { hot, type Sql } from './client.ts';
import type { Attempt } from './job-claims.ts';
import { settleDependents } from './job-dependencies.ts';
import { JOB_COLUMNS, jobEvent, toJob, type JobRow } from './jobs.ts';
import { writeEvents } from './outbox.ts';

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

export interface EndedJob {
  readonly job: Job;
  /** Where jobs that waited for it may go on. */
  readonly freedQueues: readonly string[];
}

/** Ends the attempt for good. Also takes over a lost worker's job when `attempt.workerId` is that worker.
 *  @returns undefined when the job moved meanwhile: then nothing was written */
export async function endJob(sql: Sql, attempt: Attempt, end: JobEnd): Promise<EndedJob | undefined> {
  const { rows } = await sql.query<JobRow>(
    hot(`update jobs set status = $4, exit_code = $5, signal = $6, reason = $7, error = $8::jsonb, result = $9, metrics = coalesce(metrics, '{}') || $10::jsonb,
       progress = case when $4 = 'completed' then 1 else progress end, ended_at = greatest(started_at, to_timestamp($11::float8 / 1000)), lease_expires_at = null, wait = null, seq = seq + 1
     where id = $1 and status = 'running' and worker_id = $2 and attempts = $3 returning ${JOB_COLUMNS}`),
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
  return { job: toJob(row), freedQueues: await settleDependents(sql, { id: row.id, status: row.status, nowMs: end.endedAtMs }) };
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
