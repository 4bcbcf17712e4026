/** Rows of settings: one value a key, of an org or (org null) of the machine. */
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';

/** The settings of the machine and of one org, by key. */
export async function readSettings(sql: Sql, orgId: string): Promise<ReadonlyMap<string, Json>> {
  const { rows } = await sql.query<{ key: string; value: Json }>(`select key, value from settings where org_id is null or org_id = $1`, [orgId]);
  return new Map(rows.map((row) => [row.key, row.value]));
}

/** Of the machine; undefined: it was never set. */
export async function readMachineSetting(sql: Sql, key: string): Promise<Json | undefined> {
  const { rows } = await sql.query<{ value: Json }>(`select value from settings where org_id is null and key = $1`, [key]);
  return rows[0]?.value;
}

export async function writeSetting(
  sql: Sql,
  setting: { readonly orgId: string | null; readonly key: string; readonly value: Json; readonly now: Date },
): Promise<void> {
  await sql.query(
    `insert into settings (org_id, key, value, updated_at) values ($1, $2, $3, $4) on conflict (org_id, key) do update set value = excluded.value, updated_at = excluded.updated_at`,
    [setting.orgId, setting.key, JSON.stringify(setting.value), setting.now],
  );
}
