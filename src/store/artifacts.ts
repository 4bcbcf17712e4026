/** Rows of artifacts: bytes that a job or a step produced. Content rules as in store/files.ts. */
import type { Artifact } from '../contract/artifacts.ts';
import { hot, type Sql } from './client.ts';

interface ArtifactRow {
  id: string;
  name: string;
  bytes: number;
  sha256: string;
  media_type: string;
  job_id: string | null;
  instance_id: string | null;
  step_path: string | null;
  created_at: Date;
}

export interface NewArtifact {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly mediaType: string;
  readonly jobId?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly stepPath?: string | undefined;
  readonly nowMs: number;
}

export async function insertArtifact(sql: Sql, artifact: NewArtifact): Promise<void> {
  await sql.query(
    `insert into artifacts (id, org_id, name, bytes, sha256, media_type, job_id, instance_id, step_path, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, to_timestamp($10::float8 / 1000))`,
    [
      artifact.id,
      artifact.orgId,
      artifact.name,
      artifact.bytes,
      artifact.sha256,
      artifact.mediaType,
      artifact.jobId ?? null,
      artifact.instanceId ?? null,
      artifact.stepPath ?? null,
      artifact.nowMs,
    ],
  );
}

export async function readArtifact(sql: Sql, artifact: { readonly orgId: string; readonly id: string }): Promise<Artifact | undefined> {
  const { rows } = await sql.query<ArtifactRow>(
    `select id, name, bytes, sha256, media_type, job_id, instance_id, step_path, created_at from artifacts where org_id = $1 and id = $2`,
    [artifact.orgId, artifact.id],
  );
  return rows[0] === undefined ? undefined : toArtifact(rows[0]);
}

/** Newest first; `after` is the id of the last one of the page before. */
export async function listArtifacts(
  sql: Sql,
  query: { readonly orgId: string; readonly jobId: string; readonly after?: string | undefined; readonly limit: number },
): Promise<Artifact[]> {
  const { rows } = await sql.query<ArtifactRow>(
    `select id, name, bytes, sha256, media_type, job_id, instance_id, step_path, created_at from artifacts
     where org_id = $1 and job_id = $2 and ($3::text is null or id < $3) order by id desc limit $4`,
    [query.orgId, query.jobId, query.after ?? null, query.limit],
  );
  return rows.map(toArtifact);
}

/** Forgets what an earlier attempt of the job left. @returns the hashes to release */
export async function deleteJobArtifacts(sql: Sql, artifacts: { readonly orgId: string; readonly jobId: string }): Promise<string[]> {
  const { rows } = await sql.query<{ sha256: string }>(hot(`delete from artifacts where org_id = $1 and job_id = $2 returning sha256`), [
    artifacts.orgId,
    artifacts.jobId,
  ]);
  return rows.map((row) => row.sha256);
}

function toArtifact(row: ArtifactRow): Artifact {
  return {
    id: row.id,
    name: row.name,
    bytes: row.bytes,
    sha256: row.sha256,
    mediaType: row.media_type,
    ...(row.job_id === null ? {} : { jobId: row.job_id }),
    ...(row.instance_id === null ? {} : { instanceId: row.instance_id }),
    ...(row.step_path === null ? {} : { stepPath: row.step_path }),
    createdAt: row.created_at.toISOString(),
  };
}
