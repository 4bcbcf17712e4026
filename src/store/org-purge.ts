/** Everything that the database holds of one org: counted, and deleted in bites with a count of each. Finds the tables by their org_id, so that a table of
 *  tomorrow is not forgotten. Never decides whether: orgs/purge.ts does. */
import type { Sql, SqlPool } from './client.ts';

export interface TableCount {
  readonly table: string;
  readonly rows: number;
  /** As PostgreSQL stores the rows, without indexes. */
  readonly bytes: number;
}

/** What hangs on instances lies in partitions by the instance's id and has no index by org: it goes with its instances, the instances last. */
const OF_INSTANCES = ['steps', 'step_attempts', 'step_logs', 'step_items', 'step_crashes', 'commands'] as const;
/** Those that others point at, in this order, after all others. Deleting them earlier would take rows along that nobody counted. */
const LAST = ['jobs', 'triggers', 'workflow_versions', 'workflows', 'sessions', 'members', 'settings', 'audit', 'outbox'] as const;
const BITE = 500;
const ROWS = 5_000;

/** Tables with an `org_id`, in the order in which they can be emptied. */
export async function listOrgTables(sql: Sql): Promise<readonly string[]> {
  const { rows } = await sql.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
     where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace order by c.relname`,
  );
  const names = rows.map(({ name }) => name);
  const isIn = (list: readonly string[], name: string): boolean => list.includes(name);
  return [
    ...OF_INSTANCES.filter((name) => names.includes(name)),
    ...names.filter((name) => name !== 'instances' && !isIn(OF_INSTANCES, name) && !isIn(LAST, name)),
    ...LAST.filter((name) => names.includes(name)),
    'instances',
  ];
}

/** @param table one of listOrgTables */
export async function countOrgRows(sql: Sql, at: { readonly orgId: string; readonly table: string }): Promise<TableCount> {
  const { rows } = await sql.query<{ rows: number; bytes: number }>(
    `select count(*)::float8 as rows, coalesce(sum(pg_column_size(t.*)), 0)::float8 as bytes from ${quoted(at.table)} t where org_id = $1`,
    [at.orgId],
  );
  return { table: at.table, rows: rows[0]?.rows ?? 0, bytes: rows[0]?.bytes ?? 0 };
}

/** Deletes instances of the org, some at a time, with all steps that hang on them; `note` hears of what was committed. */
export async function deleteOrgInstances(sql: SqlPool, orgId: string, note: (count: TableCount) => void): Promise<void> {
  for (;;) {
    const counts = await sql.transaction(async (tx) => {
      const { rows } = await tx.query<{ id: string }>(`select id from instances where org_id = $1 order by id limit $2 for update`, [orgId, BITE]);
      const ids = rows.map(({ id }) => id);
      const done: TableCount[] = [];
      // Serial: one connection.
      for (const table of ids.length === 0 ? [] : OF_INSTANCES) done.push(await deleteWhere(tx, table, 'instance_id = any($1)', [ids]));
      if (ids.length > 0) done.push(await deleteWhere(tx, 'instances', 'id = any($1)', [ids]));
      return done;
    });
    counts.forEach(note);
    if (counts.length === 0) return;
  }
}

/** Deletes what a table holds of the org, some at a time. @param at.table one of listOrgTables */
export async function deleteOrgRows(sql: Sql, at: { readonly orgId: string; readonly table: string }, note: (count: TableCount) => void): Promise<void> {
  // What is parted knows its rows by place only within a part; little is left there once the instances are gone.
  const isParted = ['instances', ...OF_INSTANCES].includes(at.table);
  const where = isParted ? 'org_id = $1' : `ctid = any(array(select ctid from ${quoted(at.table)} where org_id = $1 limit ${ROWS}))`;
  for (;;) {
    const count = await deleteWhere(sql, at.table, where, [at.orgId]); // Serial: a bite at a time leaves the writers room.
    note(count);
    if (isParted || count.rows < ROWS) return;
  }
}

async function deleteWhere(sql: Sql, table: string, where: string, values: readonly unknown[]): Promise<TableCount> {
  const { rows } = await sql.query<{ rows: number; bytes: number }>(
    `with gone as (delete from ${quoted(table)} t where ${where} returning pg_column_size(t.*) as size)
     select count(*)::float8 as rows, coalesce(sum(size), 0)::float8 as bytes from gone`,
    values,
  );
  return { table, rows: rows[0]?.rows ?? 0, bytes: rows[0]?.bytes ?? 0 };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What still works for the org: it has to end first. */
export async function listOrgWork(
  sql: Sql,
  orgId: string,
): Promise<{ readonly instances: readonly string[]; readonly jobs: readonly { id: string; isRunning: boolean }[] }> {
  const live = await sql.query<{ id: string }>(
    `select id from instances where org_id = $1 and status in ('pending', 'running', 'waiting', 'paused') order by id limit 1000`,
    [orgId],
  );
  const jobs = await sql.query<{ id: string; isRunning: boolean }>(
    `select id, status = 'running' as "isRunning" from jobs where org_id = $1 and status in ('queued', 'running') order by id limit 1000`,
    [orgId],
  );
  return { instances: live.rows.map(({ id }) => id), jobs: jobs.rows };
}

/** Nothing of the org starts by itself any more. */
export async function silenceOrg(sql: Sql, orgId: string): Promise<void> {
  await sql.query(`update triggers set enabled = false, next_fire_at = null where org_id = $1`, [orgId]);
  await sql.query(`delete from trigger_fires where org_id = $1`, [orgId]);
}

/** Cancels what nobody runs: for an org whose Studio does not run. */
export async function endOrgWork(sql: Sql, at: { readonly orgId: string; readonly now: Date }): Promise<void> {
  await sql.query(`update instances set status = 'cancelled', ended_at = $2 where org_id = $1 and status in ('pending', 'running', 'waiting', 'paused')`, [
    at.orgId,
    at.now,
  ]);
  await sql.query(`update jobs set status = 'cancelled', ended_at = $2 where org_id = $1 and status = 'queued'`, [at.orgId, at.now]);
}

/** What keeps an org from being purged, one sentence each: what is of the machine as much as of the org. */
export async function listPurgeObstacles(sql: Sql, orgId: string): Promise<readonly string[]> {
  const { rows } = await sql.query<{ fault: string }>(
    `select 'The service ' || name || ' is defined with its secrets: delete the service first.' as fault from services where org_id = $1
     union all select 'It owns the model ' || name || ' with files on disk: delete the model first.' from models where org_id = $1 and files <> '[]'
     union all select 'The super administrator ' || u.email || ' is a member of no other org: add them to another one first.' from users u
       join members m on m.user_id = u.id and m.org_id = $1
       where u.is_super_admin and not exists (select 1 from members o where o.user_id = u.id and o.org_id <> $1)
     order by fault limit 20`,
    [orgId],
  );
  return rows.map(({ fault }) => fault);
}

/** The people of an org. */
export async function listOrgPeople(
  sql: Sql,
  orgId: string,
): Promise<readonly { readonly userId: string; readonly email: string; readonly isAlone: boolean }[]> {
  const { rows } = await sql.query<{ userId: string; email: string; isAlone: boolean }>(
    `select u.id as "userId", u.email, not exists (select 1 from members o where o.user_id = u.id and o.org_id <> $1) as "isAlone"
     from members m join users u on u.id = m.user_id where m.org_id = $1 order by u.id`,
    [orgId],
  );
  return rows;
}

/** Deletes the org itself, and the people who were members of it alone with what is kept under their names. @returns how many people */
export async function deleteOrgItself(
  sql: Sql,
  at: { readonly orgId: string; readonly people: readonly { readonly userId: string; readonly email: string }[] },
): Promise<number> {
  const ids = at.people.map(({ userId }) => userId);
  await sql.query(`delete from login_attempts where kind = 'account' and subject = any($1)`, [at.people.map(({ email }) => email.toLowerCase())]);
  await sql.query(`delete from streams where id = any($1)`, [[...ids, at.orgId]]);
  await sql.query(`delete from model_limits_used where subject = $1`, [at.orgId]);
  await sql.query(`delete from model_limits_running where subject = $1`, [at.orgId]);
  const { rowCount } = await sql.query(
    `delete from users u where id = any($1) and not is_super_admin and not exists (select 1 from members m where m.user_id = u.id)`,
    [ids],
  );
  await sql.query(`delete from orgs where id = $1`, [at.orgId]);
  return rowCount;
}

/** Ids of the org's jobs: the names of their folders. */
export async function listOrgJobIds(sql: Sql, at: { readonly orgId: string; readonly after: string; readonly limit: number }): Promise<readonly string[]> {
  const { rows } = await sql.query<{ id: string }>(`select id from jobs where org_id = $1 and id > $2 order by id limit $3`, [at.orgId, at.after, at.limit]);
  return rows.map(({ id }) => id);
}
