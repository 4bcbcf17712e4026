/** Puts a backup in the place of a workspace's state. Everything is made and compared beside it first; the change itself is a few renames, and what was there is
 *  kept. Studio does not run meanwhile (the caller holds the workspace's lock). */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CompleteConfig, EmbeddedDatabase } from '../config/schema.ts';
import { readEnvText } from '../config/env-file.ts';
import { createCipher } from '../identity/cipher.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { isEmptyDatabase } from '../store/backup-load.ts';
import { migrate } from '../store/migrate.ts';
import type { RoleConnections } from '../store/provision.ts';
import { swap, undoSwap, type Move } from '../supervise/swap.ts';
import { checkBackup, type CheckOptions } from './check.ts';
import { opensCanary } from './create.ts';
import { readKeys, type BackupKeys } from './keys.ts';
import { databaseBytesOf, requireSealedBy, type LogicalManifest, type Manifest } from './manifest.ts';
import { readText } from './proof.ts';
import { rebuildDatabase, rebuildFiles, requireKnownSchema } from './rebuild.ts';
import { rebuildServer } from './rebuild-server.ts';
import { requireSameServer } from './unpack-cluster.ts';

export interface RestoreOptions extends CheckOptions {
  readonly config: CompleteConfig;
  readonly target: RestoreTarget;
  /** Goes on although stored secrets will not open. */
  readonly withoutSecrets: boolean;
  /** Files, logs of jobs and settings stay as they are: for a state of moments ago. */
  readonly isDatabaseOnly?: boolean;
  readonly clock: Clock;
}

/** The embedded database is made anew beside its directory; one elsewhere is loaded into where it is, and has to be empty. */
export type RestoreTarget = EmbeddedTarget | { readonly kind: 'managed'; readonly roles: RoleConnections };

interface EmbeddedTarget {
  readonly kind: 'embedded';
  readonly database: EmbeddedDatabase;
  readonly dataDir: string;
  /** Every other place where a directory may lie. */
  readonly otherDataDirs: readonly string[];
  /** Tells the new directory's next start that it is the one to use, where there is a choice of copies. */
  readonly mark?: ((dataDir: string) => Promise<void>) | undefined;
}

/** One look before anything is done. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly about: string;
}

/** PostgreSQL's log and what it needs to breathe. */
const SPARE_BYTES = 512 * 1024 ** 2;

/** @throws AppError at the first thing that stands in the way, naming what to do; nothing is changed by it  @returns what was looked at */
export async function preflight(options: RestoreOptions): Promise<readonly Finding[]> {
  const { place, manifest, key, config } = options;
  if (key !== undefined) await requireSealedBy(place, manifest, key);
  requireKnownSchema(manifest);
  if (options.target.kind === 'managed') requireLogical(manifest);
  else if (manifest.kind === 'physical') requireSameServer(manifest);
  const findings: Finding[] = [
    {
      name: 'version',
      ok: true,
      about: `${manifest.kind}, made by Studio ${manifest.studio.version}, schema ${manifest.studio.schemaVersion}, PostgreSQL ${manifest.postgres.version}`,
    },
    ...lookAtTrust(manifest),
  ];
  if (options.target.kind === 'managed' && !(await isEmptyDatabase(options.target.roles.owner)))
    fail(
      'conflict',
      'The database of DATABASE_URL holds tables, and a restore replaces nothing there. Make an empty database (create database …), name it in DATABASE_URL, and try again.',
    );
  findings.push(requireWritable(config.workspacePath), await requireSpace(options), await lookAtSecrets(options));
  await checkBackup(options);
  return [...findings, { name: 'bytes', ok: true, about: 'every byte is what was written' }];
}

/** @throws AppError conflict: files of PostgreSQL can't be put into a server that somebody else runs */
function requireLogical(manifest: Manifest): LogicalManifest {
  if (manifest.kind === 'logical') return manifest;
  fail(
    'conflict',
    `Backup ${manifest.id} is physical: it holds the files of the embedded PostgreSQL ${manifest.cluster.major}, and DATABASE_URL names a database elsewhere. Restore a logical backup there; or leave DATABASE_URL out, restore this one, and make a logical one of that (studio backup create).`,
  );
}

/** Files of PostgreSQL are as good as a program: what is written in them runs when they are opened. */
function lookAtTrust(manifest: Manifest): Finding[] {
  if (manifest.kind === 'logical' || manifest.encryption !== null) return [];
  return [{ name: 'trust', ok: false, about: 'a physical backup without a passphrase: whoever could write where it lay could have put a program into it' }];
}

function requireWritable(workspacePath: string): Finding {
  const probe = join(workspacePath, `.restore-probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmSync(probe, { recursive: true });
  } catch (cause) {
    fail('conflict', {
      message: `The workspace ${workspacePath} can't be written (${cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'}). Give this user the right to, or set WORKSPACE_PATH to another folder.`,
      cause,
    });
  }
  return { name: 'workspace', ok: true, about: `${workspacePath} can be written` };
}

async function requireSpace({ manifest, config, target }: RestoreOptions): Promise<Finding> {
  // A managed server's disk is its own.
  const isHere = target.kind === 'embedded';
  const dataDir = isHere ? target.dataDir : config.workspacePath;
  const databaseBytes = isHere ? Math.max(manifest.postgres.databaseBytes * 1.5, databaseBytesOf(manifest)) + SPARE_BYTES : 0;
  const free = async (path: string): Promise<{ bytes: number; device: number }> => {
    let folder = path;
    while (!existsSync(folder)) folder = dirname(folder);
    const facts = await statfs(folder);
    return { bytes: facts.bavail * facts.bsize, device: facts.type * facts.blocks };
  };
  const [data, files] = [await free(dirname(dataDir)), await free(config.workspacePath)];
  const needs =
    data.device === files.device
      ? [[config.workspacePath, databaseBytes + manifest.files.bytes, files.bytes] as const]
      : ([
          [dirname(dataDir), databaseBytes, data.bytes],
          [config.workspacePath, manifest.files.bytes, files.bytes],
        ] as const);
  for (const [path, needed, there] of needs) {
    if (needed > there)
      fail(
        'disk_full',
        `The restore needs ${gib(needed)} at ${path}, where ${gib(there)} are free: the state of now is kept beside it. Free ${gib(needed - there)} there, or restore into another workspace.`,
      );
  }
  return { name: 'space', ok: true, about: `needs ${gib(databaseBytes + manifest.files.bytes)}, ${gib(files.bytes)} are free` };
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}

async function lookAtSecrets(options: RestoreOptions): Promise<Finding> {
  const { manifest, config } = options;
  const keys = manifest.keys === null ? undefined : readKeys(await readText(options, manifest.keys));
  const inForce = process.env['CREDENTIAL_ENCRYPTION_KEY'];
  if (keys !== undefined && inForce !== undefined && inForce !== keys.credentialEncryptionKey && !options.withoutSecrets)
    fail(
      'conflict',
      'The environment sets CREDENTIAL_ENCRYPTION_KEY to another key than the backup was made with, and it wins over the restored one. Unset it there, or go on with --without-secrets.',
    );
  const cipher = createCipher(keys?.credentialEncryptionKey ?? config.credentialEncryptionKey);
  if (opensCanary(cipher, manifest))
    return { name: 'secrets', ok: true, about: keys === undefined ? 'the key of this workspace opens them' : 'the key in the backup opens them' };
  if (!options.withoutSecrets)
    fail(
      'conflict',
      `The stored secrets of backup ${manifest.id} do not open with this workspace's CREDENTIAL_ENCRYPTION_KEY, and the backup carries no key. Put the .env of the old workspace into ${config.workspacePath} and try again, or go on with --without-secrets and set each secret anew.`,
    );
  return { name: 'secrets', ok: false, about: 'they will not open: set each of them again' };
}

export interface Restored {
  /** Where the state before is kept. */
  readonly keptIn: string;
  readonly tables: number;
  readonly rows: number;
  readonly files: number;
}

/** Makes the state of the backup, then swaps. Call `preflight` first. A failure before the swap leaves everything as it was. */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { manifest, config, target, signal } = options;
  const stamp = new Date(options.clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  // Each beside what it comes in the place of: a rename does not leave its file system.
  const staging = join(config.workspacePath, `.restore-${stamp}`);
  const dataStaging = target.kind === 'embedded' ? join(dirname(target.dataDir), `.restore-pg-${stamp}`) : staging;
  let isMade = false;
  try {
    for (const folder of [staging, dataStaging]) {
      mkdirSync(folder, { recursive: true });
      // The server runs as another account, which has to pass.
      chmodSync(folder, 0o711);
    }
    const files = await rebuildFiles({ ...options, root: staging });
    const keys = manifest.keys === null ? undefined : readKeys(await readText(options, manifest.keys));
    if (keys !== undefined) writeFileSync(join(staging, '.env'), mergedEnv(readEnvText(config.workspacePath), keys), { mode: 0o600 });
    const counts = target.kind === 'embedded' ? await makeDirectory(options, target, dataStaging) : await fillManaged(options, target.roles);
    signal.throwIfAborted();
    isMade = true;
    swap(config.workspacePath, { id: manifest.id, at: new Date(options.clock.now()).toISOString(), moves: movesOf(options, { stamp, staging, dataStaging }) });
    for (const folder of [staging, dataStaging]) rmSync(folder, { recursive: true, force: true });
    return { keptIn: join(config.workspacePath, `before-restore-${stamp}`), ...counts, files: files.files };
  } catch (error) {
    // Once it is made, a swap that was cut off is gone on with: it needs what lies there.
    if (!isMade) for (const folder of [staging, dataStaging]) rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

type Counts = Awaited<ReturnType<typeof rebuildDatabase>>;

async function makeDirectory(options: RestoreOptions, target: EmbeddedTarget, folder: string): Promise<Counts> {
  const { database, mark } = target;
  const { server, counts } = await rebuildServer({ ...options, folder, keep: { password: options.config.postgresPassword, database: database.name } });
  await server.stop();
  await mark?.(server.dataDir);
  return counts;
}

/** What was begun in a database elsewhere is taken back when it fails: it was empty before. */
async function fillManaged(options: RestoreOptions, roles: RoleConnections): Promise<Counts> {
  const manifest = requireLogical(options.manifest);
  try {
    return await rebuildDatabase({ ...options, manifest, roles });
  } catch (error) {
    await migrate({ owner: roles.owner, target: 0 }).catch(() => undefined);
    throw error;
  }
}

function movesOf(
  options: RestoreOptions,
  { stamp, staging, dataStaging }: { readonly stamp: string; readonly staging: string; readonly dataStaging: string },
): Move[] {
  const { workspacePath } = options.config;
  const asideOf = (path: string, name: string): string => join(dirname(path), `before-restore-${stamp}`, name);
  const inWorkspace = (name: string): Move => {
    const fresh = join(staging, name);
    return { path: join(workspacePath, name), aside: asideOf(join(workspacePath, name), name), fresh: existsSync(fresh) ? fresh : null };
  };
  const hasFresh = (name: string): boolean => existsSync(join(staging, name));
  const { target } = options;
  const embedded =
    target.kind === 'managed'
      ? []
      : [
          { path: target.dataDir, aside: asideOf(target.dataDir, 'pg'), fresh: join(dataStaging, 'pg') },
          ...target.otherDataDirs.filter((path) => existsSync(path)).map((path, index) => ({ path, aside: asideOf(path, `pg-other-${index}`), fresh: null })),
        ];
  return [
    ...embedded,
    // Also when there is none: the start after the restore makes one, and the undo has to take it away.
    ...(target.kind === 'managed' ? [] : [inWorkspace('pg-shadow')]),
    ...(options.isDatabaseOnly ? [] : [inWorkspace('files'), inWorkspace('jobs')]),
    ...['services', '.env'].filter((name) => !options.isDatabaseOnly && hasFresh(name)).map(inWorkspace),
  ];
}

/** Names whose values come from the backup; what else its file sets is added where nothing is set. */
function mergedEnv(present: string, keys: BackupKeys): string {
  const own: Readonly<Record<string, string>> = {
    CREDENTIAL_ENCRYPTION_KEY: keys.credentialEncryptionKey,
    JWT_SECRET_KEY: keys.jwtSecretKey,
    WORKER_SHARED_SECRET: keys.workerSharedSecret,
    STUDIO_WORKSPACE_ID: keys.workspaceId,
  };
  const nameOf = (line: string): string | undefined => /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/.exec(line)?.[1];
  const kept = present.split('\n').filter((line) => !((nameOf(line) ?? '') in own));
  const named = new Set(kept.map(nameOf));
  const added = keys.envFile.split('\n').filter((line) => {
    const name = nameOf(line);
    return name !== undefined && !(name in own) && !named.has(name);
  });
  const text = kept.join('\n').trimEnd();
  return [...(text === '' ? [] : [text]), ...added, '# From the backup.', ...Object.entries(own).map(([name, value]) => `${name}=${value}`), ''].join('\n');
}

/** Puts back the state before the last restore. @throws AppError not_found when there is none */
export function undoRestore(workspacePath: string): { readonly id: string; readonly at: string } {
  const undone = undoSwap(workspacePath) ?? fail('not_found', `No restore of ${workspacePath} is there to be undone.`);
  return { id: undone.id, at: undone.at };
}
