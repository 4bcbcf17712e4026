/** A backup made a database and files again, in places that are empty: what a proof throws away and a restore keeps. Never touches what runs.
 *  One thing to know: the copy is compared with the backup before anything in it is changed, byte for byte. */
import { createHash } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '../kernel/fail.ts';
import { openSnapshot } from '../store/backup-export.ts';
import { loadTables, settleLoaded } from '../store/backup-load.ts';
import { migrate } from '../store/migrate.ts';
import { listMigrations } from '../store/migrations.ts';
import type { RoleConnections } from '../store/provision.ts';
import type { CheckOptions } from './check.ts';
import { contentPath, readFileList } from './file-list.ts';
import { rowsOf, type LogicalManifest, type Manifest } from './manifest.ts';
import { openPart, readPart } from './part.ts';

export interface RebuiltCounts {
  readonly tables: number;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
}

/** @throws AppError backup_unusable when this Studio is too old for it */
export function requireKnownSchema(manifest: Manifest): void {
  const { schemaVersion, schemaName, version } = manifest.studio;
  const known = listMigrations();
  if (schemaVersion > known.length)
    fail(
      'backup_unusable',
      `Backup ${manifest.id} was made by Studio ${version} with schema version ${schemaVersion} (${schemaName}); this Studio knows ${known.length}. Install Studio ${version} or a newer one, then try again.`,
    );
  const here = known[schemaVersion - 1];
  if (here?.name !== schemaName)
    fail(
      'backup_unusable',
      `Backup ${manifest.id} has schema version ${schemaVersion} "${schemaName}", which here is "${here?.name ?? ''}": another line of Studio made it.`,
    );
}

/** Loads the database at the backup's own schema version, compares every table, then brings it to the newest version.
 *  @param roles of an empty database */
export async function rebuildDatabase(
  options: CheckOptions & { readonly manifest: LogicalManifest; readonly roles: RoleConnections },
): Promise<Pick<RebuiltCounts, 'tables' | 'rows'>> {
  const { manifest, roles, progress, signal } = options;
  requireKnownSchema(manifest);
  await migrate({ owner: roles.owner, target: manifest.studio.schemaVersion });
  progress.enter(
    'load',
    manifest.tables.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
  );
  const loaded = await loadTables({
    owner: roles.owner,
    periods: manifest.periods,
    sequences: manifest.sequences,
    signal,
    tables: manifest.tables.map((table) => ({ name: table.name, open: async () => openPart({ ...options, part: table.part, maxBytes: table.rawBytes }) })),
    onLoaded: (name) => progress.add(manifest.tables.find((table) => table.name === name)?.rawBytes ?? 0, name),
  });
  await compareTables(options, loaded);
  await settleLoaded(roles.engine);
  await migrate({ owner: roles.owner });
  return { tables: manifest.tables.length, rows: rowsOf(manifest) };
}

async function compareTables(
  options: CheckOptions & { readonly manifest: LogicalManifest; readonly roles: RoleConnections },
  loaded: ReadonlyMap<string, number>,
): Promise<void> {
  const { manifest, progress, signal } = options;
  progress.enter(
    'compare',
    manifest.tables.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
  );
  const snapshot = await openSnapshot(options.roles.engine, 1);
  try {
    const there = new Map(snapshot.tables.map((table) => [table.name, table]));
    const missing = snapshot.tables.filter(({ name }) => manifest.tables.every((table) => table.name !== name));
    if (missing.length > 0)
      fail('backup_unusable', `Backup ${manifest.id} lacks the tables ${missing.map(({ name }) => name).join(', ')}. Use another backup.`);
    for (const table of manifest.tables) {
      const found = there.get(table.name);
      if (found === undefined) throw new Error(`the table ${table.name} is gone after it was loaded`);
      if (loaded.get(table.name) !== table.rows)
        fail(
          'backup_unusable',
          `The table ${table.name} has ${loaded.get(table.name)} rows after the restore, the backup tells ${table.rows}. Use another backup.`,
        );
      const hash = createHash('sha256');
      for await (const chunk of snapshot.readers[0].copy(found).stream as AsyncIterable<Buffer>) {
        signal.throwIfAborted();
        hash.update(chunk);
        progress.add(chunk.length, table.name);
      }
      if (hash.digest('hex') !== table.rawSha256)
        fail(
          'backup_unusable',
          `The table ${table.name} reads differently after the restore than when it was backed up. Use another backup, and report this one.`,
        );
    }
  } finally {
    await snapshot.close();
  }
}

/** Writes every file below `root` as it lay in the workspace, comparing each with its hash. */
export async function rebuildFiles(options: CheckOptions & { readonly root: string }): Promise<Pick<RebuiltCounts, 'files' | 'bytes'>> {
  const { place, manifest, key, signal, progress, root } = options;
  progress.enter('files', manifest.files.bytes);
  let [files, bytes] = [0, 0];
  for await (const file of readFileList({ place, manifest, key, signal })) {
    const name = file.path ?? join('files', file.org ?? '', file.sha256.slice(0, 2), file.sha256);
    const source = readPart({
      place,
      path: contentPath(manifest.workspaceId, file.sha256, key),
      label: file.sha256,
      key,
      stored: file.stored,
      maxBytes: file.bytes,
      signal,
    });
    const hash = await writeFile(join(root, name), source);
    if (hash !== file.sha256) fail('backup_unusable', `The file ${name} of backup ${manifest.id} has other bytes than its hash tells. Use another backup.`);
    files++;
    bytes += file.bytes;
    progress.add(file.bytes);
  }
  // Jobs run as users of their own and have to pass it.
  if (existsSync(join(root, 'jobs'))) await chmod(join(root, 'jobs'), 0o711);
  return { files, bytes };
}

async function writeFile(path: string, source: AsyncIterable<Buffer>): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    const hash = createHash('sha256');
    for await (const chunk of source) {
      hash.update(chunk);
      await file.writeFile(chunk); // In order: memory stays flat.
    }
    await file.sync();
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}
