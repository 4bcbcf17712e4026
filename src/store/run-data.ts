/** Run data as periods: which there are, what is past its retention, deleting it by rows and dropping it whole. Never decides when: ops/run-data.ts does.
 *  One thing to know: rows go through the parent tables under the engine's rights; tables are made and dropped by two functions of migration 0004. */
import type { InstanceStatus } from '../contract/values.ts';
import type { Sql, SqlPool } from './client.ts';

export interface RunPartition {
  /** The day it begins, `20260105`; `before` and `after` stand around the periods. */
  readonly name: string;
  /** Lowest id in it; null: no bound. */
  readonly lower: string | null;
  /** The first id above it. */
  readonly upper: string | null;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  readonly bytes: number;
}

/** Oldest first. Bytes are those of its five tables with their indexes. */
export async function listRunPartitions(sql: Sql): Promise<RunPartition[]> {
  const { rows } = await sql.query<RunPartition>(
    `select name, lower, upper, starts_at as "startsAt", ends_at as "endsAt", bytes from run_partitions order by lower nulls first`,
  );
  return rows;
}

/** Makes the next period unless they reach two ahead already. @returns its name; undefined: there are enough
 *  @throws 55P03 when the tables are too busy to be locked at once */
export async function addRunPartition(sql: Sql, period: { readonly days: number; readonly at: Date }): Promise<string | undefined> {
  const { rows } = await sql.query<{ name: string | null }>('select add_run_partition($1::int, $2::timestamptz) as name', [period.days, period.at]);
  return rows[0]?.name ?? undefined;
}

/** Drops a period that has ended, or empties it when an older one stands before it; its disk is free when this resolves.
 *  @returns how many bytes; undefined: it was emptied before  @throws 55006 when an instance in it is live; 55P03 when the tables are too busy */
export async function dropRunPartition(sql: Sql, period: { readonly name: string; readonly at: Date }): Promise<number | undefined> {
  const { rows } = await sql.query<{ bytes: number | null }>('select drop_run_partition($1, $2::timestamptz) as bytes', [period.name, period.at]);
  return rows[0]?.bytes ?? undefined;
}

/** Whether `error` says that tables could not be locked at once, or that a period is held by a live instance. */
export function isHeld(error: unknown): 'busy' | 'live' | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === '55P03' || code === '40P01') return 'busy';
  return code === '55006' ? 'live' : undefined;
}

/** How long ended instances are kept, days. The shorter of the machine's and the workflow's holds; neither: for ever. */
export interface Retentions {
  readonly machineDays: number | null;
  readonly workflows: readonly { readonly id: string; readonly days: number }[];
}

/** Workflows with a retention of their own: that of the newest version; 0 for what was archived before `archivedBefore`. */
export async function listWorkflowRetentions(sql: Sql, archivedBefore: Date): Promise<Retentions['workflows']> {
  const { rows } = await sql.query<{ id: string; days: number }>(
    `select id, days from (
       select w.id, case when w.archived_at < $1 then 0 else (v.definition #>> '{settings,retentionDays}')::float8 end as days
       from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version
     ) r where days is not null order by id`,
    [archivedBefore],
  );
  return rows;
}

/** A stretch of ids. */
export interface Stretch {
  readonly lower: string | null;
  readonly upper: string | null;
}

export interface KeptInstance {
  readonly id: string;
  readonly workflowId: string;
  readonly status: InstanceStatus;
  /** Null: live, or kept for ever. */
  readonly expiresAt: Date | null;
}

const FROM = `from instances i left join unnest($3::text[], $4::float8[]) as r (workflow_id, days) on r.workflow_id = i.workflow_id`;
const WITHIN = `($1::text is null or i.id >= $1) and ($2::text is null or i.id < $2)`;
const EXPIRY = `coalesce(i.ended_at, i.created_at) + make_interval(secs => least($5::float8, r.days) * 86400)`;
/** A child that ended stays while its parent lives: the parent may be retried from it. */
const EXPIRED = `i.status not in ('pending', 'running', 'waiting', 'paused') and ${EXPIRY} <= $6::timestamptz
  and not exists (select 1 from instances p where p.id = i.parent_id and p.status in ('pending', 'running', 'waiting', 'paused'))`;

function valuesOf(stretch: Stretch, { machineDays, workflows }: Retentions, at: Date): unknown[] {
  return [stretch.lower, stretch.upper, workflows.map(({ id }) => id), workflows.map(({ days }) => days), machineDays, at];
}

/** Instances of the stretch that live or are not past their retention, oldest first. */
export async function listKept(
  sql: Sql,
  query: { readonly stretch: Stretch; readonly retentions: Retentions; readonly at: Date; readonly limit: number },
): Promise<KeptInstance[]> {
  const { rows } = await sql.query<KeptInstance>(
    `select i.id, i.workflow_id as "workflowId", i.status, case when i.status in ('pending', 'running', 'waiting', 'paused') then null else ${EXPIRY} end as "expiresAt"
     ${FROM} where ${WITHIN} and (${EXPIRED}) is not true order by i.id limit $7`,
    [...valuesOf(query.stretch, query.retentions, query.at), query.limit],
  );
  return rows;
}

/** Live instances of a stretch: how many, and the oldest. */
export async function countLive(sql: Sql, stretch: Stretch): Promise<{ live: number; oldest: string | null }> {
  const { rows } = await sql.query<{ live: number; oldest: string | null }>(
    `select count(*) as live, min(i.id) as oldest from instances i where ${WITHIN} and i.status in ('pending', 'running', 'waiting', 'paused')`,
    [stretch.lower, stretch.upper],
  );
  return rows[0] ?? { live: 0, oldest: null };
}

/** How many instances a stretch holds. Reads all their ids: for stretches that are small. */
export async function countInstances(sql: Sql, stretch: Stretch): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*) as count from instances i where ${WITHIN}`, [stretch.lower, stretch.upper]);
  return rows[0]?.count ?? 0;
}

/** What PostgreSQL's statistics say of each partition's instances: about how many, and how many bytes their table has. */
export async function estimateInstances(sql: Sql): Promise<Map<string, { readonly instances: number; readonly bytes: number }>> {
  const { rows } = await sql.query<{ name: string; instances: number; bytes: number }>(
    `select p.name, greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::bigint as instances, pg_relation_size(c.oid) as bytes
     from run_partitions p join pg_class c on c.oid = p.instances_oid`,
  );
  return new Map(rows.map(({ name, ...rest }) => [name, rest]));
}

/** Deletes up to `limit` ended instances that are past their retention, oldest first, with all that hangs on them. No event tells of each:
 *  thousands an hour would swamp those who listen. @param query.workflowId only those of this workflow  @returns how many */
export async function deleteExpired(
  sql: SqlPool,
  query: { readonly stretch: Stretch; readonly workflowId?: string; readonly retentions: Retentions; readonly at: Date; readonly limit: number },
): Promise<number> {
  return sql.transaction(async (tx) => {
    const { rows } = await tx.query<{ id: string }>(
      `select i.id ${FROM} where ${WITHIN} and ($7::text is null or i.workflow_id = $7) and ${EXPIRED} order by i.id limit $8 for update of i skip locked`,
      [...valuesOf(query.stretch, query.retentions, query.at), query.workflowId ?? null, query.limit],
    );
    const ids = rows.map((row) => row.id);
    if (ids.length === 0) return 0;
    await tx.query('delete from instances where id = any($1)', [ids]);
    await deleteWhatHangsOn(tx, ids);
    return ids.length;
  });
}

/** Deletes what hangs on instances and lies outside the partitions, of a stretch that is about to be dropped. @returns how many rows; fewer than `limit`: all */
export async function deleteOutside(sql: Sql, stretch: Stretch, limit: number): Promise<number> {
  const values = [stretch.lower, stretch.upper, limit];
  let most = 0;
  for (const text of [
    `delete from artifacts where id in (select id from artifacts where instance_id >= $1 and instance_id < $2 order by instance_id limit $3)`,
    `delete from commands where id in (select id from commands where instance_id >= $1 and instance_id < $2 order by instance_id limit $3)`,
    `delete from jobs where id in (select id from jobs where instance_id >= $1 and instance_id < $2 order by instance_id limit $3)`,
    `delete from step_crashes where ctid in (select ctid from step_crashes where instance_id >= $1 and instance_id < $2 order by instance_id limit $3)`,
  ]) {
    // Serial: artifacts go before the jobs that their deletion would otherwise be looked up for.
    most = Math.max(most, (await sql.query(text, values)).rowCount);
  }
  return most;
}

/** Deletes what hangs on instances whose rows are gone or go in this transaction. @returns the highest sequence among their steps, 0 without any */
export async function deleteWhatHangsOn(sql: Sql, ids: readonly string[]): Promise<number> {
  const values = [[...ids]];
  const { rows } = await sql.query<{ last: number | null }>(
    `with gone as (delete from steps where instance_id = any($1) returning seq) select max(seq) as last from gone`,
    values,
  );
  await sql.query('delete from step_attempts where instance_id = any($1)', values);
  await sql.query('delete from step_logs where instance_id = any($1)', values);
  await sql.query('delete from step_items where instance_id = any($1)', values);
  await sql.query('delete from step_crashes where instance_id = any($1)', values);
  await sql.query('delete from commands where instance_id = any($1)', values);
  await sql.query('delete from artifacts where instance_id = any($1)', values);
  await sql.query('delete from jobs where instance_id = any($1)', values);
  return rows[0]?.last ?? 0;
}

/** Deletes results whose time to be used again is over. @returns how many; fewer than `limit`: all */
export async function deleteExpiredResults(sql: Sql, before: Date, limit: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from step_cache where ctid in (select ctid from step_cache where expires_at <= $1 order by expires_at limit $2)`,
    [before, limit],
  );
  return rowCount;
}

/** Deletes workflows that were archived before `archivedBefore` and have no instance any more. @returns their ids */
export async function deleteArchivedWorkflows(sql: Sql, archivedBefore: Date): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `delete from workflows w where w.archived_at < $1 and not exists (select 1 from instances i where i.workflow_id = w.id) returning id`,
    [archivedBefore],
  );
  return rows.map((row) => row.id);
}

const SWEEP_LOCK = 0x57_75_64_04;

/** Runs `work` unless another process does already: held by a transaction that does nothing else. @returns undefined: another one has it */
export async function aloneInSweep<T>(sql: SqlPool, work: () => Promise<T>): Promise<T | undefined> {
  return sql.transaction(async (tx) => {
    const { rows } = await tx.query<{ taken: boolean }>('select pg_try_advisory_xact_lock($1) as taken', [SWEEP_LOCK]);
    return rows[0]?.taken === true ? work() : undefined;
  });
}
