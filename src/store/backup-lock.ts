/** One backup at a time, whichever process makes it; and while one is made, bytes that it is to read are not freed. Both are locks of a session: gone with
 *  the process that held them. */
import pg from 'pg';
import type { Sql } from './client.ts';

const BACKUP_LOCK = 0x57_75_64_40;
const CONTENT_LOCK = 0x57_75_64_41;

export interface BackupLock {
  release(): Promise<void>;
}

/** @returns undefined while another process backs up, verifies, prunes or restores */
export async function takeBackupLock(connection: pg.ClientConfig, options: { readonly holdsContent: boolean }): Promise<BackupLock | undefined> {
  const client = new pg.Client({ application_name: 'studio backup lock', ...connection });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('set idle_session_timeout = 0');
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [BACKUP_LOCK]);
  if (rows[0]?.taken !== true) {
    await client.end();
    return undefined;
  }
  // Waits for those who free something at this moment: they are done in milliseconds.
  if (options.holdsContent) await client.query('select pg_advisory_lock($1)', [CONTENT_LOCK]);
  return { release: () => client.end().catch(() => undefined) };
}

/** Whether bytes may be freed now; asked in the transaction that frees them. While a backup is made they stay, and go with the next sweep. */
export async function mayFreeContent(sql: Sql): Promise<boolean> {
  const { rows } = await sql.query<{ may: boolean }>('select pg_try_advisory_xact_lock_shared($1) as may', [CONTENT_LOCK]);
  return rows[0]?.may === true;
}
