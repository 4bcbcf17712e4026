/** The numbered migrations, as text. From source they are read beside this file; the bundle carries them: build.ts defines
 *  STUDIO_MIGRATIONS as the JSON of `readMigrations()`. Never runs SQL: store/migrate.ts does. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

export interface Migration {
  /** From the file's name: `0001_create_core.sql` is 1. Numbers are dense and start at 1. */
  readonly version: number;
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** sha256 of the whole file: a migration that was applied never changes. */
  readonly checksum: string;
}

/** What the way down of a migration forgot, found after it was shipped: its text, and with it its checksum, can't change any more. */
const DOWN_AMENDED: Readonly<Record<number, string>> = {
  8: 'grant select, insert, update, delete on gpu_leases to studio_engine;\n',
};

declare const STUDIO_MIGRATIONS: readonly Migration[] | undefined;

/** All migrations this binary knows, oldest first. */
export function listMigrations(): readonly Migration[] {
  return typeof STUDIO_MIGRATIONS === 'undefined' ? readMigrations(new URL('./migrations/', import.meta.url)) : STUDIO_MIGRATIONS;
}

/** Reads a folder of `NNNN_verb_noun.sql`, each with an `-- up` and a `-- down` part.
 *  @throws Error naming the file when a name, a number or a part is wrong */
export function readMigrations(folder: URL): readonly Migration[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .toSorted();
  return names.map((name, index) => {
    const migration = parseMigration(name, readFileSync(new URL(name, folder), 'utf8'));
    if (migration.version !== index + 1) throw new Error(`migration ${name} has number ${migration.version}, expected ${index + 1}: numbers are dense`);
    return migration;
  });
}

function parseMigration(file: string, text: string): Migration {
  const match = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file);
  const parts = /^-- up\n([\s\S]*)^-- down\n([\s\S]*)$/m.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) throw new Error(`migration file ${file} is not named NNNN_verb_noun.sql`);
  if (parts?.[1] === undefined || parts[2] === undefined) throw new Error(`migration ${file} lacks its "-- up" or "-- down" line`);
  const version = Number(match[1]);
  const down = `${parts[2]}${DOWN_AMENDED[version] ?? ''}`;
  return { version, name: match[2], up: parts[1], down, checksum: createHash('sha256').update(text).digest('hex') };
}
