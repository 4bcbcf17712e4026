/** Bytes by content on disk: `<root>/<org>/<first two of sha256>/<sha256>`. Names are made here; no name of a caller ever reaches the disk.
 *  Never touches the database. Bytes become visible only whole: temp file → fsync → rename → fsync of the folder; then the caller commits its row. */
import { createHash, randomBytes } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError, fail } from '../kernel/fail.ts';

export interface StoredContent {
  readonly sha256: string;
  readonly bytes: number;
  /** First bytes, to tell text from binary. */
  readonly head: Buffer;
}

/** Bytes in a temp file, hashed and synced, not yet visible. */
export interface StagedContent extends StoredContent {
  readonly temp: string;
}

export interface ContentStore {
  /** Receives a stream into a temp file. Nothing is left behind when it fails.
   *  @throws AppError too_large, disk_full; the source's error; the signal's reason */
  stage(source: AsyncIterable<Uint8Array>, limit: { readonly maxBytes: number; readonly signal?: AbortSignal | undefined }): Promise<StagedContent>;
  /** Takes a finished file of ours as staged bytes: it is moved, not copied. */
  stageFile(path: string, known?: StoredContent): Promise<StagedContent>;
  /** A name for bytes to be staged by the caller. */
  newTemp(): Promise<string>;
  /** Makes staged bytes visible for the org. Safe when they are there already. */
  place(orgId: string, staged: StagedContent): Promise<void>;
  discard(staged: StagedContent): Promise<void>;
  /** A stream of the bytes `start` to `end` (inclusive); undefined when they are not there. */
  read(orgId: string, sha256: string, range?: { readonly start: number; readonly end: number }): Promise<Readable | undefined>;
  readAll(orgId: string, sha256: string): Promise<Buffer | undefined>;
  remove(orgId: string, sha256: string): Promise<void>;
  /** Puts the content at `target` for a job to read: a copy, so that the job can't change what is stored. */
  copyTo(orgId: string, sha256: string, target: string, owner?: { readonly uid: number; readonly gid: number }): Promise<void>;
  /** Gives the content a second name at `target`, for who only reads it; a copy where `target` lies on another volume. */
  linkTo(orgId: string, sha256: string, target: string): Promise<void>;
  /** Removes temp files of a process that died. Call before anything is staged. */
  cleanTemp(): Promise<number>;
  /** Every (org, hash) on disk, folder by folder. */
  walk(): AsyncGenerator<{ readonly orgId: string; readonly hashes: readonly string[] }>;
}

const HEAD_BYTES = 512;
const ORG_ID = /^[A-Za-z0-9_-]{1,64}$/;
const SHA256 = /^[0-9a-f]{64}$/;

export function createContentStore(root: string): ContentStore {
  const tempRoot = join(root, '.temp');
  const newTemp = async (): Promise<string> => {
    await mkdir(tempRoot, { recursive: true, mode: 0o700 });
    return join(tempRoot, randomBytes(16).toString('hex'));
  };
  const pathOf = (orgId: string, sha256: string): string => {
    if (!ORG_ID.test(orgId) || !SHA256.test(sha256)) throw new Error(`content of org ${orgId} has no place: the id or the hash is malformed`);
    return join(root, orgId, sha256.slice(0, 2), sha256);
  };
  return {
    newTemp,
    async stage(source, limit) {
      const temp = await newTemp();
      try {
        return { temp, ...(await receive(temp, source, limit)) };
      } catch (error) {
        await rm(temp, { force: true });
        throw asDiskFault(error);
      }
    },
    async stageFile(path, known) {
      const facts = known ?? (await hashFile(path));
      const temp = await newTemp();
      await rename(path, temp);
      return { temp, ...facts };
    },
    async place(orgId, staged) {
      const target = pathOf(orgId, staged.sha256);
      try {
        await placeFile(staged, target);
      } catch (error) {
        throw asDiskFault(error);
      }
    },
    discard: (staged) => rm(staged.temp, { force: true }),
    async read(orgId, sha256, range) {
      const handle = await openContent(pathOf(orgId, sha256));
      return handle === undefined ? undefined : createReadStream('', { fd: handle, ...range });
    },
    async readAll(orgId, sha256) {
      const handle = await openContent(pathOf(orgId, sha256));
      if (handle === undefined) return undefined;
      try {
        return await handle.readFile();
      } finally {
        await handle.close();
      }
    },
    remove: (orgId, sha256) => rm(pathOf(orgId, sha256), { force: true }),
    async copyTo(orgId, sha256, target, owner) {
      const source = await openContent(pathOf(orgId, sha256));
      if (source === undefined) fail('not_found', `the bytes ${sha256} of a file are not on disk`);
      await copyHandle(source, target, owner);
    },
    async linkTo(orgId, sha256, target) {
      try {
        await link(pathOf(orgId, sha256), target);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw asDiskFault(error);
        await copyFile(pathOf(orgId, sha256), target).catch((fault: unknown) => Promise.reject(asDiskFault(fault)));
      }
    },
    async cleanTemp() {
      const names = await readdir(tempRoot).catch(() => []);
      await Promise.all(names.map((name) => rm(join(tempRoot, name), { force: true, recursive: true })));
      return names.length;
    },
    async *walk() {
      for (const orgId of await readdir(root).catch(() => [])) {
        if (!ORG_ID.test(orgId)) continue;
        for (const folder of await readdir(join(root, orgId)).catch(() => [])) {
          const hashes = (await readdir(join(root, orgId, folder)).catch(() => [])).filter((name) => SHA256.test(name));
          if (hashes.length > 0) yield { orgId, hashes };
        }
      }
    },
  };
}

/** Hashes a file of ours. */
export async function hashFile(path: string): Promise<StoredContent> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (bytes < HEAD_BYTES) chunks.push(chunk.subarray(0, HEAD_BYTES - bytes));
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes, head: Buffer.concat(chunks) };
}

/** Makes ENOSPC and EDQUOT a refusal that names the remedy; anything else is returned as it is. */
export function asDiskFault(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new AppError('disk_full', { message: `The workspace has no space left (${code}); nothing was stored. Free space and send it again.`, cause: error });
}

async function receive(
  temp: string,
  source: AsyncIterable<Uint8Array>,
  limit: { readonly maxBytes: number; readonly signal?: AbortSignal | undefined },
): Promise<StoredContent> {
  const handle = await open(temp, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    const heads: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of source) {
      limit.signal?.throwIfAborted();
      if (bytes + chunk.length > limit.maxBytes) {
        fail('too_large', { message: `The content is larger than ${limit.maxBytes} bytes, the limit here.`, details: { limitBytes: limit.maxBytes } });
      }
      if (bytes < HEAD_BYTES) heads.push(chunk.subarray(0, HEAD_BYTES - bytes));
      hash.update(chunk);
      // In order: the next chunk is read when this one is written, so memory stays flat. (A bare write may take less than it is given, and say so only by a number.)
      await handle.writeFile(chunk);
      bytes += chunk.length;
    }
    await handle.sync();
    return { sha256: hash.digest('hex'), bytes, head: Buffer.concat(heads) };
  } finally {
    await handle.close();
  }
}

async function placeFile(staged: StagedContent, target: string): Promise<void> {
  const folder = join(target, '..');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const existing = await stat(target).catch(() => undefined);
  if (existing?.isFile() && existing.size === staged.bytes) {
    await rm(staged.temp, { force: true }); // The same bytes are there already, or a transaction that placed them is tried again.
    return;
  }
  await rename(staged.temp, target);
  await syncFolder(folder);
  await syncFolder(join(folder, '..'));
}

/** Makes a rename or a new name in the folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems refuse fsync on a folder; there is nothing better to do on them.
    if (!(error instanceof Error && 'code' in error && (error.code === 'EINVAL' || error.code === 'ENOTSUP'))) throw error;
  } finally {
    await handle.close();
  }
}

async function openContent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function copyHandle(source: FileHandle, target: string, owner: { readonly uid: number; readonly gid: number } | undefined): Promise<void> {
  try {
    const sink = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
    try {
      for await (const chunk of source.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) await sink.writeFile(chunk);
      if (owner !== undefined) await sink.chown(owner.uid, owner.gid).catch(() => undefined); // Not every volume has owners; the mode lets it be read.
    } finally {
      await sink.close();
    }
  } catch (error) {
    throw asDiskFault(error);
  } finally {
    await source.close();
  }
}
