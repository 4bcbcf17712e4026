/** The database of a logical backup: every table of one moment as text, a part each. Reads through several connections at the same snapshot. Never writes a row. */
import { messageOf } from '../kernel/fail.ts';
import { openSnapshot, type ContentKey, type ExportTable, type Snapshot, type SnapshotReader } from '../store/backup-export.ts';
import type { CreateOptions, DatabaseRead } from './create.ts';
import { partPath, type ManifestTable } from './manifest.ts';
import { labelOf, writePart } from './part.ts';
import type { FileSource } from './store-files.ts';

/** Two connections read at once: one core compresses while the other reads. */
const READERS = 2;
const PAGE = 5_000;

export async function readTables(options: CreateOptions): Promise<DatabaseRead> {
  const snapshot = await openSnapshot(options.engine, READERS);
  try {
    const tables = await putTables(options, snapshot);
    return {
      facts: snapshot.facts,
      content: await listContent(snapshot),
      own: { format: 1, kind: 'logical', tables: [...tables], periods: [...snapshot.periods], sequences: [...snapshot.sequences] },
    };
  } finally {
    await snapshot.close();
  }
}

/** The bytes that files and artifacts of this moment point at. */
export async function listContent(snapshot: Snapshot): Promise<readonly FileSource[]> {
  const content: FileSource[] = [];
  let after: ContentKey | undefined;
  do {
    const page = await snapshot.readers[0].listContent(after, PAGE); // Serial: pages.
    content.push(...page);
    after = page.length < PAGE ? undefined : page.at(-1);
  } while (after !== undefined);
  return content;
}

async function putTables(options: CreateOptions, snapshot: Snapshot): Promise<readonly ManifestTable[]> {
  const { progress } = options;
  progress.enter(
    'database',
    snapshot.tables.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  // Largest first, each reader takes the next: so that no large one is left for the end.
  const waiting = [...snapshot.tables];
  const tables: ManifestTable[] = [];
  const work = async (reader: SnapshotReader): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) tables.push(await putTable(options, reader, next));
  };
  const results = await Promise.allSettled(
    snapshot.readers.map((reader) =>
      work(reader).catch((error: unknown) => {
        waiting.length = 0;
        throw error;
      }),
    ),
  );
  const failed = results.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return tables.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function putTable(options: CreateOptions, reader: SnapshotReader, table: ExportTable): Promise<ManifestTable> {
  const { progress } = options;
  const name = `${table.name}.copy.zst`;
  const copied = reader.copy(table);
  // A table's text and its pages differ in size: what it counts for in the progress is its pages.
  let counted = 0;
  try {
    const written = await writePart({
      ...options,
      path: partPath(options.id, name),
      label: labelOf(options.id, name),
      source: copied.stream as AsyncIterable<Uint8Array>,
      onBytes(bytes) {
        const part = Math.min(bytes, table.bytes - counted);
        counted += part;
        progress.add(part, table.name);
      },
    });
    progress.add(table.bytes - counted, table.name);
    return { name: table.name, rows: copied.rows(), rawBytes: written.raw.bytes, rawSha256: written.raw.sha256, part: { name, ...written.stored } };
  } catch (error) {
    options.signal.throwIfAborted();
    throw new Error(`the table ${table.name} could not be backed up: ${messageOf(error)}`, { cause: error });
  } finally {
    copied.stream.destroy();
  }
}
