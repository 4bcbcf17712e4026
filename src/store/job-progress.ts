/** What a running job says of itself, and what keeps it from ending. */
import type { WaitReason } from '../contract/instances.ts';
import type { Sql } from './client.ts';
import type { Attempt } from './job-claims.ts';
import { JOB_COLUMNS, jobEvent, type JobRow } from './jobs.ts';
import { writeEvents } from './outbox.ts';

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
