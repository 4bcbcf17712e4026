/** Results of steps that may be used again, by what they were made from. A cache: losing a row costs work, never truth. */
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';

export interface CachedResult {
  readonly output: Json;
  readonly port: string | null;
  readonly instanceId: string;
  readonly path: string;
  readonly at: Date;
}

/** @returns undefined when there is none that is still good */
export async function readCached(sql: Sql, query: { readonly orgId: string; readonly key: Buffer; readonly nowMs: number }): Promise<CachedResult | undefined> {
  const { rows } = await sql.query<{ output: string; port: string | null; instance_id: string; step_path: string; created_at: Date }>(
    `select output, port, instance_id, step_path, created_at from step_cache where org_id = $1 and key = $2 and expires_at > to_timestamp($3::float8 / 1000)`,
    [query.orgId, query.key, query.nowMs],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return { output: JSON.parse(row.output) as Json, port: row.port, instanceId: row.instance_id, path: row.step_path, at: row.created_at };
}

export interface NewCached {
  readonly orgId: string;
  readonly key: Buffer;
  /** JSON text. */
  readonly output: string;
  readonly port: string | null;
  readonly instanceId: string;
  readonly path: string;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** The newest result counts. */
export async function writeCached(sql: Sql, cached: NewCached): Promise<void> {
  await sql.query(
    `insert into step_cache (org_id, key, output, port, instance_id, step_path, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000), to_timestamp($8::float8 / 1000))
     on conflict (org_id, key) do update set output = excluded.output, port = excluded.port, instance_id = excluded.instance_id,
       step_path = excluded.step_path, created_at = excluded.created_at, expires_at = excluded.expires_at`,
    [cached.orgId, cached.key, cached.output, cached.port, cached.instanceId, cached.path, cached.nowMs, cached.expiresAtMs],
  );
}
