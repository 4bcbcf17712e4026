/** The jobs that wait for a grant of the ledger, as it knows them. What stands in paused queues, waits for other jobs or for its time is not in line. */
import type { Job } from '../contract/jobs.ts';
import { hot, type Sql } from './client.ts';

export interface JobInLine {
  readonly id: string;
  readonly orgId: string;
  readonly name: string | undefined;
  readonly queue: string;
  readonly resources: Job['resources'];
  readonly priority: number;
  readonly isPreemptible: boolean;
  /** From when its waiting counts. */
  readonly queuedAtMs: number;
  readonly limitMs: number;
}

interface LineRow {
  id: string;
  org_id: string;
  name: string | null;
  queue: string;
  resources: Job['resources'];
  priority: number;
  preemptible: boolean;
  queued_at: Date;
  limit_ms: number;
}

/** LIMIT: more wait unseen until these have begun; those that matter most are seen. */
const MAX_LINE = 10_000;

export async function listJobLine(sql: Sql, nowMs: number): Promise<JobInLine[]> {
  const { rows } = await sql.query<LineRow>(
    hot(`select jobs.id, org_id, jobs.name, queue, resources, priority, preemptible,
       greatest(coalesce(line_at, jobs.created_at), coalesce(not_before, jobs.created_at)) as queued_at, coalesce(timeout_ms, default_timeout_ms) as limit_ms
     from jobs join queues on queues.name = jobs.queue
     where jobs.status = 'queued' and needs_grant and blocked_by = 0 and (not_before is null or not_before <= to_timestamp($1::float8 / 1000)) and queues.state = 'running'
     order by priority desc, jobs.id limit $2`),
    [nowMs, MAX_LINE],
  );
  return rows.map((row) => ({
    id: row.id,
    orgId: row.org_id,
    name: row.name ?? undefined,
    queue: row.queue,
    resources: row.resources,
    priority: row.priority,
    isPreemptible: row.preemptible,
    queuedAtMs: row.queued_at.getTime(),
    limitMs: row.limit_ms,
  }));
}

/** The next jobs of these queues that need no grant: they take slots too. At most `limit` a queue. */
export async function listOthersInLine(
  sql: Sql,
  query: { readonly queues: readonly string[]; readonly limit: number; readonly nowMs: number },
): Promise<{ queue: string; priority: number; queuedAtMs: number }[]> {
  const { rows } = await sql.query<{ queue: string; priority: number; created_at: Date }>(
    `select queue, priority, created_at from unnest($1::text[]) as asked (name) cross join lateral (
       select queue, priority, created_at from jobs where queue = asked.name and status = 'queued' and not needs_grant and blocked_by = 0
         and (not_before is null or not_before <= to_timestamp($3::float8 / 1000)) order by priority desc, id limit $2) as next`,
    [[...query.queues], query.limit, query.nowMs],
  );
  return rows.map((row) => ({ queue: row.queue, priority: row.priority, queuedAtMs: row.created_at.getTime() }));
}
