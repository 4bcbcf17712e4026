/** `studio import-sqlite --sqlite-path F [--truncate-target] [--dry-run]`: what an earlier studio kept in SQLite, once, into an org of this one. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemClock as clock } from '../kernel/clock.ts';
import { createCipher } from '../identity/cipher.ts';
import { structuralHash } from '../engine/structural-hash.ts';
import { importSqlite, type SqliteReport } from '../orgs/sqlite-import.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';
import { withWorkspace } from './workspace.ts';

const USAGE = 'studio: import-sqlite --sqlite-path FILE [--org ORG] [--truncate-target] [--dry-run] [--json]\n';

export const importSqliteCommand: Command = async (args) => {
  const { values } = readArguments(args, {
    'sqlite-path': { type: 'string' },
    'truncate-target': { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    org: { type: 'string' },
    json: { type: 'boolean' },
  });
  const given = values['sqlite-path'];
  if (given === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const path = resolve(given);
  if (!existsSync(path)) throw new Error(`There is no file ${path}.`);
  const wanted = { path, org: values.org, isTruncating: values['truncate-target'] === true, isDryRun: values['dry-run'] === true };
  const report = await withWorkspace(await readConfig(values.config), ({ open, config }) =>
    importSqlite(
      { database: open(), clock, cipher: createCipher(config.credentialEncryptionKey), filesPath: join(config.workspacePath, 'files'), hashOf: structuralHash },
      wanted,
    ),
  );
  if (values.json === true) printJson(report);
  else for (const line of linesOf(report)) print(line);
  return 0;
};

function linesOf(report: SqliteReport): readonly string[] {
  const width = Math.max(0, ...report.tables.map(({ table }) => table.length));
  return [
    `${report.isDryRun ? 'Would import' : 'Imported'} into ${report.org} from ${report.source}:`,
    ...report.tables.map(({ table, found, imported, why }) => `  ${table.padEnd(width)}  ${imported} of ${found}${why === null ? '' : `  ${why}`}`),
    ...report.notes,
  ];
}
