/** Rows of credentials: what is secret is ciphertext here, with the id of the key that made it. */
import type { CredentialAccess } from '../contract/values.ts';
import type { Sql } from './client.ts';

/** A credential without what is sealed. */
export interface CredentialRow {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly hosts: readonly string[];
  readonly plain: Readonly<Record<string, string>>;
  readonly secretFields: readonly string[];
  readonly keyId: string;
  readonly access: CredentialAccess;
  readonly people: readonly string[];
  readonly expiresAt: Date | null;
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastUsedAt: Date | null;
  readonly testedAt: Date | null;
  readonly testOk: boolean | null;
  readonly testMessage: string | null;
}

export interface SealedCredential extends CredentialRow {
  readonly sealed: Buffer;
}

const COLUMNS = `id, name, type, hosts, plain, secret_fields as "secretFields", key_id as "keyId", access, people, expires_at as "expiresAt", created_by as "createdBy",
  created_at as "createdAt", updated_at as "updatedAt", last_used_at as "lastUsedAt", tested_at as "testedAt", test_ok as "testOk", test_message as "testMessage"`;

/** A page of an org's credentials, newest first. */
export async function listCredentials(
  sql: Sql,
  page: { readonly orgId: string; readonly limit: number; readonly after?: string | undefined },
): Promise<{ items: CredentialRow[]; next: string | null }> {
  const { rows } = await sql.query<CredentialRow>(
    `select ${COLUMNS} from credentials where org_id = $1 and ($2::text is null or id < $2) order by id desc limit $3`,
    [page.orgId, page.after ?? null, page.limit + 1],
  );
  const items = rows.slice(0, page.limit);
  return { items, next: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** Those of the ids that are this org's. */
export async function findCredentials(sql: Sql, at: { readonly orgId: string; readonly ids: readonly string[] }): Promise<CredentialRow[]> {
  const { rows } = await sql.query<CredentialRow>(`select ${COLUMNS} from credentials where org_id = $1 and id = any($2)`, [at.orgId, at.ids]);
  return rows;
}

/** Those of the names, whatever their case. */
export async function findCredentialsByName(sql: Sql, at: { readonly orgId: string; readonly names: readonly string[] }): Promise<CredentialRow[]> {
  const { rows } = await sql.query<CredentialRow>(`select ${COLUMNS} from credentials where org_id = $1 and lower(name) = any($2)`, [
    at.orgId,
    at.names.map((name) => name.toLowerCase()),
  ]);
  return rows;
}

export async function readCredential(sql: Sql, at: { readonly orgId: string; readonly id: string }): Promise<SealedCredential | undefined> {
  const { rows } = await sql.query<SealedCredential>(`select ${COLUMNS}, sealed from credentials where org_id = $1 and id = $2`, [at.orgId, at.id]);
  return rows[0];
}

/** Read for a change. */
export async function lockCredential(sql: Sql, at: { readonly orgId: string; readonly id: string }): Promise<SealedCredential | undefined> {
  const { rows } = await sql.query<SealedCredential>(`select ${COLUMNS}, sealed from credentials where org_id = $1 and id = $2 for update`, [at.orgId, at.id]);
  return rows[0];
}

export async function countCredentials(sql: Sql, orgId: string): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*) as count from credentials where org_id = $1`, [orgId]);
  return rows[0]?.count ?? 0;
}

export interface WrittenCredential extends Pick<
  SealedCredential,
  'id' | 'name' | 'type' | 'hosts' | 'plain' | 'secretFields' | 'sealed' | 'keyId' | 'access' | 'people' | 'expiresAt' | 'createdBy'
> {
  readonly orgId: string;
  readonly now: Date;
}

/** @returns false when the org has one of that name */
export async function insertCredential(sql: Sql, row: WrittenCredential): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into credentials (id, org_id, name, type, hosts, plain, secret_fields, sealed, key_id, access, people, expires_at, created_by, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14) on conflict (org_id, lower(name)) do nothing`,
    valuesOf(row),
  );
  return rowCount === 1;
}

/** A change forgets how the last test went: it was of what stood before. @returns false when another one of the org has that name */
export async function updateCredential(sql: Sql, row: WrittenCredential): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update credentials c set name = $3, type = $4, hosts = $5, plain = $6, secret_fields = $7, sealed = $8, key_id = $9, access = $10, people = $11, expires_at = $12,
       created_by = $13, updated_at = $14, tested_at = null, test_ok = null, test_message = null
     where id = $1 and org_id = $2 and not exists (select 1 from credentials o where o.org_id = $2 and lower(o.name) = lower($3) and o.id <> $1)`,
    valuesOf(row),
  );
  return rowCount === 1;
}

function valuesOf(row: WrittenCredential): unknown[] {
  return [
    row.id,
    row.orgId,
    row.name,
    row.type,
    row.hosts,
    JSON.stringify(row.plain),
    row.secretFields,
    row.sealed,
    row.keyId,
    row.access,
    row.people,
    row.expiresAt,
    row.createdBy,
    row.now,
  ];
}

export async function deleteCredential(sql: Sql, at: { readonly orgId: string; readonly id: string }): Promise<void> {
  await sql.query(`delete from credentials where org_id = $1 and id = $2`, [at.orgId, at.id]);
}

export async function touchCredential(sql: Sql, id: string, now: Date): Promise<void> {
  await sql.query(`update credentials set last_used_at = $2 where id = $1`, [id, now]);
}

export async function recordTest(sql: Sql, test: { readonly id: string; readonly at: Date; readonly ok: boolean; readonly message: string }): Promise<void> {
  await sql.query(`update credentials set tested_at = $2, test_ok = $3, test_message = $4 where id = $1`, [test.id, test.at, test.ok, test.message]);
}

/** Workflows of the org whose newest version or draft names the credential; archived ones are over. */
export async function findCredentialUses(
  sql: Sql,
  at: { readonly orgId: string; readonly id: string },
): Promise<{ readonly id: string; readonly name: string; readonly isDraft: boolean }[]> {
  const { rows } = await sql.query<{ id: string; name: string; isDraft: boolean }>(
    `select w.id, w.name, strpos(v.definition::text, $2) = 0 as "isDraft" from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version
     where w.org_id = $1 and w.archived_at is null and (strpos(v.definition::text, $2) > 0 or strpos(w.draft::text, $2) > 0) order by w.name, w.id limit 200`,
    [at.orgId, at.id],
  );
  return rows;
}

/** Which of these ids are taken in this database, by whichever org. */
export async function findTakenCredentials(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(`select id from credentials where id = any($1) order by id limit 5`, [ids]);
  return rows.map(({ id }) => id);
}
