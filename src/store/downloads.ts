/** Rows of downloads. A change raises `seq` and writes its event in the same transaction. Which bytes are on disk stands in `files`: written after they are synced. */
import type { DownloadError } from '../contract/model-downloads.ts';
import type { ModelSource } from '../contract/models.ts';
import type { DownloadStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { writeEvents } from './outbox.ts';
import type { downloads } from './schema-models.ts';

/** A file of a download. */
export interface DownloadFileRecord {
  readonly name: string;
  /** Null: the server has not said it yet. */
  readonly bytes: number | null;
  readonly sha256: string | null;
  readonly gitSha1: string | null;
  readonly validator: string | null;
  /** What is on disk: from inclusive, to exclusive. */
  readonly done: readonly (readonly [number, number])[];
  readonly state: 'waiting' | 'running' | 'verifying' | 'done';
}

export interface DownloadRecord {
  readonly id: string;
  readonly orgId: string | null;
  readonly homeOrgId: string | null;
  readonly modelId: string | null;
  readonly name: string;
  readonly status: DownloadStatus;
  readonly source: ModelSource;
  /** With its query, which may be a key: never shown. */
  readonly url: string | null;
  readonly files: readonly DownloadFileRecord[];
  readonly bytesDone: number;
  readonly bytesTotal: number | null;
  readonly rate: number | null;
  readonly error: DownloadError | null;
  readonly seq: number;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

type Row = typeof downloads.$inferSelect;

const COLUMNS = `id, org_id as "orgId", home_org_id as "homeOrgId", model_id as "modelId", name, status, source, url, files, bytes_done as "bytesDone",
  bytes_total as "bytesTotal", rate, error, seq, created_at as "createdAt", started_at as "startedAt", ended_at as "endedAt"`;

export type NewDownload = Pick<DownloadRecord, 'id' | 'orgId' | 'homeOrgId' | 'name' | 'source' | 'url' | 'files' | 'bytesTotal'> & {
  readonly modelId: string;
  readonly nowMs: number;
};

export async function insertDownload(sql: Sql, download: NewDownload, requestId?: string): Promise<DownloadRecord> {
  const { rows } = await sql.query<Row>(
    `insert into downloads (id, org_id, home_org_id, model_id, name, status, source, url, files, bytes_total, seq, created_at)
     values ($1, $2, $3, $4, $5, 'queued', $6, $7, $8, $9, 1, to_timestamp($10::float8 / 1000)) returning ${COLUMNS}`,
    [
      download.id,
      download.orgId,
      download.homeOrgId,
      download.modelId,
      download.name,
      JSON.stringify(download.source),
      download.url,
      JSON.stringify(download.files),
      download.bytesTotal,
      download.nowMs,
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`the download ${download.id} did not come back from its insert`);
  const record = toDownload(row);
  await tell(sql, record, requestId);
  return record;
}

export async function readDownload(sql: Sql, id: string): Promise<DownloadRecord | undefined> {
  const { rows } = await sql.query<Row>(`select ${COLUMNS} from downloads where id = $1`, [id]);
  return rows[0] === undefined ? undefined : toDownload(rows[0]);
}

/** Newest first. */
export async function listDownloads(
  sql: Sql,
  query: { readonly after?: string | undefined; readonly limit: number; readonly statuses?: readonly string[] | undefined },
): Promise<DownloadRecord[]> {
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from downloads where ($1::text is null or id < $1) and ($3::text[] is null or status = any($3)) order by id desc limit $2`,
    [query.after ?? null, query.limit, query.statuses ?? null],
  );
  return rows.map(toDownload);
}

/** Those that wait for a slot, oldest first. */
export async function listQueuedDownloads(sql: Sql, limit: number): Promise<DownloadRecord[]> {
  const { rows } = await sql.query<Row>(`select ${COLUMNS} from downloads where status = 'queued' order by id limit $1`, [limit]);
  return rows.map(toDownload);
}

/** The newest download of each of these models. */
export async function findDownloadsOf(sql: Sql, modelIds: readonly string[]): Promise<ReadonlyMap<string, DownloadRecord>> {
  const { rows } = await sql.query<Row>(`select distinct on (model_id) ${COLUMNS} from downloads where model_id = any($1) order by model_id, id desc`, [
    modelIds,
  ]);
  return new Map(rows.map((row) => [row.modelId ?? '', toDownload(row)]));
}

/** How many wait, and how many bytes those that wait or run still need. */
export async function sumOpenDownloads(sql: Sql): Promise<{ readonly queued: number; readonly missingBytes: number }> {
  const { rows } = await sql.query<{ queued: number; missing: number }>(
    `select count(*) filter (where status = 'queued') as queued, coalesce(sum(greatest(coalesce(bytes_total, 0) - bytes_done, 0)), 0)::bigint as missing
     from downloads where status in ('queued', 'running')`,
  );
  return { queued: rows[0]?.queued ?? 0, missingBytes: rows[0]?.missing ?? 0 };
}

export interface DownloadChange {
  readonly status?: DownloadStatus;
  readonly files?: readonly DownloadFileRecord[];
  readonly bytesDone?: number;
  readonly bytesTotal?: number | null;
  readonly rate?: number | null;
  readonly error?: DownloadError | null;
  readonly startedAt?: Date;
  readonly endedAt?: Date | null;
}

/** Changes a download that has one of the statuses `from`. @returns undefined when it has not, or is not there */
export async function updateDownload(
  sql: Sql,
  at: { readonly id: string; readonly from: readonly DownloadStatus[]; readonly requestId?: string | undefined },
  change: DownloadChange,
): Promise<DownloadRecord | undefined> {
  const { rows: before } = await sql.query<Row>(`select ${COLUMNS} from downloads where id = $1 and status = any($2) for update`, [at.id, at.from]);
  if (before[0] === undefined) return undefined;
  const next: DownloadRecord = { ...toDownload(before[0]), ...change };
  const { rows } = await sql.query<Row>(
    `update downloads set status = $2, files = $3, bytes_done = $4, bytes_total = $5, rate = $6, error = $7, started_at = $8, ended_at = $9, seq = seq + 1
     where id = $1 returning ${COLUMNS}`,
    [
      at.id,
      next.status,
      JSON.stringify(next.files),
      next.bytesDone,
      next.bytesTotal,
      next.rate,
      next.error === null ? null : JSON.stringify(next.error),
      next.startedAt,
      next.endedAt,
    ],
  );
  if (rows[0] === undefined) return undefined;
  const record = toDownload(rows[0]);
  await tell(sql, record, at.requestId);
  return record;
}

/** What ran when the last process died waits again. @returns how many */
export async function requeueDownloads(sql: Sql): Promise<number> {
  const { rows } = await sql.query<Row>(`update downloads set status = 'queued', rate = null, seq = seq + 1 where status = 'running' returning ${COLUMNS}`);
  for (const row of rows) await tell(sql, toDownload(row), undefined);
  return rows.length;
}

/** Forgets what ended before `before`. @returns how many, at most 1,000 */
export async function deleteOldDownloads(sql: Sql, before: Date): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from downloads where id in (select id from downloads where status in ('completed', 'cancelled', 'failed') and ended_at < $1 and model_id is null order by id limit 1000)`,
    [before],
  );
  return rowCount;
}

async function tell(sql: Sql, download: DownloadRecord, requestId: string | undefined): Promise<void> {
  const { id, orgId, seq, status, name, bytesDone, bytesTotal, rate, error, modelId } = download;
  await writeEvents(sql, [
    {
      kind: 'download_job',
      id,
      sequence: seq,
      type: status === 'completed' ? 'download:job:completed' : 'download:job:updated',
      orgId,
      payload: { status, name, modelId, bytesDone, bytesTotal, rate, error },
      ...(requestId === undefined ? {} : { requestId }),
    },
  ]);
}

function toDownload(row: Row): DownloadRecord {
  return row as DownloadRecord;
}
