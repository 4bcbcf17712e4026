/** The tables without which nothing works: whether they are all there. A schema that says it is up to date lacks one only where somebody took it away. */
import type pg from 'pg';
import { AppError } from '../kernel/fail.ts';
import { withOwner } from './migrate.ts';

const CORE = ['orgs', 'users', 'sessions', 'secrets', 'settings', 'workflows', 'instances', 'steps', 'jobs', 'queues', 'workers', 'files', 'outbox', 'audit'];

/** @param owner a connection of the schema's owner */
export function listMissingTables(owner: pg.ClientConfig): Promise<readonly string[]> {
  return withOwner(owner, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select name from unnest($1::text[]) as name where to_regclass('public.' || name) is null order by name`,
      [CORE],
    );
    return rows.map(({ name }) => name);
  });
}

/** @throws AppError `database_unavailable` naming what is missing */
export async function requireCoreTables(owner: pg.ClientConfig): Promise<void> {
  const missing = await listMissingTables(owner);
  if (missing.length === 0) return;
  throw new AppError('database_unavailable', {
    message: `The database lacks ${missing.length === 1 ? 'the table' : 'the tables'} ${missing.join(', ')}, although its schema is up to date: somebody took ${missing.length === 1 ? 'it' : 'them'} away. Restore a backup (studio backup list), or name another database.`,
  });
}
