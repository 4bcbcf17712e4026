/** Rows that are kept for a time, class by class: how many there are, how many are past it, and deleting those in bites. Never decides the time: ops/retention.ts
 *  does. Instances are not among them: they go by periods (run-data.ts). */
import type { RetentionClass } from '../contract/disk.ts';
import type { Sql } from './client.ts';

interface ClassText {
  readonly count: string;
  readonly remove: string;
  /** Tables that it lies in, for its size on disk. */
  readonly tables: readonly string[];
}

/** $1 is the moment before which a row is due; of `remove`, $2 how many at once. Bytes are those of what the rows point at, or of the rows. */
const TEXTS: Readonly<Record<RetentionClass, ClassText>> = {
  jobs: {
    tables: ['jobs', 'job_metrics', 'job_dependencies'],
    count: `select count(*) as rows, coalesce(sum(pg_column_size(j.*)), 0)::float8 as bytes, min(j.ended_at) as oldest, count(*) filter (where j.ended_at < $1) as due,
        coalesce(sum(pg_column_size(j.*)) filter (where j.ended_at < $1), 0)::float8 as "dueBytes"
      from jobs j where j.instance_id is null and j.status not in ('queued', 'running')`,
    // One that others still wait for, or that waits for one that goes, stays until they have ended.
    remove: `delete from jobs where id in (select j.id from jobs j where j.instance_id is null and j.status not in ('queued', 'running') and j.ended_at < $1
        and not exists (select 1 from job_dependencies d join jobs w on w.id = d.job_id where d.depends_on = j.id and w.status in ('queued', 'running'))
        order by j.ended_at limit $2) returning org_id as "orgId", null as sha256`,
  },
  artifacts: {
    tables: ['artifacts'],
    count: `select count(*) as rows, coalesce(sum(a.bytes), 0)::float8 as bytes, min(a.created_at) as oldest, count(*) filter (where a.created_at < $1) as due,
        coalesce(sum(a.bytes) filter (where a.created_at < $1), 0)::float8 as "dueBytes" from artifacts a where a.job_id is not null`,
    remove: `delete from artifacts where id in (select a.id from artifacts a join jobs j on j.id = a.job_id where j.status not in ('queued', 'running') and a.created_at < $1
        order by a.created_at limit $2) returning org_id as "orgId", sha256`,
  },
  audit: {
    tables: ['audit'],
    count: `select count(*) as rows, coalesce(sum(pg_column_size(a.*)), 0)::float8 as bytes, min(a.at) as oldest, count(*) filter (where a.at < $1) as due,
        coalesce(sum(pg_column_size(a.*)) filter (where a.at < $1), 0)::float8 as "dueBytes" from audit a`,
    remove: `delete from audit where id in (select id from audit where at < $1 order by at limit $2) returning org_id as "orgId", null as sha256`,
  },
  notifications: {
    tables: ['notifications'],
    count: `select count(*) as rows, coalesce(sum(pg_column_size(n.*)), 0)::float8 as bytes, min(n.created_at) as oldest, count(*) filter (where n.created_at < $1) as due,
        coalesce(sum(pg_column_size(n.*)) filter (where n.created_at < $1), 0)::float8 as "dueBytes" from notifications n`,
    remove: `delete from notifications where id in (select id from notifications where created_at < $1 order by created_at limit $2)
        returning org_id as "orgId", null as sha256`,
  },
  deliveries: {
    tables: ['notification_deliveries'],
    count: `select count(*) as rows, coalesce(sum(pg_column_size(d.*)), 0)::float8 as bytes, min(d.ended_at) as oldest, count(*) filter (where d.ended_at < $1) as due,
        coalesce(sum(pg_column_size(d.*)) filter (where d.ended_at < $1), 0)::float8 as "dueBytes" from notification_deliveries d where d.ended_at is not null`,
    remove: `delete from notification_deliveries where id in (select id from notification_deliveries where ended_at < $1 order by ended_at limit $2)
        returning org_id as "orgId", null as sha256`,
  },
  downloads: {
    tables: ['downloads'],
    count: `select count(*) as rows, coalesce(sum(pg_column_size(d.*)), 0)::float8 as bytes, min(d.ended_at) as oldest, count(*) filter (where d.ended_at < $1) as due,
        coalesce(sum(pg_column_size(d.*)) filter (where d.ended_at < $1), 0)::float8 as "dueBytes"
      from downloads d where d.status in ('completed', 'cancelled', 'failed') and d.model_id is null`,
    remove: `delete from downloads where id in (select id from downloads where status in ('completed', 'cancelled', 'failed') and model_id is null and ended_at < $1
        order by ended_at limit $2) returning org_id as "orgId", null as sha256`,
  },
};

export interface ClassCount {
  readonly rows: number;
  readonly bytes: number;
  readonly oldest: Date | null;
  readonly due: number;
  readonly dueBytes: number;
}

/** @param at.before null: nothing is due */
export async function countClass(sql: Sql, at: { readonly class: RetentionClass; readonly before: Date | null }): Promise<ClassCount> {
  const { rows } = await sql.query<{ rows: number; bytes: number; oldest: Date | null; due: number; dueBytes: number }>(TEXTS[at.class].count, [at.before]);
  return rows[0] ?? { rows: 0, bytes: 0, oldest: null, due: 0, dueBytes: 0 };
}

/** @returns what the rows pointed at; as many as `limit`: there may be more */
export async function deleteDue(
  sql: Sql,
  at: { readonly class: RetentionClass; readonly before: Date; readonly limit: number },
): Promise<readonly { readonly orgId: string | null; readonly sha256: string | null }[]> {
  const { rows } = await sql.query<{ orgId: string | null; sha256: string | null }>(TEXTS[at.class].remove, [at.before, at.limit]);
  return rows;
}

/** What a class takes of the database with its indexes. */
export async function sizeOfClass(sql: Sql, name: RetentionClass): Promise<number> {
  const { rows } = await sql.query<{ bytes: number }>(
    `select coalesce(sum(pg_total_relation_size(t::regclass)), 0)::float8 as bytes from unnest($1::text[]) t`,
    [[...TEXTS[name].tables]],
  );
  return rows[0]?.bytes ?? 0;
}
