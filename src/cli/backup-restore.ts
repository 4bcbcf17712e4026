/** `studio backup restore`: looks at everything first, makes the state of the backup beside that of now, swaps by renames, starts PostgreSQL on it once, and
 *  puts the old state back when that fails. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, type BackupKey } from '../backup/crypt.ts';
import { folderPlace } from '../backup/folder-place.ts';
import { readManifest, type Manifest } from '../backup/manifest.ts';
import { openPlace } from '../backup/open-place.ts';
import type { Place } from '../backup/place.ts';
import { createProgress } from '../kernel/progress.ts';
import { preflight, restoreBackup, undoRestore, type RestoreTarget } from '../backup/restore.ts';
import { importBackup } from '../backup/single-file.ts';
import { listIds } from '../backup/store-files.ts';
import { completeConfig, type LoadedConfig } from '../config/load.ts';
import type { CompleteConfig } from '../config/schema.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { newMarker, writeMarker } from '../shadow/state.ts';
import { migrationStatus } from '../store/migrate.ts';
import { provisionManaged } from '../store/provision.ts';
import { ensureServiceAccount } from '../supervise/account.ts';
import { findHolder, lockWorkspace } from '../supervise/lock.ts';
import { placesOf, probeStorage } from '../supervise/storage.ts';
import { finishSwap } from '../supervise/swap.ts';
import { print, readConfig } from './command.ts';
import { showProgress } from './progress-line.ts';
import { withWorkspace } from './workspace.ts';

export interface BackupValues {
  readonly loaded: LoadedConfig;
  readonly configFile: string | undefined;
  readonly passphrase: string | undefined;
  readonly from: string | undefined;
  readonly json: boolean;
  readonly isDryRun: boolean;
  readonly isVerified: boolean;
  readonly withoutSecrets: boolean;
  readonly isDatabaseOnly: boolean;
  readonly isUndo: boolean;
  readonly kind: Manifest['kind'];
}

/** @param what an id, `latest`, or a file  @returns the exit status */
export async function restore(values: BackupValues, what: string): Promise<number> {
  const { loaded } = values;
  const { workspacePath, port } = loaded.config;
  requireStopped(workspacePath);
  const lock = await lockWorkspace({ workspacePath, port, clock, onLost: () => process.exit(1) });
  const ending = new AbortController();
  const stop = (): void => ending.abort(new Error('stopped; nothing was changed'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let kept: string | undefined;
  try {
    finishSwap(workspacePath);
    if (values.isUndo) {
      const { id, at } = undoRestore(workspacePath);
      const elsewhere = loaded.config.database.kind === 'managed' ? ' The database of DATABASE_URL is as the restore left it: name an empty one.' : '';
      print(`The restore of ${id} (${at}) is undone: the state before it is back.${elsewhere} Start Studio: studio start`);
      return 0;
    }
    kept = await restoreUnderLock(values, what, ending.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    lock.release();
  }
  if (kept !== undefined) await provePlaced(workspacePath, values, kept);
  return 0;
}

function requireStopped(workspacePath: string): void {
  const holder = findHolder(workspacePath);
  if (holder === undefined) return;
  const where = holder.isVisible ? `pid ${holder.pid}, port ${holder.port}` : `on ${holder.host}`;
  throw new Error(`Studio runs on ${workspacePath} (${where}). Stop it first: systemctl stop studio, or kill -TERM ${holder.pid}; then restore again.`);
}

/** @returns where the state before is kept; undefined: it was only looked at */
async function restoreUnderLock(values: BackupValues, what: string, signal: AbortSignal): Promise<string | undefined> {
  const config = completeConfig(values.loaded.config);
  const source = await openSource(values, what, signal);
  try {
    const manifest = await readManifest(source.place, source.id);
    const key = await keyFor(manifest, values.passphrase);
    const progress = createProgress(clock, showProgress);
    const options = {
      ...{ place: source.place, manifest, key, config, clock, signal, progress },
      target: await targetOf(values.loaded, config),
      withoutSecrets: values.withoutSecrets,
      isDatabaseOnly: values.isDatabaseOnly,
    };
    for (const { name, ok, about } of await preflight(options)) print(`${ok ? 'ok     ' : 'warning'}  ${name}: ${about}`);
    if (values.isDryRun) {
      print(`Backup ${manifest.id} of ${manifest.createdAt} can be restored. Nothing was changed.`);
      return undefined;
    }
    const { keptIn, tables, rows, files } = await restoreBackup(options);
    print(`Restored ${manifest.id}: ${tables} tables with ${rows} rows, ${files} files. What was there before is kept in ${keptIn}.`);
    return keptIn;
  } finally {
    showProgress(null);
    source.close();
  }
}

interface Source {
  readonly place: Place;
  readonly id: string;
  close(): void;
}

async function openSource({ loaded, from }: BackupValues, what: string, signal: AbortSignal): Promise<Source> {
  if (/^bak_[0-9a-z]+$/.test(what)) return { place: openPlace(loaded.config, from), id: what, close: () => undefined };
  if (what === 'latest') {
    const place = openPlace(loaded.config, from);
    for (const id of await listIds(place)) {
      // Serial: the newest that is whole.
      if ((await readManifest(place, id).catch(() => undefined)) !== undefined) return { place, id, close: () => undefined };
    }
    throw new Error(`There is no backup at ${place.label}. Name its place with --from.`);
  }
  if (!existsSync(what)) throw new Error(`"${what}" is neither an id of a backup nor a file. \`studio backup list\` shows what there is.`);
  // Beside the workspace's state, which has the room for it.
  const folder = mkdtempSync(join(loaded.config.workspacePath, '.restore-file-'));
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    return { place: folderPlace(folder), id: await importBackup({ file: what, folder, signal }), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function keyFor({ id, encryption }: Manifest, passphrase: string | undefined): Promise<BackupKey | undefined> {
  if (encryption === null) return undefined;
  if (passphrase === undefined) throw new Error(`Backup ${id} is sealed: give its passphrase with --passphrase-file FILE, or in BACKUP_PASSPHRASE.`);
  return keyOf(passphrase, encryption);
}

async function targetOf(loaded: LoadedConfig, config: CompleteConfig): Promise<RestoreTarget> {
  const { database } = loaded.config;
  if (database.kind === 'managed') return { kind: 'managed', roles: await provisionManaged({ url: database.url, createRoles: config.createTables }) };
  const places = placesOf(loaded.config);
  const { dataDir, plan } = await probeStorage({ ...places, account: await ensureServiceAccount(), clock });
  const others = [join(config.workspacePath, 'pg'), join(places.localPath, 'pg')].filter((path) => path !== dataDir);
  // The shadow of before is set aside: without a mark the next start would take the directory for somebody else's.
  const mark = plan === 'shadow' ? (made: string): Promise<void> => writeMarker(made, newMarker(null)) : undefined;
  return { kind: 'embedded', database, dataDir, otherDataDirs: others, mark };
}

/** Starts PostgreSQL where it now is. A failure here brings the state before back. */
async function provePlaced(workspacePath: string, { configFile }: BackupValues, keptIn: string): Promise<void> {
  try {
    // Read again: the keys may have come from the backup.
    const { version, newest } = await withWorkspace(await readConfig(configFile), ({ connections }) => migrationStatus({ owner: connections.owner }));
    if (version !== newest) throw new Error(`it has schema version ${version}, and ${newest} was restored.`);
    print(
      `PostgreSQL starts on it (schema version ${version}). Start Studio: studio start\nTo take it back: studio backup restore --undo. When all is well, remove ${keptIn}.`,
    );
  } catch (error) {
    undoRestore(workspacePath);
    throw new Error(`PostgreSQL did not start on what was restored: ${messageOf(error)} The state before is back.`, { cause: error });
  }
}
