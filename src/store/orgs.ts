/** Rows of orgs. One default org exists from the first user on. */
import type { Sql } from './client.ts';

/** The oldest org; undefined before anybody claimed this Studio. */
export async function readFirstOrg(sql: Sql): Promise<string | undefined> {
  const { rows } = await sql.query<{ id: string }>(`select id from orgs order by created_at, id limit 1`);
  return rows[0]?.id;
}

/** The oldest org, made when there is none. Call it under `lockFirstUser`. */
export async function ensureDefaultOrg(sql: Sql, org: { readonly id: string; readonly name: string; readonly now: Date }): Promise<string> {
  const { rows } = await sql.query<{ id: string }>(`select id from orgs order by created_at, id limit 1`);
  if (rows[0] !== undefined) return rows[0].id;
  await sql.query(`insert into orgs (id, name, created_at) values ($1, $2, $3)`, [org.id, org.name, org.now]);
  return org.id;
}

export interface OrgRow {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly members: number;
  readonly workflows: number;
  /** Of its files and what its jobs left. */
  readonly bytes: number;
}

/** All orgs, oldest first: an installation has few. */
export async function listOrgs(sql: Sql): Promise<OrgRow[]> {
  const { rows } = await sql.query<Omit<OrgRow, 'createdAt'> & { createdAt: Date }>(
    `select o.id, o.name, o.created_at as "createdAt", (select count(*) from members m where m.org_id = o.id)::float8 as members,
       (select count(*) from workflows w where w.org_id = o.id and w.archived_at is null)::float8 as workflows,
       (select coalesce(sum(c.bytes), 0) from (select distinct on (sha256) bytes from
         (select sha256, bytes from files where org_id = o.id union all select sha256, bytes from artifacts where org_id = o.id) f) c)::float8 as bytes
     from orgs o order by o.created_at, o.id limit 1000`,
  );
  return rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() }));
}

/** By id, else by its name where one org alone has it. */
export async function findOrg(sql: Sql, wanted: string): Promise<{ readonly id: string; readonly name: string } | undefined> {
  const { rows } = await sql.query<{ id: string; name: string }>(
    `select id, name from orgs where id = $1 or lower(name) = lower($1) order by id = $1 desc, id limit 2`,
    [wanted],
  );
  return rows.length === 1 || rows[0]?.id === wanted ? rows[0] : undefined;
}

export async function insertOrg(sql: Sql, org: { readonly id: string; readonly name: string; readonly now: Date }): Promise<void> {
  await sql.query(`insert into orgs (id, name, created_at) values ($1, $2, $3)`, [org.id, org.name, org.now]);
}

/** @returns false when there is no such org */
export async function renameOrg(sql: Sql, org: { readonly id: string; readonly name: string }): Promise<boolean> {
  const { rowCount } = await sql.query(`update orgs set name = $2 where id = $1`, [org.id, org.name]);
  return rowCount === 1;
}

/** Takes away what an import left, and nothing else. Instances of its workflows keep them here. */
export async function removeImported(
  sql: Sql,
  at: { readonly orgId: string; readonly prefix: string; readonly secretPrefix: string; readonly workflowIds: readonly string[] },
): Promise<void> {
  await sql.query(`delete from files where org_id = $1 and starts_with(path, $2)`, [at.orgId, at.prefix]);
  await sql.query(`delete from secrets where org_id = $1 and starts_with(name, $2)`, [at.orgId, at.secretPrefix]);
  await sql.query(`delete from workflows w where w.org_id = $1 and w.id = any($2) and not exists (select 1 from instances i where i.workflow_id = w.id)`, [
    at.orgId,
    at.workflowIds,
  ]);
}
