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
