/** How bytes get onto the disk of the workspace and off it: hashed while they pass, synced, renamed into place, copied. Knows no orgs and no store. */
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { mkdir, open, rename, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
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

const HEAD_BYTES = 512;

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

/** @returns what was written to a new file at `temp`, synced  @throws AppError too_large; the source's error; the signal's reason */
export async function receive(
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

/** Gives staged bytes their name, durably. */
export async function placeFile(staged: StagedContent, target: string): Promise<void> {
  const folder = join(target, '..');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    // Over the same bytes, if they are there: those may have been damaged since.
    await rename(staged.temp, target);
  } catch (error) {
    // A transaction that placed them is tried again.
    const existing = await stat(target).catch(() => undefined);
    if (existing?.isFile() === true && existing.size === staged.bytes) return;
    throw error;
  }
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

/** @returns undefined when there is no such file */
export async function openContent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @returns the hash of what was copied */
export async function copyHandle(source: FileHandle, target: string, owner: { readonly uid: number; readonly gid: number } | undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    const sink = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
    try {
      for await (const chunk of source.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
        hash.update(chunk);
        await sink.writeFile(chunk);
      }
      if (owner !== undefined) await sink.chown(owner.uid, owner.gid).catch(() => undefined); // Not every volume has owners; the mode lets it be read.
      return hash.digest('hex');
    } finally {
      await sink.close();
    }
  } catch (error) {
    throw asDiskFault(error);
  } finally {
    await source.close();
  }
}
