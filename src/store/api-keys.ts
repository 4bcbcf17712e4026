/** Rows of API keys. The key itself is never stored: its SHA-256, and its first characters to tell keys apart. */
import type { ApiKey } from '../contract/api-keys.ts';
import type { ModelLimits } from '../contract/model-limits.ts';
import type { Sql } from './client.ts';
import type { Principal } from './sessions.ts';
import { roleOf } from './users.ts';

interface KeyRow {
  id: string;
  name: string;
  key_prefix: string;
  scopes: string[];
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
  model_limits: ModelLimits | null;
}

export interface LiveKey extends Principal {
  readonly keyId: string;
  readonly scopes: readonly string[];
  readonly lastUsedAt: Date | null;
  readonly modelLimits: ModelLimits | null;
}

export interface NewApiKey {
  readonly id: string;
  readonly orgId: string;
  readonly userId: string;
  readonly name: string;
  readonly keyHash: Buffer;
  readonly prefix: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
  readonly modelLimits: ModelLimits | null;
  readonly now: Date;
}

const COLUMNS = 'id, name, key_prefix, scopes, created_at, expires_at, last_used_at, model_limits';

export async function insertApiKey(sql: Sql, key: NewApiKey): Promise<ApiKey> {
  const { rows } = await sql.query<KeyRow>(
    `insert into api_keys (id, org_id, user_id, name, key_hash, key_prefix, scopes, expires_at, created_at, model_limits) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning ${COLUMNS}`,
    [key.id, key.orgId, key.userId, key.name, key.keyHash, key.prefix, key.scopes, key.expiresAt, key.now, key.modelLimits],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the row of an API key did not come back from its insert');
  return keyOf(row);
}

/** Changes a key of a person; what is undefined stays. @returns undefined when there is none */
export async function updateApiKey(
  sql: Sql,
  key: {
    readonly id: string;
    readonly orgId: string;
    readonly userId: string;
    readonly name: string | undefined;
    readonly modelLimits: ModelLimits | null | undefined;
  },
): Promise<ApiKey | undefined> {
  const { rows } = await sql.query<KeyRow>(
    `update api_keys set name = coalesce($4, name), model_limits = case when $5 then $6::jsonb else model_limits end
     where id = $1 and org_id = $2 and user_id = $3 returning ${COLUMNS}`,
    [key.id, key.orgId, key.userId, key.name ?? null, key.modelLimits !== undefined, key.modelLimits ?? null],
  );
  return rows[0] === undefined ? undefined : keyOf(rows[0]);
}

export async function countApiKeys(sql: Sql, owner: { readonly orgId: string; readonly userId: string }): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*) as count from api_keys where org_id = $1 and user_id = $2`, [owner.orgId, owner.userId]);
  return rows[0]?.count ?? 0;
}

/** A page of a person's keys, newest first. */
export async function listApiKeys(
  sql: Sql,
  page: { readonly orgId: string; readonly userId: string; readonly limit: number; readonly after?: string | undefined },
): Promise<{ items: ApiKey[]; next: string | null }> {
  const { rows } = await sql.query<KeyRow>(
    `select ${COLUMNS} from api_keys where org_id = $1 and user_id = $2 and ($3::text is null or id < $3) order by id desc limit $4`,
    [page.orgId, page.userId, page.after ?? null, page.limit + 1],
  );
  const items = rows.slice(0, page.limit).map(keyOf);
  return { items, next: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** The live key of a hash, with its owner's rights of this moment. */
export async function readLiveKey(sql: Sql, keyHash: Buffer, now: Date): Promise<LiveKey | undefined> {
  const { rows } = await sql.query<{
    id: string;
    org_id: string;
    user_id: string;
    scopes: string[];
    last_used_at: Date | null;
    model_limits: ModelLimits | null;
    is_super_admin: boolean;
    password_change_required: boolean;
    role: 'user' | 'admin';
  }>(
    `select k.id, k.org_id, k.user_id, k.scopes, k.last_used_at, k.model_limits, u.is_super_admin, u.password_change_required, m.role
     from api_keys k join users u on u.id = k.user_id join members m on m.org_id = k.org_id and m.user_id = k.user_id
     where k.key_hash = $1 and m.status = 'active' and (k.expires_at is null or k.expires_at > $2)`,
    [keyHash, now],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    keyId: row.id,
    orgId: row.org_id,
    userId: row.user_id,
    role: roleOf(row),
    scopes: row.scopes,
    mustChangePassword: row.password_change_required,
    lastUsedAt: row.last_used_at,
    modelLimits: row.model_limits,
  };
}

export async function touchApiKey(sql: Sql, id: string, now: Date): Promise<void> {
  await sql.query(`update api_keys set last_used_at = $2 where id = $1`, [id, now]);
}

/** Deletes one key of a person, or with no id all of them in the org. @returns the ids that lived */
export async function deleteApiKeys(sql: Sql, which: { readonly orgId: string; readonly userId: string; readonly id?: string | undefined }): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(`delete from api_keys where org_id = $1 and user_id = $2 and ($3::text is null or id = $3) returning id`, [
    which.orgId,
    which.userId,
    which.id ?? null,
  ]);
  return rows.map((row) => row.id);
}

function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.key_prefix,
    scopes: row.scopes,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    modelLimits: row.model_limits,
  };
}
