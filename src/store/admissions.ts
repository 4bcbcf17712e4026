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
  /** @property untilMs when the rate allows the next, ms since the epoch; undefined: when one ends
   *  @property oldest of those that are in its way, where it is their number */
  | { readonly isAdmitted: false; readonly untilMs: number | undefined; readonly oldest: string | undefined };

/** Lets a pending instance in when the limits allow it. Asked again, it says the same: one row an instance. Who was frozen and asks for one that has
 *  begun and ended elsewhere gets none. Places of instances that have ended are in nobody's
 *  way, whether they were given back or not. */
export async function admit(pool: SqlPool, request: AdmissionRequest): Promise<Admission> {
  return pool.transaction(async (sql) => {
    await sql.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`limits ${request.workflowId}`]);
    const { rows } = await sql.query<{ open: boolean; waits: boolean; running: number; started: number; first: number | null }>(
      `select exists (select 1 from admissions where instance_id = $1 and released_at is null) as open,
         exists (select 1 from instances where id = $1 and status = 'pending') as waits,
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
    if (row?.waits !== true) return { isAdmitted: false, untilMs: undefined, oldest: undefined };
    if (request.rate !== undefined && (row?.started ?? 0) >= request.rate.max)
      return { isAdmitted: false, untilMs: (row?.first ?? request.nowMs) + request.rate.perMs, oldest: undefined };
    const running = row?.running ?? 0;
    if (request.limit !== undefined && running >= request.limit.max) {
      const { ended, oldest } = await releaseEnded(sql, { workflowId: request.workflowId, key: request.limit.key, nowMs: request.nowMs });
      if (running - ended >= request.limit.max) return { isAdmitted: false, untilMs: undefined, oldest };
    }
    await admitAnyway(sql, request);
    return { isAdmitted: true };
  });
}

/** Places looked at when one is refused, the oldest first; those of more instances that crashed are left to the sweep. */
const LOOKED_AT = 1_000;

/** Gives back the places of a key whose instances have ended. @returns how many, and the oldest of the others */
async function releaseEnded(
  sql: Sql,
  of: { readonly workflowId: string; readonly key: string; readonly nowMs: number },
): Promise<{ readonly ended: number; readonly oldest: string | undefined }> {
  const { rows: places } = await sql.query<{ instance_id: string }>(
    `select instance_id from admissions where workflow_id = $1 and limit_key = $2 and released_at is null order by admitted_at, instance_id limit $3`,
    [of.workflowId, of.key, LOOKED_AT],
  );
  const ids = places.map((place) => place.instance_id);
  const { rows } = await sql.query<{ id: string }>(`select id from instances where id = any($1) and status in ${LIVE}`, [ids]);
  const live = new Set(rows.map((row) => row.id));
  const ended = ids.filter((id) => !live.has(id));
  // What somebody else gives back at this moment is not waited for: two who do so must not wait for each other.
  if (ended.length > 0)
    await sql.query(
      `update admissions set released_at = to_timestamp($2::float8 / 1000) where instance_id in
         (select instance_id from admissions where instance_id = any($1) and released_at is null for update skip locked)`,
      [ended, of.nowMs],
    );
  return { ended: ended.length, oldest: ids.find((id) => live.has(id)) };
}

/** Lets the instance in whatever the limits say: a person asked for it. */
export async function admitAnyway(sql: Sql, request: AdmissionRequest): Promise<void> {
  await sql.query(
    `insert into admissions (instance_id, org_id, workflow_id, limit_key, rate_key, admitted_at) values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000))
     on conflict (instance_id) do update set released_at = null`,
    [request.instanceId, request.orgId, request.workflowId, request.limit?.key ?? null, request.rate?.key ?? null, request.nowMs],
  );
}

/** The instance has ended: its place is free. One that was set running again meanwhile keeps it. */
export async function releaseAdmission(sql: Sql, instanceId: string, nowMs: number): Promise<void> {
  await sql.query(
    `update admissions set released_at = to_timestamp($2::float8 / 1000) where instance_id = $1 and released_at is null
       and not exists (select 1 from instances where id = $1 and status in ${LIVE})`,
    [instanceId, nowMs],
  );
}

/** Of these instances, those that hold a place. */
export async function listAdmitted(sql: Sql, instanceIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql.query<{ instance_id: string }>(
    `select instance_id from admissions where instance_id = any($1) and released_at is null order by instance_id`,
    [[...instanceIds]],
  );
  return rows.map((row) => row.instance_id);
}

/** Frees what a crash left, counts again what a retry set running before a crash, and forgets what no limit looks at any more.
 *  @returns how many places were freed */
export async function sweepAdmissions(sql: Sql, sweep: { readonly nowMs: number; readonly forgetBeforeMs: number }): Promise<number> {
  const { rowCount } = await sql.query(
    `with strays as (
       select a.instance_id from admissions a where a.released_at is null
         and not exists (select 1 from instances i where i.id = a.instance_id and i.status in ${LIVE}) for update of a skip locked
     ) update admissions set released_at = to_timestamp($1::float8 / 1000) where instance_id in (select instance_id from strays)`,
    [sweep.nowMs],
  );
  await sql.query(
    `update admissions set released_at = null where released_at is not null
       and instance_id in (select id from instances where status in ('running', 'waiting', 'paused') and (limit_key is not null or rate_key is not null))`,
  );
  await sql.query(`delete from admissions where released_at < to_timestamp($1::float8 / 1000)`, [sweep.forgetBeforeMs]);
  return rowCount ?? 0;
}
