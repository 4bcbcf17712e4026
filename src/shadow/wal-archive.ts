/** The log on the volume: large files that only grow, each a run of bytes from the position in its name, written by one process at a time.
 *  What `append` has returned for is on the volume. Beside each file lie the checksums of its whole blocks, so that damage in the middle is not
 *  taken for the log's end. Never removes what a base backup still needs (bases.ts says what that is). */
import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { formatLsn, segmentStart } from '../store/wal-position.ts';
import { byPlace, placeName, readPlace, syncFolder, walFolder, type Place } from './layout.ts';

/** Sixteen segments: a year of a quiet workbench in a few files, and no loss to remove one that is no longer needed. */
const FILE_BYTES = 256 * 1024 * 1024;
/** Of one checksum. */
export const BLOCK_BYTES = 1024 * 1024;
const SUM_BYTES = 4;

export interface WalFile extends Place {
  readonly path: string;
  readonly end: bigint;
}

/** Oldest first. */
export async function listWal(shadow: string): Promise<readonly WalFile[]> {
  const folder = walFolder(shadow);
  const names = await readdir(folder).catch((error: unknown) => (isMissing(error) ? [] : Promise.reject(error)));
  const files = names.flatMap((name) => {
    const place = name.endsWith('.wal') ? readPlace(name) : undefined;
    return place === undefined ? [] : [{ ...place, path: join(folder, name) }];
  });
  const found = await Promise.all(files.map(async (file) => ({ ...file, end: file.start + BigInt((await stat(file.path)).size) })));
  return found.toSorted(byPlace);
}

/** The database and the shadow are not one log any more: one of both sides has lost something. */
export class Diverged extends Error {
  override readonly name = 'Diverged';
  /** From there on; 0 where nothing is the same. */
  readonly at: bigint;

  constructor(message: string, at: bigint) {
    super(message);
    this.at = at;
  }
}

export interface WalWriter {
  /** Where the unbroken log on the volume ends; undefined before the first byte. */
  readonly end: bigint | undefined;
  /** Bytes on the volume since it was opened. */
  readonly written: number;
  /** Adds bytes and returns once they are on the volume. What the volume holds already is compared instead.
   *  @throws Diverged when it holds something else; Error for a gap, or what the volume said */
  append(start: bigint, bytes: Buffer): Promise<void>;
  /** Goes on at another position, leaving a gap: what lies before it is of no use without a base backup made after. */
  skipTo(start: bigint): Promise<void>;
  /** Cuts the log off there: the end of the volume's log is not the server's. */
  cutAt(end: bigint): Promise<void>;
  close(): Promise<void>;
}

interface Current {
  readonly file: WalFile;
  readonly handle: FileHandle;
  readonly sums: FileHandle;
  size: number;
  /** Of the block that is not whole yet. */
  crc: number;
}

/** Opens the log of one generation at its end. */
export async function openWalWriter(shadow: string, life: Pick<Place, 'generation' | 'timeline'>, fileBytes: number = FILE_BYTES): Promise<WalWriter> {
  await mkdir(walFolder(shadow), { recursive: true });
  const files = (await listWal(shadow)).filter((file) => file.generation === life.generation && file.timeline === life.timeline);
  let current = await openCurrent(files.at(-1));
  let written = 0;

  const endOf = (): bigint | undefined => (current === undefined ? undefined : current.file.start + BigInt(current.size));
  async function begin(start: bigint): Promise<Current> {
    await close();
    const path = join(walFolder(shadow), `${placeName({ ...life, start })}.wal`);
    const handle = await open(path, 'w+', 0o600);
    const sums = await open(`${path.slice(0, -4)}.sums`, 'w+', 0o600);
    await syncFolder(walFolder(shadow));
    current = { file: { ...life, start, end: start, path }, handle, sums, size: 0, crc: 0 };
    return current;
  }
  async function close(): Promise<void> {
    const closing = current;
    current = undefined;
    await closing?.sums.close();
    await closing?.handle.close();
  }

  async function append(start: bigint, bytes: Buffer): Promise<void> {
    let [at, rest] = [start, bytes];
    const end = endOf();
    if (end !== undefined && at > end) throw new Error(`The log on the volume ends at ${formatLsn(end)}; PostgreSQL sent what follows ${formatLsn(at)}.`);
    if (end !== undefined && at < end && current !== undefined) {
      const known = Number(end - at) < rest.length ? rest.subarray(0, Number(end - at)) : rest;
      const differs = await findDifference(current, at, known);
      if (differs !== undefined) {
        // Zeros are no log: the volume lost what was written and never synced, and nobody was told that it was safe.
        if (!(await isZeroFrom(current, differs)))
          throw new Diverged(`The log on the volume and the database's own differ from ${formatLsn(differs)} on.`, differs);
        await cutAt(differs);
        return append(start, bytes);
      }
      [at, rest] = [at + BigInt(known.length), rest.subarray(known.length)];
    }
    while (rest.length > 0) {
      // Serial: the order on the volume is the log's.
      const into = current === undefined || current.size >= fileBytes ? await begin(at) : current;
      const part = rest.subarray(0, fileBytes - into.size);
      await write(into, part);
      written += part.length;
      [at, rest] = [at + BigInt(part.length), rest.subarray(part.length)];
    }
  }
  async function cutAt(end: bigint): Promise<void> {
    if (current === undefined || end < current.file.start)
      throw new Error(`The log on the volume can't be cut at ${formatLsn(end)}: that lies before its last file.`);
    const { file } = current;
    await current.handle.truncate(Number(end - file.start));
    await current.sums.truncate(Math.floor(Number(end - file.start) / BLOCK_BYTES) * SUM_BYTES);
    await current.handle.sync();
    await close();
    current = await openCurrent({ ...file, end });
  }
  return {
    get end() {
      return endOf();
    },
    get written() {
      return written;
    },
    append,
    async skipTo(start) {
      await begin(start);
    },
    cutAt,
    close,
  };
}

async function openCurrent(file: WalFile | undefined): Promise<Current | undefined> {
  if (file === undefined) return undefined;
  const handle = await open(file.path, 'r+');
  const sums = await open(`${file.path.slice(0, -4)}.sums`, 'r+').catch((error: unknown) =>
    isMissing(error) ? open(`${file.path.slice(0, -4)}.sums`, 'w+', 0o600) : Promise.reject(error),
  );
  const size = Number(file.end - file.start);
  const open_ = Buffer.alloc(size % BLOCK_BYTES);
  await handle.read(open_, 0, open_.length, size - open_.length);
  return { file, handle, sums, size, crc: crc32(open_) };
}

async function write(into: Current, bytes: Buffer): Promise<void> {
  let offset = 0;
  // Serial: each block's checksum follows from the bytes before.
  while (offset < bytes.length) offset += (await into.handle.write(bytes, offset, bytes.length - offset, into.size + offset)).bytesWritten;
  await into.handle.datasync();
  for (let at = 0; at < bytes.length;) {
    const inBlock = (into.size + at) % BLOCK_BYTES;
    const part = bytes.subarray(at, at + BLOCK_BYTES - inBlock);
    into.crc = crc32(part, inBlock === 0 ? 0 : into.crc);
    at += part.length;
    if (inBlock + part.length === BLOCK_BYTES) await writeSum(into, Math.floor((into.size + at) / BLOCK_BYTES) - 1);
  }
  into.size += bytes.length;
}

/** Not synced: one that is lost leaves its block to the checksums inside the log. */
async function writeSum(into: Current, block: number): Promise<void> {
  const sum = Buffer.alloc(SUM_BYTES);
  sum.writeUInt32LE(into.crc);
  await into.sums.write(sum, 0, SUM_BYTES, block * SUM_BYTES);
}

/** @returns where the volume first holds something else */
async function findDifference(current: Current, at: bigint, bytes: Buffer): Promise<bigint | undefined> {
  const inFile = at < current.file.start ? bytes.subarray(Number(current.file.start - at)) : bytes;
  const from = at < current.file.start ? current.file.start : at;
  const held = Buffer.alloc(inFile.length);
  await current.handle.read(held, 0, held.length, Number(from - current.file.start));
  return held.equals(inFile) ? undefined : from + BigInt(held.findIndex((byte, index) => byte !== inFile[index]));
}

async function isZeroFrom({ file, handle, size }: Current, at: bigint): Promise<boolean> {
  const rest = Buffer.alloc(size - Number(at - file.start));
  await handle.read(rest, 0, rest.length, Number(at - file.start));
  return rest.every((byte) => byte === 0);
}

/** Whether each whole block of `bytes`, which begins at a block of the file, is what was written. @returns the index of the first bad one, or -1 */
export function findBadBlock(bytes: Buffer, sums: Buffer): number {
  for (let block = 0; (block + 1) * BLOCK_BYTES <= bytes.length && (block + 1) * SUM_BYTES <= sums.length; block++) {
    const wanted = sums.readUInt32LE(block * SUM_BYTES);
    // Nothing was written there: not known.
    if (wanted !== 0 && wanted !== crc32(bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES))) return block;
  }
  return -1;
}

/** Reads the checksums of `blocks` blocks from the one at `from` on. */
export async function readSums(file: WalFile, from: number, blocks: number): Promise<Buffer> {
  const handle = await open(`${file.path.slice(0, -4)}.sums`).catch((error: unknown) => (isMissing(error) ? undefined : Promise.reject(error)));
  if (handle === undefined) return Buffer.alloc(0);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(blocks * SUM_BYTES), 0, blocks * SUM_BYTES, from * SUM_BYTES);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Removes what lies before `keep`: older generations, and of its own what ends before its position. @returns bytes freed */
export async function pruneWal(shadow: string, keep: Pick<Place, 'generation' | 'start'>): Promise<number> {
  let freed = 0;
  for (const file of await listWal(shadow)) {
    const isNeeded = file.generation > keep.generation || (file.generation === keep.generation && file.end > segmentStart(keep.start));
    if (isNeeded) continue;
    freed += Number(file.end - file.start);
    await rm(file.path, { force: true });
    await rm(`${file.path.slice(0, -4)}.sums`, { force: true });
  }
  return freed;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
