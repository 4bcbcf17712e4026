/** Instances over time, counted from their rows: one read of a stretch of ids, newest first and bounded; buckets, durations and facets are made of it. */
import type { InstanceStats } from '../contract/instance-stats.ts';
import type { InstanceStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { filterValues, idsOf, MATCHES, type InstanceFilter } from './instance-filter.ts';

export interface StatsQuery {
  readonly filter: Omit<InstanceFilter, 'since' | 'until'>;
  readonly from: Date;
  readonly to: Date;
  readonly buckets: number;
  readonly maxRows: number;
}

interface Counted {
  /** 0 is the first; null: of all. */
  readonly bucket: number | null;
  readonly total: number;
  readonly counts: Partial<Record<InstanceStatus, number>> | null;
  readonly p50: number | null;
  readonly p95: number | null;
}

interface Facets {
  readonly status: { readonly value: InstanceStatus; readonly count: number }[] | null;
  readonly workflow: { readonly id: string; readonly name: string; readonly count: number }[] | null;
  readonly started: { readonly value: string; readonly count: number }[] | null;
}

export interface Stats {
  readonly counted: readonly Counted[];
  readonly facets: InstanceStats['facets'];
  /** Set: not all were read. */
  readonly countedFrom: Date | null;
}

/** What is read is bounded before anything narrows it: a filter that few instances match must not read a whole period. Only a workflow has an index of its own. */
const READ = `select id, org_id, workflow_id, status, labels, started_by, is_test, created_at, started_at, ended_at, error, waiting, rerun_of, parent_id
  from instances
  where org_id = $1 and id >= $16 and id < $17 and created_at >= $18 and created_at < $19 and ($23::text is null or workflow_id = $23) order by id desc limit $21`;

/** Facets are counted without their own part of the filter, so it is not in the condition but asked of each row. */
const ROWS = `select i.created_at, i.status, i.workflow_id, split_part(i.started_by, ':', 1) as started, extract(epoch from i.ended_at - coalesce(i.started_at, i.created_at)) * 1000 as ms,
    coalesce(i.status = any($22::text[]), true) as is_status,
    coalesce(case when strpos($24, ':') > 0 then i.started_by = $24 else split_part(i.started_by, ':', 1) = $24 end, true) as is_started
  from read i where ${MATCHES}`;

export async function countInstancesOverTime(sql: Sql, query: StatsQuery): Promise<Stats> {
  const { statuses, workflowId, startedBy, ...others } = query.filter;
  const ids = idsOf({ since: query.from.toISOString(), until: query.to.toISOString() });
  const values = [
    ...(await filterValues(sql, others)),
    ...[ids.from, ids.to, query.from, query.to, query.buckets, query.maxRows],
    ...[statuses ?? null, workflowId ?? null, startedBy ?? null],
  ];
  const { rows } = await sql.query<{ counted: Counted[] | null; facets: Facets; read: number; oldest: Date | null }>(
    `with read as materialized (${READ}), r as materialized (${ROWS}), shown as (select created_at, status, ms from r where is_status and is_started),
     placed as (
       select least(width_bucket(extract(epoch from created_at), extract(epoch from $18::timestamptz), extract(epoch from $19::timestamptz), $20) - 1, $20 - 1) as bucket, status, ms from shown
     ), by_status as (
       select bucket, status, count(*)::int as n from placed group by grouping sets ((bucket, status), (status))
     ), by_bucket as (
       select bucket, count(*)::int as total, percentile_cont(0.5) within group (order by ms) as p50, percentile_cont(0.95) within group (order by ms) as p95
       from placed group by grouping sets ((bucket), ())
     )
     select (select json_agg(json_build_object('bucket', b.bucket, 'total', b.total, 'p50', b.p50, 'p95', b.p95,
         'counts', (select json_object_agg(s.status, s.n) from by_status s where s.bucket is not distinct from b.bucket))) from by_bucket b) as counted,
       json_build_object(
         'status', (select json_agg(f order by f.count desc, f.value) from (select status as value, count(*)::int as count from r where is_started group by status) f),
         'started', (select json_agg(f order by f.count desc, f.value) from (
           select started as value, count(*)::int as count from r where is_status group by started order by 2 desc, 1 limit 20) f),
         'workflow', (select json_agg(f order by f.count desc, f.id) from (
           select t.workflow_id as id, w.name, t.count from (
             select workflow_id, count(*)::int as count from r where is_status and is_started group by workflow_id order by 2 desc, 1 limit 20
           ) t join workflows w on w.id = t.workflow_id) f)
       ) as facets,
       (select count(*)::int from read) as read, (select min(created_at) from read) as oldest`,
    values,
  );
  const [row] = rows;
  const facets = row?.facets;
  return {
    counted: row?.counted ?? [],
    facets: { status: facets?.status ?? [], workflow: facets?.workflow ?? [], startedBy: facets?.started ?? [] },
    countedFrom: row !== undefined && row.read >= query.maxRows ? row.oldest : null,
  };
}
