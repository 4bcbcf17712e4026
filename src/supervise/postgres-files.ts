/** The settings files of a database directory whose own are not trusted: as initdb writes them, with nothing of anybody else's. What Studio wants beyond them it
 *  passes on the command line. */
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceAccount } from './account.ts';

const ACCESS = [
  'local all all',
  'host all all 127.0.0.1/32',
  'host all all ::1/128',
  'local replication all',
  'host replication all 127.0.0.1/32',
  'host replication all ::1/128',
];

const FILES: Readonly<Record<string, readonly string[]>> = {
  'postgresql.conf': [
    "datestyle = 'iso, mdy'",
    ...['lc_messages', 'lc_monetary', 'lc_numeric', 'lc_time'].map((name) => `${name} = 'C'`),
    "default_text_search_config = 'pg_catalog.english'",
  ],
  'postgresql.auto.conf': [],
  'pg_hba.conf': ACCESS.map((line) => `${line} scram-sha-256`),
  'pg_ident.conf': [],
};

/** Names of the files that `writeServerFiles` makes. */
export const serverFiles: ReadonlySet<string> = new Set(Object.keys(FILES));

export function writeServerFiles(dataDir: string, account: ServiceAccount | undefined): void {
  for (const [name, lines] of Object.entries(FILES)) {
    const path = join(dataDir, name);
    writeFileSync(path, ['# Written by Studio when it restored a backup.', ...lines, ''].join('\n'), { mode: 0o600, flag: 'wx' });
    if (account !== undefined) chownSync(path, account.uid, account.gid);
  }
}
