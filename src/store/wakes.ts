/** Wake-ups between processes: who else lives, and the NOTIFY that tells them of committed outbox rows. */
import type { Sql } from './client.ts';

export const OUTBOX_CHANNEL = 'studio_outbox';

/** Processes that gave a sign of life within 30 s, this one included. */
export async function countLiveOwners(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*) as count from owners where beat_at > now() - interval '30 s'`);
  return rows[0]?.count ?? 0;
}

export async function notifyOutbox(sql: Sql): Promise<void> {
  await sql.query(`select pg_notify($1, '')`, [OUTBOX_CHANNEL]);
}
