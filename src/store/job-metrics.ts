/** Rows of metrics over time: what jobs said, thinned evenly so that a curve never has more points than can be drawn. */
import type { MetricSeries } from '../contract/jobs.ts';
import type { Sql } from './client.ts';

/** Points kept of one metric: a screen is not wider. */
export const MAX_POINTS = 1_000;
const MAX_SERIES = 50;

export interface MetricPoint {
  readonly name: string;
  /** How many points the metric had before it, kept or not. */
  readonly n: number;
  readonly atMs: number;
  readonly step: number | undefined;
  readonly value: number;
}

/** Adds points, and drops those that do not fit the stride of their metric any more. */
export async function insertMetricPoints(
  sql: Sql,
  job: { readonly id: string; readonly orgId: string },
  points: readonly MetricPoint[],
  thinned: readonly { readonly name: string; readonly stride: number }[],
): Promise<void> {
  if (points.length > 0) {
    await sql.query(
      `insert into job_metrics (job_id, org_id, name, n, at, step, value)
       select $1, $2, name, n, to_timestamp(at / 1000), step, value from unnest($3::text[], $4::bigint[], $5::float8[], $6::float8[], $7::float8[]) as p (name, n, at, step, value)
       where exists (select 1 from jobs where id = $1) on conflict do nothing`,
      [
        job.id,
        job.orgId,
        points.map(({ name }) => name),
        points.map(({ n }) => n),
        points.map(({ atMs }) => atMs),
        points.map(({ step }) => step ?? null),
        points.map(({ value }) => value),
      ],
    );
  }
  if (thinned.length > 0) {
    await sql.query(
      `delete from job_metrics m using unnest($2::text[], $3::bigint[]) as t (name, stride) where m.job_id = $1 and m.name = t.name and m.n % t.stride <> 0`,
      [job.id, thinned.map(({ name }) => name), thinned.map(({ stride }) => stride)],
    );
  }
}

/** How many points each metric of a job has had. */
export async function countMetricPoints(sql: Sql, jobId: string): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query<{ name: string; n: number }>(`select name, max(n) + 1 as n from job_metrics where job_id = $1 group by name`, [jobId]);
  return new Map(rows.map(({ name, n }) => [name, n]));
}

export async function deleteMetricPoints(sql: Sql, jobId: string): Promise<void> {
  await sql.query(`delete from job_metrics where job_id = $1`, [jobId]);
}

/** By name, points in their order. */
export async function readMetricSeries(sql: Sql, job: { readonly orgId: string; readonly id: string }): Promise<MetricSeries[]> {
  const { rows } = await sql.query<{ name: string; at: Date; step: number | null; value: number }>(
    `select name, at, step, value from job_metrics where org_id = $1 and job_id = $2 order by name, n limit $3`,
    [job.orgId, job.id, MAX_SERIES * MAX_POINTS],
  );
  const series = new Map<string, MetricSeries['points']>();
  for (const { name, at, step, value } of rows) {
    const points = series.get(name) ?? [];
    points.push({ at: at.toISOString(), ...(step === null ? {} : { step }), value });
    series.set(name, points);
  }
  return [...series].map(([name, points]) => ({ name, points }));
}
