/** Rows of secrets: ciphertext and the id of the key that made it. Plaintext never reaches this file. */
import type { Secret } from '../contract/secrets.ts';
import type { Sql } from './client.ts';

interface SecretRow {
  name: string;
  created_at: Date;
  updated_at: Date;
}

/** A page of an org's secrets, by name. */
export async function listSecrets(
  sql: Sql,
  page: { readonly orgId: string; readonly limit: number; readonly after?: string | undefined },
): Promise<{ items: Secret[]; next: string | null }> {
  const { rows } = await sql.query<SecretRow>(
    `select name, created_at, updated_at from secrets where org_id = $1 and ($2::text is null or name > $2) order by name limit $3`,
    [page.orgId, page.after ?? null, page.limit + 1],
  );
  const items = rows.slice(0, page.limit).map(secretOf);
  return { items, next: rows.length > page.limit ? (items.at(-1)?.name ?? null) : null };
}

export async function countSecrets(sql: Sql, orgId: string): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*) as count from secrets where org_id = $1`, [orgId]);
  return rows[0]?.count ?? 0;
}

/** Across orgs: how many secrets and credentials were sealed with another key than this one. */
export async function countForeignSecrets(sql: Sql, keyId: string): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    `select ((select count(*) from secrets where key_id <> $1) + (select count(*) from credentials where key_id <> $1)) as count`,
    [keyId],
  );
  return rows[0]?.count ?? 0;
}

export async function upsertSecret(
  sql: Sql,
  secret: { readonly orgId: string; readonly name: string; readonly ciphertext: Buffer; readonly keyId: string; readonly now: Date },
): Promise<Secret> {
  const { rows } = await sql.query<SecretRow>(
    `insert into secrets (org_id, name, ciphertext, key_id, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)
     on conflict (org_id, name) do update set ciphertext = excluded.ciphertext, key_id = excluded.key_id, updated_at = excluded.updated_at
     returning name, created_at, updated_at`,
    [secret.orgId, secret.name, secret.ciphertext, secret.keyId, secret.now],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the row of a secret did not come back from its upsert');
  return secretOf(row);
}

export async function readSecret(sql: Sql, at: { readonly orgId: string; readonly name: string }): Promise<{ ciphertext: Buffer; keyId: string } | undefined> {
  const { rows } = await sql.query<{ ciphertext: Buffer; key_id: string }>(`select ciphertext, key_id from secrets where org_id = $1 and name = $2`, [
    at.orgId,
    at.name,
  ]);
  return rows[0] === undefined ? undefined : { ciphertext: rows[0].ciphertext, keyId: rows[0].key_id };
}

export async function deleteSecret(sql: Sql, at: { readonly orgId: string; readonly name: string }): Promise<boolean> {
  const { rowCount } = await sql.query(`delete from secrets where org_id = $1 and name = $2`, [at.orgId, at.name]);
  return rowCount === 1;
}

function secretOf(row: SecretRow): Secret {
  return { name: row.name, createdAt: row.created_at.toISOString(), updatedAt: row.updated_at.toISOString() };
}
