/** Who was let in by a workflow's limits. One process at a time decides about one key: an advisory lock held for the time of the question. */
import type { Sql, SqlPool } from './client.ts';

const LIVE = `('pending', 'running', 'waiting', 'paused')`;

export interface AdmissionRequest {
  readonly instanceId: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly limit: { readonly key: string; readonly max: number } | undefined;
  readonly rate: { readonly key: string; readonly max: number; readonly perMs: number } | undefined;
  readonly nowMs: number;
}

export type Admission =
  | { readonly isAdmitted: true }
  /** @property untilMs when the rate allows the next, ms since the epoch; undefined: when one ends */
  | { readonly isAdmitted: false; readonly untilMs: number | undefined };

/** Lets the instance in when the limits allow it. Asked again, it says the same: one row an instance. */
export async function admit(pool: SqlPool, request: AdmissionRequest): Promise<Admission> {
  return pool.transaction(async (sql) => {
    await sql.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`limits ${request.workflowId}`]);
    const { rows } = await sql.query<{ open: boolean; running: number; started: number; first: number | null }>(
      `select exists (select 1 from admissions where instance_id = $1 and released_at is null) as open,
         (select count(*)::int from admissions where workflow_id = $2 and limit_key = $3 and released_at is null) as running,
         count(*)::int as started, (extract(epoch from min(admitted_at)) * 1000)::float8 as first
       from (select admitted_at from admissions where workflow_id = $2 and rate_key = $4 and admitted_at > to_timestamp($5::float8 / 1000)
             order by admitted_at desc limit $6) young`,
      [
        request.instanceId,
        request.workflowId,
        request.limit?.key ?? null,
        request.rate?.key ?? null,
        request.nowMs - (request.rate?.perMs ?? 0),
        request.rate?.max ?? 0,
      ],
    );
    const [row] = rows;
    if (row?.open === true) return { isAdmitted: true };
    if (request.rate !== undefined && (row?.started ?? 0) >= request.rate.max)
      return { isAdmitted: false, untilMs: (row?.first ?? request.nowMs) + request.rate.perMs };
    if (request.limit !== undefined && (row?.running ?? 0) >= request.limit.max) return { isAdmitted: false, untilMs: undefined };
    await admitAnyway(sql, request);
    return { isAdmitted: true };
  });
}

/** Lets the instance in whatever the limits say: a person asked for it. */
export async function admitAnyway(sql: Sql, request: AdmissionRequest): Promise<void> {
  await sql.query(
    `insert into admissions (instance_id, org_id, workflow_id, limit_key, rate_key, admitted_at) values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000))
     on conflict (instance_id) do update set released_at = null`,
    [request.instanceId, request.orgId, request.workflowId, request.limit?.key ?? null, request.rate?.key ?? null, request.nowMs],
  );
}

/** The instance has ended: its place is free. */
export async function releaseAdmission(sql: Sql, instanceId: string, nowMs: number): Promise<void> {
  await sql.query(`update admissions set released_at = to_timestamp($2::float8 / 1000) where instance_id = $1 and released_at is null`, [instanceId, nowMs]);
}

/** The instances that hold places under this key, oldest first. */
export async function listAdmitted(sql: Sql, query: { readonly workflowId: string; readonly key: string; readonly limit: number }): Promise<string[]> {
  const { rows } = await sql.query<{ instance_id: string }>(
    `select instance_id from admissions where workflow_id = $1 and limit_key = $2 and released_at is null order by admitted_at, instance_id limit $3`,
    [query.workflowId, query.key, query.limit],
  );
  return rows.map((row) => row.instance_id);
}

/** Frees what a crash left, and forgets what no limit looks at any more. @returns how many places were freed */
export async function sweepAdmissions(sql: Sql, sweep: { readonly nowMs: number; readonly forgetBeforeMs: number }): Promise<number> {
  const { rowCount } = await sql.query(
    `update admissions a set released_at = to_timestamp($1::float8 / 1000) where a.released_at is null
       and not exists (select 1 from instances i where i.id = a.instance_id and i.status in ${LIVE})`,
    [sweep.nowMs],
  );
  await sql.query(`delete from admissions where released_at < to_timestamp($1::float8 / 1000)`, [sweep.forgetBeforeMs]);
  return rowCount ?? 0;
}
