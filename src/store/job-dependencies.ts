/** Which jobs wait for which. A job counts the ones it still waits for (`blocked_by`); whoever ends a job settles its dependents in the same
 *  transaction. One thing to know: a submission locks the rows it names before it counts them, so that no end falls in between. */
import type { Failure } from '../contract/instances.ts';
import type { JobDependency } from '../contract/jobs.ts';
import type { JobStatus } from '../contract/values.ts';
import { hot, type Sql } from './client.ts';
import { JOB_COLUMNS, jobEvent, type JobRow } from './jobs.ts';
import { writeEvents } from './outbox.ts';

export interface NamedDependency {
  /** Of a job, or of a group: all of its jobs. */
  readonly id: string;
  readonly condition: JobDependency['condition'];
}

export interface FoundDependency extends NamedDependency {
  /** Which of the given ids named it. */
  readonly namedBy: string;
  readonly status: JobStatus;
}

/** The jobs that these ids name, held as they are until the transaction ends. Unknown ids are not among them. */
export async function lockDependencies(sql: Sql, query: { readonly orgId: string; readonly named: readonly NamedDependency[] }): Promise<FoundDependency[]> {
  if (query.named.length === 0) return [];
  const conditions = new Map(query.named.map(({ id, condition }) => [id, condition]));
  const { rows } = await sql.query<{ id: string; group_id: string | null; status: JobStatus }>(
    `select id, group_id, status from jobs where org_id = $1 and (id = any($2) or group_id = any($2)) order by id limit 20000 for share`,
    [query.orgId, [...conditions.keys()]],
  );
  return rows.map((row) => {
    const namedBy = conditions.has(row.id) ? row.id : (row.group_id ?? row.id);
    return { id: row.id, namedBy, status: row.status, condition: conditions.get(namedBy) ?? 'afterok' };
  });
}

/** Lets each of the jobs wait for all of the others. */
export async function insertDependencies(
  sql: Sql,
  link: { readonly orgId: string; readonly jobIds: readonly string[]; readonly on: readonly NamedDependency[] },
): Promise<void> {
  if (link.on.length === 0) return;
  await sql.query(
    `insert into job_dependencies (job_id, depends_on, org_id, condition)
     select job_id, depends_on, $2, condition from unnest($1::text[]) as waiting (job_id) cross join unnest($3::text[], $4::text[]) as awaited (depends_on, condition)`,
    [[...link.jobIds], link.orgId, link.on.map(({ id }) => id), link.on.map(({ condition }) => condition)],
  );
}

/** What the end of a job means for those that wait for it: one less to wait for, or, where it had to complete and did not, an end of their own;
 *  that end is settled in turn. Call in the transaction that ends it, whatever ends it.
 *  @returns the queues in which a job waits for no other any more */
export async function settleDependents(sql: Sql, end: { readonly id: string; readonly status: JobStatus; readonly nowMs: number }): Promise<string[]> {
  const queues = new Set<string>();
  let ended: readonly { readonly id: string; readonly status: JobStatus }[] = [end];
  while (ended.length > 0) {
    const ids = ended.map(({ id }) => id);
    const completed = ended.map(({ status }) => status === 'completed');
    // Serial: what ends here decides what ends next. Held in one order: two ends with the same dependents never wait for each other in a circle.
    const { rows } = await sql.query<{ queue: string; blocked_by: number }>(
      hot(`with ended as (select id, completed from unnest($1::text[], $2::boolean[]) as e (id, completed)),
         freed as (select d.job_id, count(*)::int as links from job_dependencies d join ended e on e.id = d.depends_on
           where d.condition = 'afterany' or e.completed group by d.job_id)
       update jobs set blocked_by = greatest(0, blocked_by - freed.links), line_at = to_timestamp($3::float8 / 1000) from freed where jobs.id = freed.job_id and jobs.status = 'queued'
       returning queue, blocked_by`),
      [ids, completed, end.nowMs],
    );
    for (const row of rows) if (row.blocked_by === 0) queues.add(row.queue);
    ended = await endUnreachable(sql, { ids: ended.filter(({ status }) => status !== 'completed').map(({ id }) => id), nowMs: end.nowMs });
  }
  return [...queues];
}

/** Ends what waits for one of these to complete, which it never will. */
async function endUnreachable(sql: Sql, failed: { readonly ids: readonly string[]; readonly nowMs: number }): Promise<JobRow[]> {
  if (failed.ids.length === 0) return [];
  const { rows: links } = await sql.query<{ job_id: string; depends_on: string; status: JobStatus }>(
    `select distinct on (d.job_id) d.job_id, d.depends_on, awaited.status from job_dependencies d join jobs awaited on awaited.id = d.depends_on
       join (select id from jobs where id in (select job_id from job_dependencies where depends_on = any($1)) and status = 'queued' order by id for no key update) waiting
         on waiting.id = d.job_id
     where d.depends_on = any($1) and d.condition = 'afterok' order by d.job_id, d.depends_on`,
    [[...failed.ids]],
  );
  if (links.length === 0) return [];
  const errors = links.map((link): Failure => ({
    code: 'dependency_failed',
    message: `It was to run after ${link.depends_on} had completed, which ended as ${link.status}.`,
    remedy: `Retry ${link.depends_on}, then this job; or submit it with the condition afterany.`,
  }));
  const { rows } = await sql.query<JobRow>(
    `update jobs set status = 'cancelled', reason = 'dependency_failed', error = told_error::jsonb, wait = null, ended_at = to_timestamp($3::float8 / 1000), seq = seq + 1
     from unnest($1::text[], $2::text[]) as told (told_id, told_error) where jobs.id = told.told_id and jobs.status = 'queued' returning ${JOB_COLUMNS}`,
    [links.map(({ job_id }) => job_id), errors.map((error) => JSON.stringify(error)), failed.nowMs],
  );
  await writeEvents(
    sql,
    rows.map((row) => jobEvent(row, 'jobs:job:cancelled')),
  );
  return rows;
}

/** Counts anew what a job that was queued again waits for. @returns how many */
export async function blockAgain(sql: Sql, jobId: string): Promise<number> {
  const { rows } = await sql.query<{ blocked_by: number }>(
    `update jobs set blocked_by = (select count(*) from job_dependencies d join jobs awaited on awaited.id = d.depends_on
       where d.job_id = jobs.id and case d.condition when 'afterok' then awaited.status <> 'completed' else awaited.status in ('queued', 'running') end)
     where id = $1 returning blocked_by`,
    [jobId],
  );
  return rows[0]?.blocked_by ?? 0;
}

/** By id. */
export async function listDependencies(
  sql: Sql,
  query: { readonly orgId: string; readonly jobId: string; readonly after?: string | undefined; readonly limit: number },
): Promise<JobDependency[]> {
  const { rows } = await sql.query<DependencyRow>(
    `select j.id, j.name, j.status, d.condition from job_dependencies d join jobs j on j.id = d.depends_on
     where d.org_id = $1 and d.job_id = $2 and ($3::text is null or j.id > $3) order by j.id limit $4`,
    [query.orgId, query.jobId, query.after ?? null, query.limit],
  );
  return rows.map(toDependency);
}

/** Of each of these jobs, the first one that stands in its way, by the id of the job that waits. */
export async function firstOpenDependencies(sql: Sql, jobIds: readonly string[]): Promise<ReadonlyMap<string, JobDependency>> {
  if (jobIds.length === 0) return new Map();
  const { rows } = await sql.query<DependencyRow & { job_id: string }>(
    `select distinct on (d.job_id) d.job_id, j.id, j.name, j.status, d.condition from job_dependencies d join jobs j on j.id = d.depends_on
     where d.job_id = any($1) and case d.condition when 'afterok' then j.status <> 'completed' else j.status in ('queued', 'running') end order by d.job_id, j.id`,
    [[...jobIds]],
  );
  return new Map(rows.map((row) => [row.job_id, toDependency(row)]));
}

interface DependencyRow {
  id: string;
  name: string | null;
  status: JobStatus;
  condition: JobDependency['condition'];
}

function toDependency({ id, name, status, condition }: DependencyRow): JobDependency {
  return { id, ...(name === null ? {} : { name }), status, condition };
}
