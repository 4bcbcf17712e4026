/** One log in files: `studio.log`, and before it `.1`, `.2`, … up to a count, each at most so large. Lines are written in order, in the background, so that a
 *  slow disk holds nobody up; `flush` writes what waits at once, for the last words of a process that dies.
 *  Crash-safe: a kill between the renames loses no file (each step moves one into a free name), and a torn last line is ended before the next one is written. */
import { close, closeSync, existsSync, fstatSync, mkdirSync, open, openSync, readSync, renameSync, rmSync, writeSync, write } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export interface LogFile {
  write(line: string): void;
  /** Writes out what waits, before it returns. */
  flush(): void;
  end(): Promise<void>;
}

/** Read when it matters: they may change. */
export interface LogFileOptions {
  readonly maxBytes: number;
  /** Older files that are kept beside the newest. */
  readonly keep: number;
}

/** Lines held while the disk does not take them; beyond it the oldest are dropped, and how many is said. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** @throws when the folder can't be made or the file can't be opened */
export function openLogFile(path: string, options: LogFileOptions): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  closeGaps(path, options.keep);
  let { fd, bytes } = openAppending(path);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  /** A disk that filled up took a part of a line. */
  let isTorn = false;
  let underWay: Promise<void> | undefined;
  /** What the write that is under way has not written yet. */
  let current: Buffer | undefined;

  /** A full disk or a folder that was taken away must not end the process: what can't be written is dropped. */
  const quietly = (work: () => void): void => {
    try {
      work();
    } catch {
      dropped += 1;
    }
  };

  /** A volume that hangs then holds only the log up. Until the new file is open, `flush` has the old one. */
  async function rotateIfFull(): Promise<void> {
    if (bytes < options.maxBytes) return;
    try {
      await rotate(path, options.keep);
      const old = fd;
      [fd, bytes] = [await openLater(path, 'a', 0o640), 0];
      close(old, () => undefined);
    } catch {
      dropped += 1;
    }
  }

  function take(): Buffer | undefined {
    if (waiting.length === 0) return undefined;
    // A file ends near its limit, whatever waits: whole lines, one at least.
    let size = 0;
    let count = 0;
    while (count < waiting.length && (count === 0 || bytes + size < options.maxBytes)) size += waiting[count++]?.length ?? 0;
    const lines = [...(isTorn ? [Buffer.from('\n')] : []), ...waiting.slice(0, count)];
    isTorn = false;
    waiting = waiting.slice(count);
    waitingBytes -= size;
    bytes += size;
    return Buffer.concat(lines);
  }

  async function drain(): Promise<void> {
    // Serial: a file takes its lines in order.
    for (; waiting.length > 0; current = take(), await writeSome()) await rotateIfFull();
    current = undefined;
    underWay = undefined;
  }

  async function writeSome(): Promise<void> {
    const whole = current?.length;
    while (current !== undefined && current.length > 0) {
      const written = await new Promise<number>((resolve) => write(fd, current ?? Buffer.alloc(0), (error, count) => resolve(error === null ? count : -1)));
      if (written < 0) {
        isTorn ||= current.length !== whole;
        dropped += 1;
        return;
      }
      // `flush` may have written the rest meanwhile.
      current = current?.subarray(written);
    }
  }

  return {
    write(line) {
      const buffer = Buffer.from(line);
      waiting.push(buffer);
      waitingBytes += buffer.length;
      while (waitingBytes > MAX_WAITING_BYTES && waiting.length > 1) {
        waitingBytes -= waiting.shift()?.length ?? 0;
        dropped += 1;
      }
      if (dropped > 0 && waitingBytes < MAX_WAITING_BYTES / 2) {
        waiting.push(Buffer.from(`{"level":"warn","dropped":${dropped},"msg":"lines of the log could not be written"}\n`));
        dropped = 0;
      }
      underWay ??= Promise.resolve().then(drain);
    },
    flush() {
      quietly(() => {
        // What is under way may be written twice in part: better than not at all, for a process that ends.
        if (current !== undefined && current.length > 0) writeSync(fd, current);
        current = undefined;
        for (let lines = take(); lines !== undefined; lines = take()) writeSync(fd, lines);
      });
    },
    async end() {
      await underWay;
      quietly(() => closeSync(fd));
    },
  };
}

/** The newest first: `studio.log`, `studio.log.1`, … as far as they are there. */
export function logFilesOf(path: string): readonly string[] {
  const files = existsSync(path) ? [path] : [];
  for (let at = 1; existsSync(`${path}.${at}`); at++) files.push(`${path}.${at}`);
  return files;
}

const openLater = promisify(open);

async function rotate(path: string, keep: number): Promise<void> {
  await rm(`${path}.${keep}`, { force: true });
  // Serial and backwards: each moves into a free name.
  for (let at = keep - 1; at >= 1; at--) if (await isThere(`${path}.${at}`)) await rename(`${path}.${at}`, `${path}.${at + 1}`);
  if (keep > 0) await rename(path, `${path}.1`);
  else await rm(path, { force: true });
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A kill in the middle of a rotation leaves a number free: what stands behind it moves up, and what is beyond the count goes. */
function closeGaps(path: string, keep: number): void {
  let next = 1;
  for (let at = 1; at <= keep + 1; at++) {
    if (!existsSync(`${path}.${at}`)) continue;
    if (next > keep) rmSync(`${path}.${at}`, { force: true });
    else if (at !== next) renameSync(`${path}.${at}`, `${path}.${next}`);
    next += 1;
  }
}

function openAppending(path: string): { fd: number; bytes: number } {
  const fd = openSync(path, 'a+', 0o640);
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  if (size === 0 || (readSync(fd, last, 0, 1, size - 1) === 1 && last[0] === 10)) return { fd, bytes: size };
  writeSync(fd, '\n');
  return { fd, bytes: size + 1 };
}
