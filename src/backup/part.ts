/** Bytes on their way into a backup and back: hashed, compressed, sealed, hashed again as they lie. Memory is a few chunks, however much there is. */
import { createHash } from 'node:crypto';
import { compose, Readable, type Duplex } from 'node:stream';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { AppError, fail } from '../kernel/fail.ts';
import type { BackupKey } from './crypt.ts';
import type { Part } from './manifest.ts';
import { partPath, type Manifest } from './manifest.ts';
import type { Place } from './place.ts';

export interface RawFacts {
  readonly bytes: number;
  readonly sha256: string;
}

/** 3: as fast as one core reads; what is stored is a fifth of typical run data. */
const LEVEL = 3;

export interface WrittenPart {
  readonly stored: { readonly bytes: number; readonly sha256: string };
  readonly raw: RawFacts;
}

/** Writes one stream to a path of the place. @param label what binds the sealed bytes to their place  @param onBytes how many raw bytes came */
export async function writePart(options: {
  readonly place: Place;
  readonly path: string;
  readonly label: string;
  readonly source: AsyncIterable<Uint8Array>;
  readonly key: BackupKey | undefined;
  readonly signal: AbortSignal;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Of zstd. */
  readonly level?: number;
}): Promise<WrittenPart> {
  const raw = createHash('sha256');
  const stored = createHash('sha256');
  let rawBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of options.source) {
      options.signal.throwIfAborted();
      raw.update(chunk);
      rawBytes += chunk.length;
      options.onBytes?.(chunk.length);
      yield chunk;
    }
  }
  const packed = joined(Readable.from(counted(), { objectMode: false, highWaterMark: 256 * 1024 }), compressor(options.level ?? LEVEL));
  const sealed = options.key === undefined ? (packed as AsyncIterable<Buffer>) : options.key.seal(options.label, packed as AsyncIterable<Buffer>);
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of sealed) {
      stored.update(chunk);
      yield chunk;
    }
  }
  const bytes = await options.place.write(options.path, hashed(), options.signal);
  return { stored: { bytes, sha256: stored.digest('hex') }, raw: { bytes: rawBytes, sha256: raw.digest('hex') } };
}

/** Who reads the end hears of every fault; where he has left already, a fault further up is nobody's, and must not end the process. */
function joined(source: Readable, through: Duplex): Duplex {
  const whole = compose(source, through);
  for (const stream of [source, through, whole]) stream.on('error', () => undefined);
  return whole;
}

function compressor(level: number) {
  return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 }, chunkSize: 256 * 1024 });
}

/** The raw bytes of what lies at a path. Ends with an error after the last byte when they are not those that were written.
 *  @param maxBytes of raw bytes: more is a bomb */
export function readPart(options: {
  readonly place: Place;
  readonly path: string;
  readonly label: string;
  readonly key: BackupKey | undefined;
  readonly stored?: { readonly bytes: number; readonly sha256: string };
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}): Readable {
  const { place, path, label, key, stored, maxBytes, signal } = options;
  async function* lying(): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of (await place.read(path, signal)) as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      bytes += chunk.length;
      if (stored !== undefined && bytes > stored.bytes) throw damaged(path, place, `has more than ${stored.bytes} bytes`);
      hash.update(chunk);
      yield chunk;
    }
    if (stored === undefined) return;
    if (bytes !== stored.bytes) throw damaged(path, place, `has ${bytes} bytes and not ${stored.bytes}`);
    if (hash.digest('hex') !== stored.sha256) throw damaged(path, place, 'was altered: its hash is another');
  }
  const opened = key === undefined ? lying() : key.open(label, lying());
  const unpacked = joined(Readable.from(opened, { objectMode: false }), createZstdDecompress({ chunkSize: 256 * 1024 }));
  async function* bounded(): AsyncGenerator<Buffer> {
    let bytes = 0;
    try {
      for await (const chunk of unpacked as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw damaged(path, place, `unpacks to more than the ${maxBytes} bytes that were told`);
        yield chunk;
      }
    } catch (error) {
      throw error instanceof AppError || signal.aborted ? error : damaged(path, place, 'does not unpack', error);
    }
  }
  return Readable.from(bounded(), { objectMode: false, highWaterMark: 256 * 1024 }).on('error', () => undefined);
}

/** A part of a backup, by its manifest. */
export function openPart(options: {
  readonly place: Place;
  readonly manifest: Manifest;
  readonly part: Part;
  readonly key: BackupKey | undefined;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}): Readable {
  const { place, manifest, part, key, maxBytes, signal } = options;
  return readPart({ place, path: partPath(manifest.id, part.name), label: labelOf(manifest.id, part.name), key, stored: part, maxBytes, signal });
}

/** Binds a part to its backup. */
export function labelOf(id: string, name: string): string {
  return `${id}/${name}`;
}

/** Reads what lies at a path and compares it with what was written. @throws AppError backup_unusable */
export async function checkStored(place: Place, path: string, stored: { readonly bytes: number; readonly sha256: string }, signal: AbortSignal): Promise<void> {
  const size = await place.size(path);
  if (size === undefined) fail('backup_unusable', `${path} is missing at ${place.label}. Use another backup.`);
  if (size !== stored.bytes) throw damaged(path, place, `has ${size} bytes and not ${stored.bytes}`);
  const hash = createHash('sha256');
  for await (const chunk of (await place.read(path, signal)) as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  if (hash.digest('hex') !== stored.sha256) throw damaged(path, place, 'was altered: its hash is another');
}

function damaged(path: string, place: Place, how: string, cause?: unknown): AppError {
  return new AppError('backup_unusable', { message: `${path} at ${place.label} ${how}. Use another backup.`, cause });
}
