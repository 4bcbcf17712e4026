/** One process at a time for a kind of work, by an advisory lock: gone with its holder's connection. A transaction without a write, so that
 *  nobody who reads the outbox waits for it. A holder that froze is cut off by PostgreSQL; what it then still does must be harmless by itself. */
import type { SqlPool } from './client.ts';

/** Names of the locks, one a kind of work. */
export const LEADER_LOCKS = { schedule: 0x57_75_64_30, fires: 0x57_75_64_31, inbox: 0x57_75_64_32, retention: 0x57_75_64_33 } as const;

/** The longest that a holder may go without a word. */
const SILENT_MS = 30_000;

/** Runs `work` when no other process does. @param work gets a function to call between its bites: it rejects when the lead was lost
 *  @returns undefined when another process leads */
export async function asLeader<T>(pool: SqlPool, lock: number, work: (stillLeads: () => Promise<void>) => Promise<T>): Promise<T | undefined> {
  return pool.transaction(async (sql) => {
    await sql.query(`select set_config('idle_in_transaction_session_timeout', $1, true)`, [String(SILENT_MS)]);
    const { rows } = await sql.query<{ leads: boolean }>('select pg_try_advisory_xact_lock($1) as leads', [lock]);
    if (rows[0]?.leads !== true) return undefined;
    return work(async () => {
      await sql.query('select 1 as one');
    });
  });
}
