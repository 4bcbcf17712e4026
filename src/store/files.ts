/** Rows of files: names that point at content. Never touches bytes on disk (files/content.ts does).
 *  One thing to know: whoever puts or frees content holds `lockContent` in the same transaction, so that bytes are never
 *  removed while a new row begins to point at them. */
import type { File } from '../contract/files.ts';
import { writeEvents } from './outbox.ts';
import type { Sql } from './client.ts';

interface FileRow {
  id: string;
  path: string;
  bytes: number;
  sha256: string;
  media_type: string;
  created_at: Date;
  updated_at: Date;
}

/** Serialises everything that adds or removes references to one content, until the transaction ends. */
export async function lockContent(sql: Sql, content: { readonly orgId: string; readonly sha256: string }): Promise<void> {
  await sql.query(`select pg_advisory_xact_lock(hashtextextended($1, 7))`, [`${content.orgId}/${content.sha256}`]);
}

/** Whether a file or an artifact of the org still points at the content. */
export async function isContentReferenced(sql: Sql, content: { readonly orgId: string; readonly sha256: string }): Promise<boolean> {
  const { rows } = await sql.query<{ found: boolean }>(
    `select exists (select 1 from files where org_id = $1 and sha256 = $2) or exists (select 1 from artifacts where org_id = $1 and sha256 = $2) as found`,
    [content.orgId, content.sha256],
  );
  return rows[0]?.found ?? false;
}

export interface NewFile {
  readonly id: string;
  readonly orgId: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly mediaType: string;
  readonly nowMs: number;
  readonly requestId?: string;
  /** Whose step wrote it. */
  readonly instanceId?: string | undefined;
}

/** Makes `path` point at the content, replacing what it pointed at, and writes the event.
 *  @returns the file and the hash it pointed at before, when that was another */
export async function upsertFile(sql: Sql, file: NewFile): Promise<{ file: File; replaced: string | undefined }> {
  const before = await sql.query<{ sha256: string }>(`select sha256 from files where org_id = $1 and path = $2 for update`, [file.orgId, file.path]);
  const { rows } = await sql.query<FileRow & { seq: number }>(
    `insert into files (id, org_id, path, bytes, sha256, media_type, seq, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, 1, to_timestamp($7::float8 / 1000), to_timestamp($7::float8 / 1000))
     on conflict (org_id, path) do update set bytes = excluded.bytes, sha256 = excluded.sha256, media_type = excluded.media_type,
       updated_at = excluded.updated_at, seq = files.seq + 1
     returning id, path, bytes, sha256, media_type, created_at, updated_at, seq`,
    [file.id, file.orgId, file.path, file.bytes, file.sha256, file.mediaType, file.nowMs],
  );
  const row = rows[0];
  const old = before.rows[0]?.sha256;
  if (row === undefined) throw new Error(`the row of file ${file.path} did not come back from its insert`);
  await writeEvents(sql, [
    fileEvent({
      id: row.id,
      orgId: file.orgId,
      sequence: row.seq,
      requestId: file.requestId,
      payload: {
        change: 'stored',
        path: row.path,
        bytes: row.bytes,
        sha256: row.sha256,
        mediaType: row.media_type,
        isSame: old === file.sha256,
        ...(file.instanceId === undefined ? {} : { instanceId: file.instanceId }),
      },
    }),
  ]);
  return { file: toFile(row), replaced: old === file.sha256 ? undefined : old };
}

/** @returns the hash it pointed at, or undefined when there is no such file */
export async function deleteFile(sql: Sql, file: { readonly orgId: string; readonly path: string; readonly requestId?: string }): Promise<string | undefined> {
  const { rows } = await sql.query<{ id: string; sha256: string; seq: number }>(`delete from files where org_id = $1 and path = $2 returning id, sha256, seq`, [
    file.orgId,
    file.path,
  ]);
  const row = rows[0];
  if (row === undefined) return undefined;
  await writeEvents(sql, [
    fileEvent({ id: row.id, orgId: file.orgId, sequence: row.seq + 1, requestId: file.requestId, payload: { change: 'deleted', path: file.path } }),
  ]);
  return row.sha256;
}

export async function readFile(sql: Sql, file: { readonly orgId: string; readonly path: string }): Promise<File | undefined> {
  const { rows } = await sql.query<FileRow>(`select id, path, bytes, sha256, media_type, created_at, updated_at from files where org_id = $1 and path = $2`, [
    file.orgId,
    file.path,
  ]);
  return rows[0] === undefined ? undefined : toFile(rows[0]);
}

/** Newest first; `after` is the id of the last file of the page before. */
export async function listFiles(
  sql: Sql,
  query: { readonly orgId: string; readonly prefix?: string | undefined; readonly after?: string | undefined; readonly limit: number },
): Promise<File[]> {
  const { rows } = await sql.query<FileRow>(
    `select id, path, bytes, sha256, media_type, created_at, updated_at from files
     where org_id = $1 and ($2::text is null or starts_with(path, $2)) and ($3::text is null or id < $3)
     order by id desc limit $4`,
    [query.orgId, query.prefix ?? null, query.after ?? null, query.limit],
  );
  return rows.map(toFile);
}

/** Of these contents, the ones that nothing points at. None where the org itself is unknown: a database that was lost must not take the bytes along. */
export async function findUnreferenced(sql: Sql, content: { readonly orgId: string; readonly hashes: readonly string[] }): Promise<string[]> {
  const { rows } = await sql.query<{ sha256: string }>(
    `select wanted.sha256 from unnest($2::text[]) as wanted (sha256)
     where exists (select 1 from orgs where id = $1) and not exists (select 1 from files where org_id = $1 and files.sha256 = wanted.sha256)
       and not exists (select 1 from artifacts where org_id = $1 and artifacts.sha256 = wanted.sha256)`,
    [content.orgId, [...content.hashes]],
  );
  return rows.map((row) => row.sha256);
}

function fileEvent(event: { id: string; orgId: string; sequence: number; requestId: string | undefined; payload: Record<string, string | number | boolean> }) {
  return {
    kind: 'file' as const,
    id: event.id,
    sequence: event.sequence,
    type: 'files:file:changed' as const,
    orgId: event.orgId,
    payload: event.payload,
    ...(event.requestId === undefined ? {} : { requestId: event.requestId }),
  };
}

function toFile(row: FileRow): File {
  return {
    id: row.id,
    path: row.path,
    bytes: row.bytes,
    sha256: row.sha256,
    mediaType: row.media_type,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
