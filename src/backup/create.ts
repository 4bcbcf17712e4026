/** Makes a backup: the database of one moment, then the files that this moment knows, then the manifest. Work goes on meanwhile.
 *  Never two at once (the caller holds the lock), and none that was not finished can be taken for one: the manifest comes last. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClientConfig } from 'pg';
import type { Cipher } from '../identity/cipher.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { openSnapshot, type ContentKey, type ExportTable, type Snapshot, type SnapshotReader } from '../store/backup-export.ts';
import type { BackupKey } from './crypt.ts';
import { manifestPath, partPath, sealManifest, type Manifest, type ManifestTable, type Part } from './manifest.ts';
import { labelOf, writePart } from './part.ts';
import type { Place } from './place.ts';
import type { Progress } from './progress.ts';
import { storeFiles, type FileSource } from './store-files.ts';

export interface CreateOptions {
  readonly id: string;
  readonly place: Place;
  readonly key: BackupKey | undefined;
  /** Connection of studio_engine. */
  readonly engine: ClientConfig;
  readonly workspacePath: string;
  readonly workspaceId: string;
  readonly studioVersion: string;
  /** Of the workspace: seals the canary. */
  readonly cipher: Cipher;
  /** Settings in clear without secrets, and what only a passphrase may carry. */
  readonly config: { readonly settings: string; readonly keys: string };
  readonly createdBy: string;
  readonly reason: Manifest['reason'];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Two connections read at once: one core compresses while the other reads. */
const READERS = 2;
const PAGE = 5_000;

/** What never is in a backup. */
const LEFT_OUT = [
  { what: 'models', why: 'files of models are large and can be downloaded again' },
  { what: 'uploads', why: 'uploads that have not ended begin anew' },
  { what: 'jobs', why: 'folders that jobs work in; their logs and what they left as artifacts are in it' },
] as const;

export async function createBackup(options: CreateOptions): Promise<Manifest> {
  const { id, place, key, clock, progress } = options;
  const createdAt = new Date(clock.now()).toISOString();
  progress.enter('database');
  const snapshot = await openSnapshot(options.engine, READERS);
  const read = await readAndClose(options, snapshot);
  progress.enter(
    'files',
    read.content.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const stored = await storeFiles({ ...options, content: read.content });
  progress.enter('finish');
  const config = await putText(options, 'config.json', options.config.settings);
  const keys = key === undefined ? null : await putText(options, 'keys.json', options.config.keys);
  const manifest: Manifest = {
    format: 1,
    id,
    kind: 'logical',
    createdAt,
    endedAt: new Date(clock.now()).toISOString(),
    createdBy: options.createdBy,
    reason: options.reason,
    workspaceId: options.workspaceId,
    studio: { version: options.studioVersion, schemaVersion: snapshot.facts.schemaVersion, schemaName: snapshot.facts.schemaName },
    postgres: { version: snapshot.facts.postgresVersion, databaseBytes: snapshot.facts.databaseBytes },
    encryption: key?.facts ?? null,
    canary: canaryOf(options.cipher, id),
    leftOut: [
      ...LEFT_OUT,
      ...(key === undefined ? [{ what: 'keys', why: 'no passphrase was given: stored secrets open only where the key of this workspace (.env) is' }] : []),
      ...stored.lost.slice(0, 20).map((what) => ({ what: what.slice(0, 100), why: 'its bytes are gone or damaged in the workspace' })),
    ],
    tables: [...read.tables],
    periods: [...snapshot.periods],
    sequences: [...snapshot.sequences],
    files: stored.files,
    config,
    keys,
  };
  await place.write(manifestPath(id), Readable.from([sealManifest(manifest, key)]), options.signal);
  return manifest;
}

async function readAndClose(options: CreateOptions, snapshot: Snapshot): ReturnType<typeof readDatabase> {
  try {
    return await readDatabase(options, snapshot);
  } finally {
    await snapshot.close();
  }
}

async function readDatabase(
  options: CreateOptions,
  snapshot: Snapshot,
): Promise<{ readonly tables: readonly ManifestTable[]; readonly content: readonly FileSource[] }> {
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
  const content: FileSource[] = [];
  let after: ContentKey | undefined;
  do {
    const page = await snapshot.readers[0].listContent(after, PAGE);
    content.push(...page);
    after = page.length < PAGE ? undefined : page.at(-1);
  } while (after !== undefined);
  return { tables: tables.toSorted((a, b) => (a.name < b.name ? -1 : 1)), content };
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

async function putText(options: CreateOptions, name: string, text: string): Promise<Part> {
  const stored = `${name}.zst`;
  const written = await writePart({
    ...options,
    path: partPath(options.id, stored),
    label: labelOf(options.id, stored),
    source: Readable.from([Buffer.from(text)]),
  });
  return { name: stored, ...written.stored };
}

function canaryOf(cipher: Cipher, id: string): Manifest['canary'] {
  const value = randomBytes(32);
  return { keyId: cipher.keyId, sealed: cipher.seal(value, ['backup', id]).toString('base64'), sha256: createHash('sha256').update(value).digest('hex') };
}

/** Whether this key opens what the backup's secrets were sealed with. */
export function opensCanary(cipher: Cipher, manifest: Manifest): boolean {
  try {
    const value = cipher.open(Buffer.from(manifest.canary.sealed, 'base64'), ['backup', manifest.id]);
    return createHash('sha256').update(value).digest('hex') === manifest.canary.sha256;
  } catch {
    return false;
  }
}
