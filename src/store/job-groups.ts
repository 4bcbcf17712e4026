/** Jobs that were submitted together, counted and listed. */
import type { JobGroup } from '../contract/job-groups.ts';
import { jobStatuses, type JobStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';

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
