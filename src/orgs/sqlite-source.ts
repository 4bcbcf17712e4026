/** An SQLite file of an earlier studio, read and never written. The file is a stranger's: its pages are checked first, only plain tables are read, names are
 *  quoted, no extension is loaded, and a row has a limit. */
import { openSync, readSync, closeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fail, messageOf } from '../kernel/fail.ts';

export type SqliteValue = string | number | bigint | null | Uint8Array;
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

export interface SqliteSource {
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  rows(table: string): IterableIterator<SqliteRow>;
  close(): void;
}

const MAGIC = 'SQLite format 3\0';
const MAX_TABLES = 500;
const MAX_ROWS = 1_000_000;

/** @throws AppError invalid_body when it is no SQLite file, or a damaged one */
export function openSqlite(path: string): SqliteSource {
  if (readHead(path) !== MAGIC) fail('invalid_body', `${path} is no SQLite database: it does not begin as one.`);
  let db: DatabaseSync | undefined;
  try {
    const opened = new DatabaseSync(path, { readOnly: true, allowExtension: false, readBigInts: true });
    db = opened;
    const check = opened.prepare('pragma quick_check(1)').get() as Record<string, unknown> | undefined;
    if (Object.values(check ?? {})[0] !== 'ok') throw new Error(`it is damaged: ${String(Object.values(check ?? {})[0]).slice(0, 200)}`);
    const names = (
      opened
        .prepare(`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' and sql not like 'create virtual%' order by name`)
        .all() as { name: string }[]
    ).map(({ name }) => name);
    if (names.length > MAX_TABLES) throw new Error(`it has ${names.length} tables, more than ${MAX_TABLES}`);
    const tables = names.map((name) => ({ name, rows: countRows(opened, name) }));
    return {
      tables,
      rows: (table) => opened.prepare(`select * from ${quoted(table)}`).iterate() as IterableIterator<SqliteRow>,
      close: () => opened.close(),
    };
  } catch (error) {
    db?.close();
    return fail('invalid_body', {
      message: `${path} can't be read: ${messageOf(error)}. Copy it again from a studio that was stopped, with its -wal file.`,
      cause: error,
    });
  }
}

function countRows(db: DatabaseSync, name: string): number {
  const row = db.prepare(`select count(*) as n from ${quoted(name)}`).get() as { n: bigint } | undefined;
  const rows = Number(row?.n ?? 0);
  if (rows > MAX_ROWS) throw new Error(`its table ${name.slice(0, 60)} has ${rows} rows, more than ${MAX_ROWS}`);
  return rows;
}

function readHead(path: string): string {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(MAGIC.length);
    readSync(file, head, 0, head.length, 0);
    return head.toString('latin1');
  } finally {
    closeSync(file);
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
