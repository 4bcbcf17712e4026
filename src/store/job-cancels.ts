/** Asking for the end of a job: one that waits ends at once, of one that runs its worker is told. */
import type { Job } from '../contract/jobs.ts';
import type { Sql } from './client.ts';
import { settleDependents } from './job-dependencies.ts';
import type { EndedJob } from './job-ends.ts';
import { JOB_COLUMNS, jobEvent, toJob, type JobRow } from './jobs.ts';
import { writeEvents } from './outbox.ts';

/** Cancels a job that no worker holds. @returns undefined when it is not queued */
export async function cancelQueuedJob(
  sql: Sql,
  cancel: { readonly id: string; readonly orgId?: string | undefined; readonly reason: string; readonly nowMs: number },
): Promise<EndedJob | undefined> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set status = 'cancelled', reason = $3, ended_at = to_timestamp($4::float8 / 1000), cancel_requested_at = to_timestamp($4::float8 / 1000), seq = seq + 1
     where id = $1 and ($2::text is null or org_id = $2) and status = 'queued' returning ${JOB_COLUMNS}`,
    [cancel.id, cancel.orgId ?? null, cancel.reason, cancel.nowMs],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  await writeEvents(sql, [jobEvent(row, 'jobs:job:cancelled')]);
  return { job: toJob(row), freedQueues: await settleDependents(sql, { id: row.id, status: row.status, nowMs: cancel.nowMs }) };
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

/** Running jobs of this worker that someone asked to cancel, with the reason given. */
export async function listCancelRequests(sql: Sql, workerId: string): Promise<{ id: string; reason: string }[]> {
  const { rows } = await sql.query<{ id: string; reason: string | null }>(
    `select id, reason from jobs where worker_id = $1 and status = 'running' and cancel_requested_at is not null order by id limit 1000`,
    [workerId],
  );
  return rows.map((row) => ({ id: row.id, reason: row.reason ?? 'cancelled' }));
}
