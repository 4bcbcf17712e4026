/** The database of a physical backup: the files of the embedded PostgreSQL with the log that makes them whole, as PostgreSQL's own protocol gives them (BASE_BACKUP).
 *  Work goes on meanwhile. Before and after, each table is witnessed: what nobody wrote to in between has to be found in the copy to the last row. */
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fail } from '../kernel/fail.ts';
import { takeBaseBackup, type BaseBackupFacts } from '../store/base-backup.ts';
import { openSnapshot } from '../store/backup-export.ts';
import { listWrittenTables, openWitness, readServerFacts, type WitnessedPart } from '../store/cluster-witness.ts';
import { formatLsn } from '../store/wal-position.ts';
import { listContent } from './create-logical.ts';
import type { CreateOptions, DatabaseRead } from './create.ts';
import { partPath, type Part, type PhysicalManifest } from './manifest.ts';
import { labelOf, writePart, type WrittenPart } from './part.ts';
import type { FileSource } from './store-files.ts';

/** It is made to be quick: one core packs 400 MiB a second, for a tenth more bytes. */
const LEVEL = 1;

/** @throws AppError invalid_body when the database is elsewhere */
export async function readCluster(options: CreateOptions): Promise<DatabaseRead> {
  const { engine, progress } = options;
  const server = await readServerFacts(engine);
  const before = await openWitness(engine);
  try {
    // Beside the base backup, which reads the same pages.
    const witnessing = before.read();
    witnessing.catch(() => undefined); // Told below, unless the backup itself fails first.
    const base = await putBase(options, requireReplication(options));
    const was = await witnessing;
    progress.enter('witness');
    const tables = await witnessAgain(options, was);
    return {
      facts: { ...server, postgresVersion: server.version },
      content: await readContent(options),
      own: {
        format: 2,
        kind: 'physical',
        tables,
        cluster: {
          ...base,
          major: server.major,
          architecture: process.arch,
          blockBytes: server.blockBytes,
          walSegmentBytes: server.walSegmentBytes,
          database: server.database,
        },
      },
    };
  } finally {
    await before.close();
  }
}

/** @throws AppError invalid_body naming the other kind */
export function requireReplication({ replication }: Pick<CreateOptions, 'replication'>): NonNullable<CreateOptions['replication']> {
  return (
    replication ??
    fail('invalid_body', {
      message:
        'A physical backup copies the files of the embedded PostgreSQL, and this Studio works on a database elsewhere (DATABASE_URL). Make a logical one: it holds every row, and restores onto any PostgreSQL from 15 on.',
      details: { path: 'kind' },
    })
  );
}

type Base = Pick<PhysicalManifest['cluster'], 'systemId' | 'timeline' | 'startLsn' | 'endLsn' | 'base' | 'rawBytes' | 'rawSha256' | 'list' | 'listBytes'>;

async function putBase(options: CreateOptions, connection: NonNullable<CreateOptions['replication']>): Promise<Base> {
  const { id, signal, progress } = options;
  let told = 0;
  const { tar, facts } = await takeBaseBackup({
    connection,
    label: `studio ${id}`,
    wal: 'included',
    signal,
    onProgress(done, total) {
      if (told === 0) progress.enter('cluster', total);
      progress.add(Math.max(0, done - told));
      told = Math.max(told, done);
    },
  });
  const put = async (name: string, source: AsyncIterable<Uint8Array>): Promise<{ part: Part; written: WrittenPart }> => {
    const written = await writePart({ ...options, path: partPath(id, name), label: labelOf(id, name), source, level: LEVEL });
    return { part: { name, ...written.stored }, written };
  };
  try {
    const base = await put('base.tar.zst', tar);
    const found: BaseBackupFacts = await facts;
    const list = await put('base_files.json.zst', Readable.from([found.manifest]));
    return {
      systemId: found.systemId,
      timeline: found.timeline,
      startLsn: formatLsn(found.startLsn),
      endLsn: formatLsn(found.endLsn),
      base: base.part,
      rawBytes: base.written.raw.bytes,
      rawSha256: base.written.raw.sha256,
      list: list.part,
      listBytes: list.written.raw.bytes,
    };
  } finally {
    tar.destroy();
  }
}

/** What was the same before and after is the same in between: the moment of the copy. */
async function witnessAgain({ engine }: CreateOptions, before: readonly WitnessedPart[]): Promise<PhysicalManifest['tables']> {
  // First: a commit that the copy holds and this moment does not see yet still has its lock.
  const written = await listWrittenTables(engine);
  const witness = await openWitness(engine);
  try {
    const tables = new Map<string, PhysicalManifest['tables'][number]>(witness.tables.map((name) => [name, { name, rows: 0, parts: [] }]));
    const was = new Map(before.map((part) => [part.name, part.witness]));
    for (const { table, name, rows, witness: is } of await witness.read()) {
      const one = tables.get(table) ?? { name: table, rows: 0, parts: [] };
      one.parts.push({ name, rows, witness: was.get(name) === is && !written.has(name) && !written.has(table) ? is : null });
      tables.set(table, { ...one, rows: one.rows + rows });
    }
    return [...tables.values()];
  } finally {
    await witness.close();
  }
}

/** What the database knows now, and all else that lies there: bytes are not freed while a backup is made, so whatever the copy knows is among them. */
async function readContent({ engine, workspacePath }: CreateOptions): Promise<readonly FileSource[]> {
  const snapshot = await openSnapshot(engine, 1);
  let known: readonly FileSource[];
  try {
    known = await listContent(snapshot);
  } finally {
    await snapshot.close();
  }
  const seen = new Set(known.map(({ orgId, sha256 }) => `${orgId}/${sha256}`));
  const more: FileSource[] = [];
  for await (const one of lyingContent(join(workspacePath, 'files'))) if (!seen.has(`${one.orgId}/${one.sha256}`)) more.push(one);
  return [...known, ...more];
}

async function* lyingContent(root: string): AsyncGenerator<FileSource> {
  for await (const orgId of namesIn(root, /^[A-Za-z0-9_-]{1,64}$/))
    for await (const prefix of namesIn(join(root, orgId), /^[0-9a-f]{2}$/))
      for await (const sha256 of namesIn(join(root, orgId, prefix), /^[0-9a-f]{64}$/)) {
        const facts = await lstat(join(root, orgId, prefix, sha256)).catch(() => undefined);
        if (facts?.isFile() === true) yield { orgId, sha256, bytes: facts.size };
      }
}

async function* namesIn(folder: string, shape: RegExp): AsyncGenerator<string> {
  const entries = await opendir(folder).catch(() => undefined);
  if (entries !== undefined) for await (const { name } of entries) if (shape.test(name)) yield name;
}
