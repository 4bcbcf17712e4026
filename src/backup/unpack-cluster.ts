/** Puts the files of a physical backup into a directory, each held against PostgreSQL's own list. Trusts no name: what a data directory of Studio does not have is
 *  refused (links, tablespaces, signals that would start a recovery of somebody else's choice) or left out (settings: they are written anew). Never starts a server. */
import { createHash } from 'node:crypto';
import { chownSync, chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { readBase, requireManifest } from '../store/base-contents.ts';
import { ensureServiceAccount } from '../supervise/account.ts';
import { serverFiles, writeServerFiles } from '../supervise/postgres-files.ts';
import { POSTGRES_MAJOR } from '../supervise/postgres-directory.ts';
import type { CheckOptions } from './check.ts';
import type { PhysicalManifest } from './manifest.ts';
import { openPart } from './part.ts';

/** What opens only here: the same PostgreSQL on the same kind of machine. @throws AppError backup_unusable naming the way that is left */
export function requireSameServer({ id, cluster, studio }: PhysicalManifest): void {
  const other =
    cluster.major !== POSTGRES_MAJOR
      ? `of PostgreSQL ${cluster.major}, and this Studio runs PostgreSQL ${POSTGRES_MAJOR}`
      : cluster.architecture !== process.arch
        ? `of a machine with ${cluster.architecture}, and this one has ${process.arch}`
        : undefined;
  if (other !== undefined)
    fail(
      'backup_unusable',
      `Backup ${id} is physical: it holds the files ${other}; they do not open here. Restore it with Studio ${studio.version} where it was made, make a logical backup there (studio backup create), and restore that here: it loads into any PostgreSQL.`,
    );
}

const FOLDERS = [
  ...['base', 'global', 'pg_commit_ts', 'pg_dynshmem', 'pg_logical', 'pg_multixact', 'pg_notify', 'pg_replslot', 'pg_serial', 'pg_snapshots'],
  ...['pg_stat', 'pg_stat_tmp', 'pg_subtrans', 'pg_tblspc', 'pg_twophase', 'pg_wal', 'pg_xact'],
];
const FILES: ReadonlySet<string> = new Set(['PG_VERSION', 'backup_label']);
/** Each of them makes PostgreSQL read from elsewhere, or run what somebody wrote there. */
const REFUSED =
  /^(recovery\.signal|standby\.signal|recovery\.conf|tablespace_map|postmaster\.pid|pg_tblspc\/.+|pg_wal\/(?!([0-9A-F]{24}|[0-9A-F]{8}\.history|archive_status|summaries)(\/|$)).+)$/;

/** Whether a file or folder of a base backup is written. @throws Error when no backup of Studio has such a one */
export function isOfCluster(name: string): boolean {
  if (REFUSED.test(name)) throw new Error(`it holds ${JSON.stringify(name.slice(0, 120))}, which no backup of Studio does`);
  // Whatever else lies in a data directory (an editor's copy, a dump of a crash) is none of PostgreSQL's.
  return name === '' || FILES.has(name) || (FOLDERS.includes(name.split('/')[0] ?? '') && !serverFiles.has(name));
}

/** A list of PostgreSQL's is some 200 bytes a file. */
const MAX_LIST_BYTES = 512 * 1024 ** 2;

/** @param options.folder gets `pg`, which must not be there  @throws AppError backup_unusable naming the first file that is not as it was */
export async function unpackCluster(options: CheckOptions & { readonly manifest: PhysicalManifest; readonly folder: string }): Promise<void> {
  const { manifest, folder, signal, progress } = options;
  const { cluster } = manifest;
  const account = await ensureServiceAccount();
  const dataDir = join(folder, 'pg');
  mkdirSync(dataDir, { mode: 0o700 });
  try {
    const list = await readList(options);
    progress.enter('unpack', cluster.rawBytes);
    const hash = createHash('sha256');
    const tar = openPart({ ...options, part: cluster.base, maxBytes: cluster.rawBytes });
    async function* counted(): AsyncGenerator<Buffer> {
      for await (const chunk of tar as AsyncIterable<Buffer>) {
        hash.update(chunk);
        yield chunk;
      }
    }
    const contents = await readBase(counted(), { folder: dataDir, account, keeps: isOfCluster, signal, onBytes: (bytes) => progress.add(bytes) });
    requireManifest(list, contents);
    if (hash.digest('hex') !== cluster.rawSha256) throw new Error('its bytes are not those that PostgreSQL gave');
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof AppError
      ? error
      : new AppError('backup_unusable', { message: `Backup ${manifest.id} can't be unpacked: ${messageOf(error)}. Use another backup.`, cause: error });
  }
  writeServerFiles(dataDir, account);
  if (account !== undefined) chownSync(dataDir, account.uid, account.gid);
  chmodSync(dataDir, 0o700);
}

async function readList(options: CheckOptions & { readonly manifest: PhysicalManifest }): Promise<Buffer> {
  const { list, listBytes } = options.manifest.cluster;
  const chunks: Buffer[] = [];
  for await (const chunk of openPart({ ...options, part: list, maxBytes: Math.min(listBytes, MAX_LIST_BYTES) }) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
