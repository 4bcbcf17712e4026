/** Base backups on the volume: one compressed tar each, and beside it the mark that makes it count, written last.
 *  A base is proven before it is marked: read back from the volume, unpacked, every file held against PostgreSQL's manifest, and its log is there.
 *  Never removes the only good one. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import type pg from 'pg';
import * as z from 'zod';
import { messageOf } from '../kernel/fail.ts';
import { takeBaseBackup } from '../store/base-backup.ts';
import { readBase, requireManifest, type UnpackOptions } from '../store/base-contents.ts';
import { formatLsn, parseLsn } from '../store/wal-position.ts';
import { baseFolder, byPlace, placeName, readPlace, replaceFile, syncFolder, type Place } from './layout.ts';
import { pruneWal } from './wal-archive.ts';

const markSchema = z.strictObject({
  format: z.literal(1),
  systemId: z.string(),
  startLsn: z.string(),
  endLsn: z.string(),
  timeline: z.int(),
  bytes: z.int(),
  unpackedBytes: z.int(),
  sha256: z.string(),
  takenAt: z.string(),
  /** PostgreSQL's manifest, as it came. */
  manifest: z.string(),
});

export interface Base extends Place {
  readonly path: string;
  readonly endLsn: bigint;
  readonly mark: z.infer<typeof markSchema>;
}

export interface TakeOptions {
  readonly shadow: string;
  readonly generation: number;
  readonly connection: pg.ClientConfig;
  readonly maxRateKib?: number;
  readonly now: () => number;
  /** Resolves once the log up to there is on the volume. */
  readonly untilWritten: (lsn: bigint) => Promise<void>;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Oldest first; those without a mark (half written, or not proven) are not there. @param onFault told of each mark that can't be read */
export async function listBases(shadow: string, onFault: (fault: string) => void = () => undefined): Promise<readonly Base[]> {
  const folder = baseFolder(shadow);
  const names = await readdir(folder).catch((error: unknown) =>
    error instanceof Error && 'code' in error && error.code === 'ENOENT' ? [] : Promise.reject(error),
  );
  const found = names
    .filter((name) => name.endsWith('.json'))
    .map(async (name) => {
      const place = readPlace(name);
      try {
        const mark = markSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
        if (place === undefined) throw new Error('its name says nothing');
        return [{ ...place, path: join(folder, name.replace(/\.json$/, '.tar.zst')), endLsn: parseLsn(mark.endLsn), mark }];
      } catch (error) {
        onFault(`the mark ${name} of a base backup can't be read (${messageOf(error).slice(0, 120)})`);
        return [];
      }
    });
  return (await Promise.all(found)).flat().toSorted(byPlace);
}

/** Takes one, proves it, marks it. @throws what the volume or the server says; nothing that was there is touched */
export async function takeBase(options: TakeOptions): Promise<Base> {
  const folder = baseFolder(options.shadow);
  await mkdir(folder, { recursive: true });
  const writing = join(folder, '.writing.tar.zst');
  await rm(writing, { force: true });
  try {
    const { tar, facts } = await takeBaseBackup({
      connection: options.connection,
      label: 'studio shadow',
      wal: 'none',
      ...(options.maxRateKib !== undefined && { maxRateKib: options.maxRateKib }),
      ...(options.onProgress && { onProgress: options.onProgress }),
      ...(options.signal && { signal: options.signal }),
    });
    const { sha256, bytes } = await compress(tar, writing);
    const { manifest, startLsn, endLsn, timeline, systemId } = await facts;
    await options.untilWritten(endLsn);
    const unpackedBytes = await proveBase({ path: writing, bytes, sha256, manifest }, { ...(options.signal && { signal: options.signal }) });
    const place = { generation: options.generation, timeline, start: startLsn };
    const path = join(folder, `${placeName(place)}.tar.zst`);
    await rename(writing, path);
    await syncFolder(folder);
    const mark = {
      format: 1 as const,
      systemId,
      startLsn: formatLsn(startLsn),
      endLsn: formatLsn(endLsn),
      timeline,
      bytes,
      unpackedBytes,
      sha256,
      takenAt: new Date(options.now()).toISOString(),
      manifest: manifest.toString('utf8'),
    };
    await replaceFile(join(folder, `${placeName(place)}.json`), JSON.stringify(mark));
    return { ...place, path, endLsn, mark };
  } catch (error) {
    await rm(writing, { force: true }).catch(() => undefined); // The next one begins by removing it.
    throw error;
  }
}

async function compress(tar: Readable, path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  // Level 1: a base is read once, if ever, and must not take the processor from the work.
  const zstd = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } });
  // Synced before it is closed.
  await pipeline(tar, zstd, count, createWriteStream(path, { mode: 0o600, flush: true, highWaterMark: 1024 * 1024 }));
  return { sha256: hash.digest('hex'), bytes };
}

/** Reads a base backup whole, and writes it into a folder when told to. @returns its unpacked bytes  @throws Error when it is not what was written */
export async function proveBase(
  base: { readonly path: string; readonly bytes: number; readonly sha256: string; readonly manifest: Buffer },
  options: UnpackOptions = {},
): Promise<number> {
  const hash = createHash('sha256');
  let [bytes, unpacked] = [0, 0];
  const file = createReadStream(base.path, { highWaterMark: 1024 * 1024 });
  const zstd = createZstdDecompress();
  file.on('data', (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  // A fault of the file is one of the stream that is read.
  file.on('error', (error) => zstd.destroy(error));
  file.pipe(zstd);
  const contents = await readBase(zstd, {
    ...options,
    onBytes(count) {
      unpacked += count;
      options.onBytes?.(count);
    },
  }).finally(() => file.destroy());
  if (bytes !== base.bytes || hash.digest('hex') !== base.sha256)
    throw new Error(`${base.path} is damaged: it holds ${bytes} of ${base.bytes} bytes, or others.`);
  requireManifest(base.manifest, contents);
  return unpacked;
}

/** Keeps the newest `keep` of them, and the log since the oldest that is kept. @returns what was freed, bytes */
export async function pruneBases(shadow: string, keep: number): Promise<number> {
  const bases = await listBases(shadow);
  const kept = bases.slice(-Math.max(1, keep));
  const [oldest] = kept;
  if (oldest === undefined) return 0;
  let freed = 0;
  for (const base of bases.slice(0, -kept.length)) {
    // The mark first: a base without its file must not count.
    await rm(base.path.replace(/\.tar\.zst$/, '.json'), { force: true });
    await rm(base.path, { force: true });
    freed += base.mark.bytes;
  }
  return freed + (await pruneWal(shadow, oldest));
}

/** @throws Error when the volume has less than `bytes` left */
export async function requireSpace(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < bytes)
    throw new Error(`${what} needs about ${Math.ceil(bytes / 2 ** 20)} MiB in ${folder}, where ${Math.floor(free / 2 ** 20)} MiB are free: make room there.`);
}
