/** `studio db check`: whether Studio could work with its database. Exit status 0: it could; 1: it can't be reached; 2: its schema or tables are not those of
 *  this Studio. */
import type { LoadedConfig } from '../config/load.ts';
import { messageOf } from '../kernel/fail.ts';
import { listMissingTables } from '../store/core-tables.ts';
import { label, migrationStatus } from '../store/migrate.ts';
import { print, printJson } from './command.ts';
import { withWorkspace } from './workspace.ts';

interface Checked {
  readonly ok: boolean;
  readonly verdict: 'ok' | 'unreachable' | 'schema' | 'tables';
  readonly about: string;
  readonly version?: number;
  readonly newest?: number;
  readonly pending?: readonly string[];
  readonly missing?: readonly string[];
}

const STATUS = { ok: 0, unreachable: 1, schema: 2, tables: 2 } as const;

export async function check(loaded: LoadedConfig, isJson: boolean): Promise<number> {
  // Whatever keeps it from being opened: no server, a wrong password, a directory of another version.
  const found = await withWorkspace(loaded, async ({ connections }) => lookAt(connections.owner)).catch((error: unknown): Checked => ({
    ok: false,
    verdict: 'unreachable',
    about: `The database can't be reached: ${messageOf(error)}`,
  }));
  if (isJson) printJson(found);
  else print(found.about);
  return STATUS[found.verdict];
}

async function lookAt(owner: Parameters<typeof listMissingTables>[0]): Promise<Checked> {
  const status = await migrationStatus({ owner }).catch((error: unknown): Checked => ({ ok: false, verdict: 'schema', about: messageOf(error) }));
  if ('verdict' in status) return status;
  const { version, newest } = status;
  const pending = status.pending.map(label);
  if (pending.length > 0)
    return { ok: false, verdict: 'schema', about: `The schema lacks ${pending.join(', ')}. Run: studio db migrate`, version, newest, pending };
  const missing = await listMissingTables(owner);
  const facts = { version, newest, pending, missing };
  if (missing.length > 0)
    return { ok: false, verdict: 'tables', about: `The schema is of version ${version}, but ${missing.join(', ')} is not there.`, ...facts };
  return { ok: true, verdict: 'ok', about: `The schema is up to date (version ${version}).`, ...facts };
}
