/** Rows of granted device memory. */
import type * as z from 'zod';
import type { gpuLease } from '../contract/jobs.ts';
import type { Sql } from './client.ts';

export type GpuLease = z.infer<typeof gpuLease>;

/** Newest first. */
export async function listGpuLeases(sql: Sql, query: { readonly after?: string | undefined; readonly limit: number }): Promise<GpuLease[]> {
  const { rows } = await sql.query<{ id: string; gpu_index: number; vram_bytes: number; holder: string; granted_at: Date }>(
    `select id, gpu_index, vram_bytes, holder, granted_at from gpu_leases where $1::text is null or id < $1 order by id desc limit $2`,
    [query.after, query.limit],
  );
  return rows.map((row) => ({ id: row.id, gpuIndex: row.gpu_index, vramBytes: row.vram_bytes, holder: row.holder, grantedAt: row.granted_at.toISOString() }));
}
