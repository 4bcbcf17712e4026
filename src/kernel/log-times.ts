/** When the lines of a log were written: pairs of (time, byte) in a file beside the log, so that a log of any size can be entered at a time.
 *  Never reads the log. Bounded: a full file loses every second pair, and from then on pairs stand twice as far apart.
 *  One thing to know: a pair says "from this byte on, not before this time"; lines between two pairs were written between their times. */
import { appendFile, readFile, truncate } from 'node:fs/promises';
import { writeWhole } from './whole-file.ts';

export interface LogTime {
  readonly atMs: number;
  readonly byte: number;
}

export interface LogTimes {
  /** Bytes from here on are written now. Held until `flush`. */
  mark(byte: number): void;
  flush(): Promise<void>;
  /** The log begins anew at its first byte. */
  restart(): Promise<void>;
}

/** Two doubles. */
const PAIR_BYTES = 16;
/** 1 MiB: an hour and three quarters of a job that never rests, at a tenth of a second each; then coarser. */
const MAX_PAIRS = 65_536;
/** As often as the log is carried over. */
const STEP_MS = 100;

/** Goes on with what is there, less what lies beyond the log's `bytes`. */
export async function openLogTimes(
  path: string,
  options: { readonly bytes: number; readonly now: () => number; readonly maxPairs?: number },
): Promise<LogTimes> {
  const maxPairs = options.maxPairs ?? MAX_PAIRS;
  const before = await readLogTimes(path);
  let count = countUpTo(before, options.bytes);
  if (count < before.length) await truncate(path, count * PAIR_BYTES);
  let last = before[count - 1]?.atMs ?? Number.NEGATIVE_INFINITY;
  let stepMs = stepOf(before, maxPairs);
  let held: LogTime[] = [];

  return {
    mark(byte) {
      const atMs = options.now();
      // A clock that was set back: times of a log never fall.
      if (atMs - last < stepMs) return;
      last = atMs;
      held.push({ atMs, byte });
    },
    async flush() {
      if (held.length === 0) return;
      const adding = held;
      held = [];
      await appendFile(path, bytesOf(adding), { mode: 0o600 });
      count += adding.length;
      if (count < maxPairs) return;
      const kept = (await readLogTimes(path)).filter((_, index) => index % 2 === 0);
      await writeWhole(path, bytesOf(kept));
      count = kept.length;
      stepMs *= 2;
    },
    async restart() {
      held = [];
      count = 0;
      last = Number.NEGATIVE_INFINITY;
      stepMs = STEP_MS;
      await writeWhole(path, Buffer.alloc(0));
    },
  };
}

/** All pairs, oldest first; none for a log that is older than its times. */
export async function readLogTimes(path: string): Promise<LogTime[]> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  // A pair that was cut by a crash is left out.
  return Array.from({ length: Math.floor(bytes.length / PAIR_BYTES) }, (_, index) => ({
    atMs: bytes.readDoubleLE(index * PAIR_BYTES),
    byte: bytes.readDoubleLE(index * PAIR_BYTES + 8),
  }));
}

/** What is asked of a log's times. */
export interface LogTimesRequest {
  readonly from: number;
  /** Default: the log's end. */
  readonly to: number | undefined;
  readonly limit: number;
  /** Then also the byte at which the log goes on at this time. */
  readonly atMs: number | undefined;
}

export interface LogTimesReply {
  readonly times: readonly { readonly at: string; readonly byte: number }[];
  readonly byteAt: number | null;
  readonly bytes: number;
}

/** The times of a log of so many bytes, as they are told. @param path where its pairs lie */
export async function tellLogTimes(path: string, bytes: number, { from, to, limit, atMs }: LogTimesRequest): Promise<LogTimesReply> {
  const all = await readLogTimes(path);
  return {
    times: timesBetween(all, { from, to: to ?? bytes, limit }).map((time) => ({ at: new Date(time.atMs).toISOString(), byte: time.byte })),
    byteAt: atMs === undefined ? null : byteAtTime(all, atMs, bytes),
    bytes,
  };
}

/** The first byte that may have been written at or after a time; `bytes`, the log's length, when all was written before. */
export function byteAtTime(times: readonly LogTime[], atMs: number, bytes: number, maxPairs = MAX_PAIRS): number {
  const after = times.findIndex((time) => time.atMs >= atMs);
  const before = times[(after < 0 ? times.length : after) - 1];
  // What a pair stands for was written within a step of it.
  if (before !== undefined && atMs - before.atMs < stepOf(times, maxPairs)) return before.byte;
  return before === undefined ? 0 : (times[after]?.byte ?? bytes);
}

/** At most `limit` pairs of the bytes `from` to `to`, evenly thinned; the first tells the time of `from`. */
export function timesBetween(times: readonly LogTime[], range: { readonly from: number; readonly to: number; readonly limit: number }): LogTime[] {
  const begin = Math.max(0, countUpTo(times, range.from) - 1);
  const inside = times.slice(begin, countUpTo(times, range.to));
  const every = Math.ceil(inside.length / range.limit);
  return every <= 1 ? inside : inside.filter((_, index) => index % every === 0);
}

/** How far pairs stand apart at least: a tenth of a second, or what thinning left. */
function stepOf(times: readonly LogTime[], maxPairs: number): number {
  if (times.length < maxPairs / 2) return STEP_MS;
  let step = Number.POSITIVE_INFINITY;
  for (let index = 1; index < times.length; index += 1) step = Math.min(step, (times[index]?.atMs ?? 0) - (times[index - 1]?.atMs ?? 0));
  return Math.max(STEP_MS, step);
}

/** How many pairs begin at or before a byte. They are in order. */
function countUpTo(times: readonly LogTime[], byte: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle]?.byte ?? 0) <= byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

function bytesOf(times: readonly LogTime[]): Buffer {
  const bytes = Buffer.alloc(times.length * PAIR_BYTES);
  times.forEach(({ atMs, byte }, index) => {
    bytes.writeDoubleLE(atMs, index * PAIR_BYTES);
    bytes.writeDoubleLE(byte, index * PAIR_BYTES + 8);
  });
  return bytes;
}
