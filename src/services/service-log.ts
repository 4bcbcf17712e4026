/** The log of a service: what it writes, as bytes, masked, in one file that begins anew at its limit (the one before is kept beside it).
 *  Memory is one piece: a service that writes faster than the disk waits, because `write` is awaited by who reads its pipe. */
import { mkdir, open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../kernel/fail.ts';
import { openLogTimes, type LogTimes } from '../kernel/log-times.ts';
import type { Logger } from '../kernel/log.ts';

export interface ServiceLog {
  readonly path: string;
  /** When its lines were written. */
  readonly timesPath: string;
  write(bytes: Buffer): Promise<void>;
  /** A line of Studio's own. */
  note(line: string): Promise<void>;
  close(): Promise<void>;
}

/** A day of a chatty service; two of them a service. */
const MAX_BYTES = 32 * 1024 * 1024;

/** @param onWrite hears of every change of the file */
export function createServiceLog(
  path: string,
  options: { readonly log: Logger; readonly now: () => number; readonly onWrite: () => void; readonly maxBytes?: number },
): ServiceLog {
  const timesPath = `${path}.times`;
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  let handle: FileHandle | undefined;
  let times: LogTimes | undefined;
  let size = 0;
  let turn: Promise<unknown> = Promise.resolve();
  let isFaultTold = false;

  async function ready(): Promise<{ readonly handle: FileHandle; readonly times: LogTimes }> {
    if (handle !== undefined && size >= maxBytes) {
      await handle.close();
      handle = undefined;
      await rename(path, `${path}.1`);
      await times?.restart();
    }
    if (handle === undefined) {
      await mkdir(dirname(path), { recursive: true });
      handle = await open(path, 'a', 0o600);
      size = (await stat(path)).size;
    }
    times ??= await openLogTimes(timesPath, { bytes: size, now: options.now });
    return { handle, times };
  }

  async function append(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    try {
      const open = await ready();
      open.times.mark(size);
      await open.handle.writeFile(bytes);
      size += bytes.length;
      await open.times.flush();
      options.onWrite();
    } catch (error) {
      // A full disk must not end the service: what it says meanwhile is lost, and that is said once.
      if (!isFaultTold) options.log.warn({ path, cause: messageOf(error) }, 'the log of a service could not be written');
      isFaultTold = true;
    }
  }

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const next = turn.then(work);
    turn = next.catch(() => undefined);
    return next;
  };
  return {
    path,
    timesPath,
    write: (bytes) => inTurn(() => append(bytes)),
    note: (line) => inTurn(() => append(Buffer.from(`[studio] ${line}\n`))),
    close: () =>
      inTurn(async () => {
        await handle?.close();
        handle = undefined;
      }),
  };
}
