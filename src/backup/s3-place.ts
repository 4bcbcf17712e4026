/** Backups in a bucket of S3 or what speaks like it: MinIO, R2, B2, Ceph. Large things go in parts, so that none has to fit into memory and a part that fails is
 *  sent again alone. A name appears when all of it is there. Never makes the bucket. */
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { S3mini } from 's3mini';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { requireOwnPath, type Place, type StoredEntry } from './place.ts';

export interface BucketOptions {
  readonly bucket: string;
  /** Before every name, without slashes at its ends; '' for none. */
  readonly prefix: string;
  /** Default: Amazon's of the region. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A bucket takes 10,000 parts of one thing: of 16 MiB each that is 156 GiB; beyond it parts grow. */
const PART_BYTES = 16 * 1024 ** 2;
const PARTS_BEFORE_GROWTH = 1_000;
const PAGE = 1_000;
const TRIES = 3;

export function bucketPlace(options: BucketOptions): Place {
  const base = options.endpoint ?? `https://s3.${options.region}.amazonaws.com`;
  const label = `s3://${options.bucket}${options.prefix === '' ? '' : `/${options.prefix}`}`;
  const { accessKeyId, secretAccessKey, region } = options;
  const s3 = new S3mini({ accessKeyId, secretAccessKey, region, endpoint: `${base.replace(/\/$/, '')}/${options.bucket}` });
  const keyOf = (path: string): string => `${options.prefix === '' ? '' : `${options.prefix}/`}${requireOwnPath(path)}`;
  const asked = async <T>(what: string, ask: () => Promise<T>, isAgain = true): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await ask();
      } catch (cause) {
        if (isAgain && tries < TRIES && isPassing(cause)) continue; // Serial: tries.
        throw new AppError('upstream_failed', {
          message: `${label} did not ${what}: ${messageOf(cause).slice(0, 300)}. Check BACKUP_TARGET, BACKUP_S3_ENDPOINT and the keys.`,
          cause,
        });
      }
    }
  };

  async function writeParts(key: string, chunks: AsyncIterator<Buffer>, first: Buffer, signal: AbortSignal): Promise<number> {
    const uploadId = await asked('begin an upload', () => s3.getMultipartUploadId(key));
    const parts: { partNumber: number; etag: string }[] = [];
    let bytes = 0;
    try {
      for (let part: Buffer | undefined = first; part !== undefined; part = await nextPart(chunks, sizeOfPart(parts.length))) {
        signal.throwIfAborted();
        const [body, number] = [part, parts.length + 1];
        parts.push(await asked(`take part ${number} of ${key}`, () => s3.uploadPart(key, uploadId, body, number))); // Serial: memory holds one.
        bytes += body.length;
      }
      await asked(`finish ${key}`, () => s3.completeMultipartUpload(key, uploadId, parts));
      return bytes;
    } catch (error) {
      // What was sent costs money until it is given up.
      await s3.abortMultipartUpload(key, uploadId).catch(() => undefined);
      throw error;
    }
  }

  return {
    label,
    isLocal: false,
    host: new URL(base).host,
    async write(path, source, signal) {
      const key = keyOf(path);
      const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      const first = (await nextPart(chunks, PART_BYTES)) ?? Buffer.alloc(0);
      signal.throwIfAborted();
      if (first.length >= PART_BYTES) return writeParts(key, chunks, first, signal);
      await asked(`take ${key}`, () => s3.putObject(key, first));
      return first.length;
    },
    async read(path, signal) {
      const key = keyOf(path);
      const reply = await asked(`give ${key}`, () => s3.getObjectResponse(key));
      if (reply === null || reply.body === null) fail('backup_unusable', `${path} is missing at ${label}. Use another backup.`);
      return Readable.fromWeb(reply.body as ReadableStream, signal === undefined ? {} : { signal });
    },
    async size(path) {
      const key = keyOf(path);
      const there = await asked(`tell of ${key}`, () => s3.objectExists(key));
      return there === true ? asked(`tell the size of ${key}`, () => s3.getContentLength(key)) : undefined;
    },
    async *list(folder) {
      let token: string | undefined;
      do {
        const after = token;
        const page = await asked(`list ${folder}`, () => s3.listObjectsPaged('/', `${keyOf(folder)}/`, PAGE, after));
        if (page == null) fail('upstream_failed', `${label} is not there. Make the bucket, or correct BACKUP_TARGET.`);
        for (const { Key, Size } of page.objects ?? []) yield entryOf(Key, Size);
        token = page.nextContinuationToken;
      } while (token !== undefined && token !== '');
    },
    async remove(paths) {
      for (let at = 0; at < paths.length; at += PAGE) {
        const keys = paths.slice(at, at + PAGE).map(keyOf);
        await asked('delete', () => s3.deleteObjects(keys)); // Serial: a thousand at once is what it takes.
      }
    },
    // What was sent of a thing that was never finished is nowhere seen; buckets have a rule that clears it (AbortIncompleteMultipartUpload).
    tidy: async () => undefined,
    freeBytes: async () => undefined,
  };

  function entryOf(key: string, size: number): StoredEntry {
    return { path: options.prefix === '' ? key : key.slice(options.prefix.length + 1), bytes: Number(size) };
  }
}

function sizeOfPart(count: number): number {
  return count < PARTS_BEFORE_GROWTH ? PART_BYTES : PART_BYTES * 8;
}

/** The next `size` bytes, fewer at the end. @returns undefined when there are none */
async function nextPart(chunks: AsyncIterator<Buffer>, size: number): Promise<Buffer | undefined> {
  const taken: Buffer[] = [];
  let bytes = 0;
  while (bytes < size) {
    const next = await chunks.next();
    if (next.done === true) break;
    taken.push(next.value);
    bytes += next.value.length;
  }
  return bytes === 0 ? undefined : Buffer.concat(taken);
}

/** A lost connection, or a server that asks for patience. */
function isPassing(error: unknown): boolean {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 0;
  return status === 0 || status === 429 || status >= 500;
}
