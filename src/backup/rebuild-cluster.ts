/** The database of a physical backup made again: its files unpacked, its log replayed, and every table that nobody wrote to while it was made compared to the
 *  last row, before anything in it is changed. Never touches what runs. */
import { fail } from '../kernel/fail.ts';
import { openSnapshot } from '../store/backup-export.ts';
import { settleLoaded } from '../store/backup-load.ts';
import { openWitness } from '../store/cluster-witness.ts';
import { migrate } from '../store/migrate.ts';
import type { RoleConnections } from '../store/provision.ts';
import type { CheckOptions } from './check.ts';
import type { PhysicalManifest } from './manifest.ts';
import { requireKnownSchema, type RebuiltCounts } from './rebuild.ts';
import type { RebuiltServer } from './rebuild-server.ts';
import { startScratchServer, type ScratchOptions } from './scratch-server.ts';
import { requireSameServer, unpackCluster } from './unpack-cluster.ts';

type Options = CheckOptions & { readonly manifest: PhysicalManifest };

/** @returns a running server on a copy of the files below `folder`. The caller stops it.  @throws AppError backup_unusable */
export async function rebuildCluster(options: Options & Pick<ScratchOptions, 'folder' | 'keep'>): Promise<RebuiltServer> {
  const { manifest, folder, keep, signal } = options;
  requireKnownSchema(manifest);
  requireSameServer(manifest);
  await unpackCluster(options);
  options.progress.enter('replay');
  const server = await startScratchServer({ folder, signal, copyOf: manifest.cluster.database, ...(keep === undefined ? {} : { keep }) });
  try {
    const counts = await compare(options, server.roles);
    // One that is thrown away is the proof.
    if (keep === undefined) await readAll(options, server.roles);
    await settleLoaded(server.roles.engine);
    await migrate({ owner: server.roles.owner });
    return { server, counts };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function compare({ manifest, progress, signal }: Options, roles: RoleConnections): Promise<Pick<RebuiltCounts, 'tables' | 'rows'>> {
  progress.enter('compare');
  const witness = await openWitness(roles.engine);
  try {
    const found = await witness.read();
    signal.throwIfAborted();
    const missing = manifest.tables.filter(({ name }) => !witness.tables.includes(name));
    if (missing.length > 0)
      fail(
        'backup_unusable',
        `Backup ${manifest.id} lacks the tables ${missing.map(({ name }) => name).join(', ')} after the restore. Use another backup, and report this one.`,
      );
    const there = new Map(found.map((part) => [part.name, part]));
    for (const { name, rows, witness: was } of manifest.tables.flatMap(({ parts }) => parts)) {
      const is = there.get(name);
      if (was === null || is?.witness === was) continue;
      fail(
        'backup_unusable',
        `The table ${name} has ${is?.rows ?? 0} rows after the restore and is not the one with ${rows} rows that was backed up. Use another backup, and report this one.`,
      );
    }
    return { tables: witness.tables.length, rows: found.reduce((sum, { rows }) => sum + rows, 0) };
  } finally {
    await witness.close();
  }
}

/** Reads every value of every row, also those that lie apart from their rows: none may be torn. */
async function readAll({ progress, signal }: Pick<CheckOptions, 'progress' | 'signal'>, roles: RoleConnections): Promise<void> {
  const snapshot = await openSnapshot(roles.engine, 1);
  try {
    progress.enter(
      'read',
      snapshot.tables.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    for (const table of snapshot.tables) {
      for await (const chunk of snapshot.readers[0].copy(table).stream as AsyncIterable<Buffer>) {
        signal.throwIfAborted();
        progress.add(chunk.length, table.name);
      }
    }
  } finally {
    await snapshot.close();
  }
}
