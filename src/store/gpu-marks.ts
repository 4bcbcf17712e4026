/** Rows of devices that are held back. They belong to no org: the engine's role alone sees them. */
import type { Sql } from './client.ts';

export interface GpuMark {
  readonly uuid: string;
  readonly state: 'draining' | 'lost';
  readonly reason: string;
  /** Of a device that broke, in this start of the machine; null: a person's wish. */
  readonly bootId: string | null;
  readonly markedAt: Date;
}

/** All of them: one a device. */
export async function listGpuMarks(sql: Sql): Promise<GpuMark[]> {
  const { rows } = await sql.query<GpuMark>(`select uuid, state, reason, boot_id as "bootId", marked_at as "markedAt" from gpu_marks order by uuid limit 1000`);
  return rows;
}

export async function writeGpuMark(sql: Sql, mark: GpuMark): Promise<void> {
  await sql.query(
    `insert into gpu_marks (uuid, state, reason, boot_id, marked_at) values ($1, $2, $3, $4, $5)
     on conflict (uuid) do update set state = excluded.state, reason = excluded.reason, boot_id = excluded.boot_id, marked_at = excluded.marked_at`,
    [mark.uuid, mark.state, mark.reason, mark.bootId, mark.markedAt],
  );
}

/** @returns whether there was one */
export async function deleteGpuMark(sql: Sql, uuid: string): Promise<boolean> {
  const { rows } = await sql.query<{ uuid: string }>('delete from gpu_marks where uuid = $1 returning uuid', [uuid]);
  return rows.length > 0;
}

/** What broke before the machine was started anew may work again. */
export async function deleteGpuMarksOfOtherBoots(sql: Sql, bootId: string): Promise<void> {
  await sql.query('delete from gpu_marks where boot_id is not null and boot_id <> $1', [bootId]);
}
