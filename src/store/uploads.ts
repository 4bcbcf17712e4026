/** Rows of resumable uploads. `received` counts bytes that are on disk for certain: it is raised only after fsync. */
import type { Upload } from '../contract/uploads.ts';
import type { Sql } from './client.ts';

interface UploadRow {
  id: string;
  path: string;
  media_type: string;
  length: number;
  received: number;
  created_at: Date;
  expires_at: Date;
}

export interface NewUpload {
  readonly id: string;
  readonly orgId: string;
  readonly userId: string;
  readonly path: string;
  readonly mediaType: string;
  readonly length: number;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

export async function insertUpload(sql: Sql, upload: NewUpload): Promise<void> {
  await sql.query(
    `insert into uploads (id, org_id, user_id, path, media_type, length, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000), to_timestamp($8::float8 / 1000))`,
    [upload.id, upload.orgId, upload.userId, upload.path, upload.mediaType, upload.length, upload.nowMs, upload.expiresAtMs],
  );
}

export async function readUpload(sql: Sql, upload: { readonly orgId: string; readonly id: string }): Promise<Upload | undefined> {
  const { rows } = await sql.query<UploadRow>(
    `select id, path, media_type, length, received, created_at, expires_at from uploads where org_id = $1 and id = $2`,
    [upload.orgId, upload.id],
  );
  return rows[0] === undefined ? undefined : toUpload(rows[0]);
}

/** Newest first. */
export async function listUploads(sql: Sql, query: { readonly orgId: string; readonly after?: string | undefined; readonly limit: number }): Promise<Upload[]> {
  const { rows } = await sql.query<UploadRow>(
    `select id, path, media_type, length, received, created_at, expires_at from uploads
     where org_id = $1 and ($2::text is null or id < $2) order by id desc limit $3`,
    [query.orgId, query.after ?? null, query.limit],
  );
  return rows.map(toUpload);
}

/** @returns false when the upload was deleted meanwhile */
export async function setUploadReceived(
  sql: Sql,
  upload: { readonly orgId: string; readonly id: string; readonly received: number; readonly expiresAtMs: number },
): Promise<boolean> {
  const { rowCount } = await sql.query(`update uploads set received = $3, expires_at = to_timestamp($4::float8 / 1000) where org_id = $1 and id = $2`, [
    upload.orgId,
    upload.id,
    upload.received,
    upload.expiresAtMs,
  ]);
  return rowCount === 1;
}

/** @returns false when there was none */
export async function deleteUpload(sql: Sql, upload: { readonly orgId: string; readonly id: string }): Promise<boolean> {
  const { rowCount } = await sql.query(`delete from uploads where org_id = $1 and id = $2`, [upload.orgId, upload.id]);
  return rowCount === 1;
}

/** How many uploads of the org are open. */
export async function countUploads(sql: Sql, orgId: string): Promise<number> {
  const { rows } = await sql.query<{ open: number }>(`select count(*) as open from uploads where org_id = $1`, [orgId]);
  return rows[0]?.open ?? 0;
}

/** Deletes what nobody continued in time. @returns their ids, at most 1,000 */
export async function deleteExpiredUploads(sql: Sql, nowMs: number): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `delete from uploads where id in (select id from uploads where expires_at < to_timestamp($1::float8 / 1000) order by id limit 1000) returning id`,
    [nowMs],
  );
  return rows.map((row) => row.id);
}

function toUpload(row: UploadRow): Upload {
  return {
    id: row.id,
    path: row.path,
    mediaType: row.media_type,
    length: row.length,
    received: row.received,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  };
}

/** Uploads whose last byte is on disk but which are no file yet; across orgs, oldest first. */
export async function listWholeUploads(sql: Sql): Promise<{ id: string; orgId: string; path: string; mediaType: string }[]> {
  const { rows } = await sql.query<{ id: string; org_id: string; path: string; media_type: string }>(
    `select id, org_id, path, media_type from uploads where received = length and length > 0 order by id limit 10000`,
  );
  return rows.map((row) => ({ id: row.id, orgId: row.org_id, path: row.path, mediaType: row.media_type }));
}
