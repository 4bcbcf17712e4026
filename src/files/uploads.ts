/** Resumable uploads: bytes grow in a file of their own, and how many are safe stands in a row; the last byte makes them a file of the org.
 *  One thing to know: the row never counts a byte that is not synced, so that after a crash an upload goes on from the row's offset. */
import { link, mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { filePathFault, type File } from '../contract/files.ts';
import { MAX_UPLOAD_BYTES, type Upload } from '../contract/uploads.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { countUploads, deleteExpiredUploads, deleteUpload, insertUpload, listWholeUploads, readUpload, setUploadReceived } from '../store/uploads.ts';
import { asDiskFault } from './content-disk.ts';
import type { Files } from './files.ts';

/** From the last byte: long enough for a night without a line. */
export const UPLOADS_KEPT_MS = 48 * 3_600_000;
const MAX_OPEN = 1_000;
/** Synced and recorded this often: what a crash in the middle of a request costs at most. */
const SYNC_BYTES = 32 * 1024 * 1024;
const CLEAN_MS = 3_600_000;

export interface Uploads {
  /** @throws AppError invalid_body, too_large, rate_limited, disk_full */
  create(upload: {
    readonly id: string;
    readonly orgId: string;
    readonly userId: string;
    readonly path: string;
    readonly mediaType: string;
    readonly length: number;
  }): Promise<Upload>;
  /** Takes bytes from `offset` on. What arrived before a broken connection is kept. @returns how many are safe now, and the file when it is whole
   *  A newer request takes over from one that still writes: after a cut line the older one may hang for long.
   *  @throws AppError not_found, conflict (another offset, or a newer request), too_large, disk_full */
  append(part: {
    readonly orgId: string;
    readonly id: string;
    readonly offset: number;
    readonly source: AsyncIterable<Uint8Array>;
    readonly requestId: string;
    readonly signal: AbortSignal;
  }): Promise<{ readonly received: number; readonly expiresAt: Date; readonly file?: File }>;
  /** @throws AppError not_found */
  terminate(upload: { readonly orgId: string; readonly id: string }): Promise<void>;
  /** Finishes what was whole when the last process died, and from then on removes what expired. */
  start(): Promise<void>;
  stop(): void;
}

interface Parts {
  readonly database: Database;
  readonly files: Pick<Files, 'content' | 'putStaged'>;
  readonly workspacePath: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createUploads(parts: Parts): Uploads {
  const { database, files, clock, log } = parts;
  const sql = database.engine;
  const folder = join(parts.workspacePath, 'files', '.uploads');
  const pathOf = (id: string): string => join(folder, id);
  const writing = new Map<string, { readonly stop: () => void; readonly done: Promise<unknown> }>();
  let cancelClean = (): void => {};

  async function clean(): Promise<void> {
    const ended = await deleteExpiredUploads(sql, clock.now());
    await Promise.all(ended.map((id) => rm(pathOf(id), { force: true })));
    if (ended.length > 0) log.info({ count: ended.length }, 'uploads that nobody went on with were removed');
  }

  /** A whole upload becomes a file. Safe to repeat: a second name is given to the bytes, which nobody writes to any more. */
  async function finish(
    upload: { readonly id: string; readonly orgId: string; readonly path: string; readonly mediaType: string },
    requestId?: string,
  ): Promise<File> {
    const { id, orgId, path, mediaType } = upload;
    const temp = await files.content.newTemp();
    await link(pathOf(id), temp);
    const staged = await files.content.stageFile(temp);
    const file = await files.putStaged({ orgId, path, mediaType, staged, requestId });
    await deleteUpload(sql, { orgId, id });
    await rm(pathOf(id), { force: true });
    return file;
  }

  async function take(part: Parameters<Uploads['append']>[0]): ReturnType<Uploads['append']> {
    const { orgId, id } = part;
    const upload = (await readUpload(sql, { orgId, id })) ?? fail('not_found', `There is no upload ${id}.`);
    if (upload.received !== part.offset)
      fail('conflict', {
        message: `The upload ${id} stands at ${upload.received}, not at ${part.offset}; go on from there.`,
        details: { received: upload.received },
      });
    const expiresAtMs = clock.now() + UPLOADS_KEPT_MS;
    const record = async (received: number): Promise<void> => {
      if (!(await setUploadReceived(sql, { orgId, id, received, expiresAtMs }))) fail('not_found', `The upload ${id} was deleted meanwhile.`);
    };
    // A whole one only waits to become a file: its bytes may already be those of the file.
    const received =
      upload.received === upload.length && upload.length > 0 ? upload.length : await receive({ path: pathOf(id), part, length: upload.length, record });
    if (received < upload.length) return { received, expiresAt: new Date(expiresAtMs) };
    return { received, expiresAt: new Date(expiresAtMs), file: await finish({ ...upload, orgId }, part.requestId) };
  }

  return {
    async create({ id, orgId, userId, path, mediaType, length }) {
      const fault = filePathFault(path);
      if (fault !== undefined) fail('invalid_body', `Upload-Metadata path: ${fault}.`);
      if (!Number.isSafeInteger(length) || length < 0) fail('invalid_body', 'Upload-Length is the whole number of bytes that will come.');
      if (length > MAX_UPLOAD_BYTES)
        fail('too_large', { message: `Upload-Length is ${length} bytes; the limit is ${MAX_UPLOAD_BYTES}.`, details: { limitBytes: MAX_UPLOAD_BYTES } });
      if ((await countUploads(sql, orgId)) >= MAX_OPEN)
        fail('rate_limited', { message: `${MAX_OPEN} uploads are open already; finish or delete some.`, retryAfterS: 60 });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await (await open(pathOf(id), 'wx', 0o600)).close();
      const nowMs = clock.now();
      await insertUpload(sql, { id, orgId, userId, path, mediaType, length, nowMs, expiresAtMs: nowMs + UPLOADS_KEPT_MS });
      return (await readUpload(sql, { orgId, id })) ?? fail('not_found', `There is no upload ${id}.`);
    },
    async append(part) {
      const { id } = part;
      const superseded = new AbortController();
      const taken = writing.get(id);
      const work = (async () => {
        taken?.stop();
        await taken?.done.catch(() => undefined);
        return take({ ...part, signal: AbortSignal.any([part.signal, superseded.signal]) });
      })();
      const entry = {
        stop: () => superseded.abort(new AppError('conflict', { message: `A newer request went on with the upload ${id}; this one ended.` })),
        done: work,
      };
      writing.set(id, entry);
      try {
        return await work;
      } finally {
        if (writing.get(id) === entry) writing.delete(id);
      }
    },
    async terminate({ orgId, id }) {
      if (!(await deleteUpload(sql, { orgId, id }))) fail('not_found', `There is no upload ${id}.`);
      await rm(pathOf(id), { force: true });
    },
    async start() {
      // Killed between the last byte and the file: nobody else would finish these.
      for (const upload of await listWholeUploads(sql))
        await finish(upload).catch((error: unknown) => log.error({ uploadId: upload.id, cause: messageOf(error) }, 'a whole upload could not become a file'));
      const again = (): void => {
        clean()
          .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'old uploads could not be removed; tried again later'))
          .finally(() => {
            cancelClean = clock.after(CLEAN_MS, again);
          });
      };
      cancelClean = clock.after(CLEAN_MS, again);
    },
    stop: () => cancelClean(),
  };
}

interface Receiving {
  readonly path: string;
  readonly part: { readonly offset: number; readonly source: AsyncIterable<Uint8Array>; readonly signal: AbortSignal };
  readonly length: number;
  readonly record: (received: number) => Promise<void>;
}

/** Writes behind the safe bytes; syncs and records every 32 MiB and at the end, also at an end that came too early. */
async function receive({ path, part, length, record }: Receiving): Promise<number> {
  const handle = await openAt(path, part.offset);
  let written = part.offset;
  let safe = part.offset;
  const settle = async (): Promise<void> => {
    await handle.datasync();
    await record(written);
    safe = written;
  };
  try {
    for await (const chunk of untilAborted(part.source, part.signal)) {
      if (written + chunk.length > length) fail('too_large', { message: `The upload was announced with ${length} bytes; more came.`, details: { length } });
      await writeAll(handle, chunk, written);
      written += chunk.length;
      if (written - safe >= SYNC_BYTES) await settle();
    }
    if (written > safe) await settle();
    return written;
  } catch (error) {
    // The line broke: what came is worth keeping. A disk that refuses is told instead.
    if (written > safe) await settle().catch(() => undefined);
    throw asDiskFault(error);
  } finally {
    await handle.close();
  }
}

/** The source, but a wait for its next bytes ends with the signal: a line that was cut gives neither bytes nor an end. */
async function* untilAborted(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  aborted.promise.catch(() => undefined);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not waited for: a hanging source would hang here too.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** Bytes behind the safe ones were never recorded: cut off. */
async function openAt(path: string, offset: number): Promise<FileHandle> {
  const handle = await open(path, 'r+');
  await handle.truncate(offset);
  return handle;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
}
