/** Moving a job that waits in its line. */
import type { Job } from '../contract/jobs.ts';
import type { Sql } from './client.ts';
import { JOB_COLUMNS, jobEvent, toJob, type JobRow } from './jobs.ts';
import { writeEvents } from './outbox.ts';

/** @returns undefined when it does not wait */
export async function setJobPriority(
  sql: Sql,
  change: { readonly id: string; readonly orgId: string; readonly priority: number; readonly requestId: string },
): Promise<Job | undefined> {
  const { rows } = await sql.query<JobRow>(
    `update jobs set priority = $3, seq = seq + 1 where id = $1 and org_id = $2 and status = 'queued' returning ${JOB_COLUMNS}`,
    [change.id, change.orgId, change.priority],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  await writeEvents(sql, [jobEvent(row, 'jobs:job:moved', change.requestId)]);
  return toJob(row);
}
