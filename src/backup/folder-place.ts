/** Backups in a folder. A file is written beside, synced, then renamed: a kill leaves no half of one under its name. Follows no links. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, rmdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../files/content-disk.ts';
import { AppError, fail } from '../kernel/fail.ts';
import { requireOwnPath, type Place, type StoredEntry } from './place.ts';

const TEMP = '.new-';

export function folderPlace(root: string): Place {
  const at = (path: string): string => join(root, requireOwnPath(path));
  return {
    label: root,
    isLocal: true,
    host: undefined,
    async write(path, source, signal) {
      const target = at(path);
      const fresh = join(dirname(target), `${TEMP}${randomBytes(8).toString('hex')}`);
      try {
        await mkdir(dirname(target), { recursive: true, mode: 0o700 });
        const bytes = await writeSynced(fresh, source, signal);
        await rename(fresh, target);
        await syncFolder(dirname(target));
        return bytes;
      } catch (error) {
        await rm(fresh, { force: true }).catch(() => undefined);
        throw asPlaceFault(error, root);
      }
    },
    async read(path) {
      try {
        const file = await open(at(path), constants.O_RDONLY | constants.O_NOFOLLOW);
        return file.createReadStream({ highWaterMark: 256 * 1024 });
      } catch (error) {
        if (codeOf(error) === 'ELOOP') fail('backup_unusable', `${path} in ${root} is a link; a backup has none. Somebody changed it: use another backup.`);
        if (codeOf(error) !== 'ENOENT') throw asPlaceFault(error, root);
        throw new AppError('backup_unusable', { message: `${path} is missing in ${root}. Use another backup.`, cause: error });
      }
    },
    async size(path) {
      const facts = await lstat(at(path)).catch(() => undefined);
      return facts?.isFile() === true ? facts.size : undefined;
    },
    list: (folder) => walk(root, folder.replace(/\/$/, '')),
    async remove(paths) {
      for (const path of paths) await rm(at(path), { force: true }); // Serial: a deletion is cheap, and there may be many.
      for (const folder of new Set(paths.map((path) => dirname(at(path))))) await rmdir(folder).catch(() => undefined); // Only one that is empty goes.
    },
    async tidy() {
      const entries = await readdir(root, { withFileTypes: true, recursive: true }).catch(() => []);
      for (const entry of entries) if (entry.isFile() && entry.name.startsWith(TEMP)) await rm(join(entry.parentPath, entry.name), { force: true }); // Serial: few.
    },
    async freeBytes() {
      const facts = await statfs(root).catch(() => undefined);
      return facts === undefined ? undefined : facts.bavail * facts.bsize;
    },
  };
}

async function writeSynced(path: string, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    let bytes = 0;
    for await (const chunk of source) {
      signal.throwIfAborted();
      await file.writeFile(chunk); // In order: the next is read when this one is written, so that memory stays flat.
      bytes += chunk.length;
    }
    await file.sync();
    return bytes;
  } finally {
    await file.close();
  }
}

async function* walk(root: string, folder: string): AsyncGenerator<StoredEntry> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile() && !entry.name.startsWith(TEMP)) yield { path, bytes: (await lstat(join(root, path))).size };
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function asPlaceFault(error: unknown, root: string): unknown {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('disk_full', {
      message: `${root} has no space left (${code}). Free some there, or name another place in BACKUP_TARGET.`,
      cause: error,
    });
  }
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(code)) {
    return new AppError('conflict', {
      message: `Backups can't be written to ${root} (${code}). Give Studio's user the right to write there, or name another place in BACKUP_TARGET.`,
      cause: error,
    });
  }
  return error;
}
