/** Where backups lie: a folder or a bucket, seen as paths with bytes. What is written appears whole or not at all. Never knows what a backup is.
 *  Names are made by us from ids and hashes; what is read from a place is checked against them before it is used. */
import type { Readable } from 'node:stream';
import { fail } from '../kernel/fail.ts';

export interface StoredEntry {
  readonly path: string;
  readonly bytes: number;
}

export interface Place {
  /** As an operator knows it: `/workspace/backups`, `s3://bucket/prefix`. */
  readonly label: string;
  /** Whether it is lost with this machine's disk. */
  readonly isLocal: boolean;
  /** Whom it is sent to; undefined: it stays on this machine. */
  readonly host: string | undefined;
  /** Replaces what is there. @returns how many bytes  @throws AppError disk_full, upstream_failed; the source's error */
  write(path: string, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number>;
  /** @throws AppError backup_unusable when it is not there */
  read(path: string, signal?: AbortSignal): Promise<Readable>;
  /** @returns undefined when it is not there */
  size(path: string): Promise<number | undefined>;
  /** All below a folder (`backups/`), in no order. */
  list(folder: string): AsyncIterable<StoredEntry>;
  remove(paths: readonly string[]): Promise<void>;
  /** Removes what killed writes left. Nobody may write meanwhile. */
  tidy(): Promise<void>;
  /** Undefined: nobody knows. */
  freeBytes(): Promise<number | undefined>;
}

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** A path of ours: no way up, no absolute one, no odd character. @throws Error on any other: nobody but us makes paths */
export function requireOwnPath(path: string): string {
  if (path.split('/').some((segment) => !SEGMENT.test(segment))) throw new Error(`"${path}" is no path of a backup`);
  return path;
}

/** The whole of something small. @throws AppError backup_unusable when it is not there or larger than `maxBytes` */
export async function readSmall(place: Place, path: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of (await place.read(path)) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) fail('backup_unusable', `${path} at ${place.label} is larger than ${maxBytes} bytes, which no backup's is. It is none of Studio's.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
