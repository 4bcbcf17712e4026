/** What earlier attempts of the same command took, at their peak. */
import type { Sql } from './client.ts';

export interface JobSize {
  readonly vramBytes: number;
  readonly memoryBytes: number;
  /** How many attempts it was learnt from. */
  readonly attempts: number;
}

/** Remembers the peak of an attempt, in the transaction that records its end. */
export async function learnJobSize(
  sql: Sql,
  size: {
    readonly orgId: string;
    readonly jobId: string;
    readonly signature: string;
    readonly vramBytes: number;
    readonly memoryBytes: number;
    readonly nowMs: number;
  },
): Promise<void> {
  await sql.query(`update jobs set signature = $2 where id = $1 and signature is null`, [size.jobId, size.signature]);
  await sql.query(
    `insert into job_sizes as known (org_id, signature, vram_bytes, memory_bytes, attempts, updated_at) values ($1, $2, $3, $4, 1, to_timestamp($5::float8 / 1000))
     on conflict (org_id, signature) do update set vram_bytes = greatest(known.vram_bytes, excluded.vram_bytes),
       memory_bytes = greatest(known.memory_bytes, excluded.memory_bytes), attempts = known.attempts + 1, updated_at = excluded.updated_at`,
    [size.orgId, size.signature, size.vramBytes, size.memoryBytes, size.nowMs],
  );
}

/** By the job's id; jobs whose command never ran before are not there. */
export async function findJobSizes(sql: Sql, jobIds: readonly string[]): Promise<ReadonlyMap<string, JobSize>> {
  const { rows } = await sql.query<{ id: string; vram_bytes: number; memory_bytes: number; attempts: number }>(
    `select jobs.id, vram_bytes, memory_bytes, job_sizes.attempts from jobs join job_sizes on job_sizes.org_id = jobs.org_id and job_sizes.signature = jobs.signature
     where jobs.id = any($1)`,
    [[...jobIds]],
  );
  return new Map(rows.map((row) => [row.id, { vramBytes: row.vram_bytes, memoryBytes: row.memory_bytes, attempts: row.attempts }]));
}
