/** A stretch of a log that may be larger than a browser holds: its end, live, or what lies around a place. Reads by ranges; never holds more than is shown. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { asApiError, readReply } from '../api.ts';
import type { ApiError } from '../api.ts';
import { appendLog, noLines } from './log-lines.ts';
import type { LogLines } from './log-lines.ts';
import { createLogStream } from './log-stream.ts';
import type { LogStream, LogStreamParts } from './log-stream.ts';

export interface LogWindow {
  readonly log: ReadonlySignal<LogLines>;
  readonly error: ReadonlySignal<ApiError | undefined>;
  /** All of the log was read. */
  readonly done: ReadonlySignal<boolean>;
  /** Where the first shown line begins, in bytes; 0: at the beginning. */
  readonly from: ReadonlySignal<number>;
  /** Whether it ends before the log does. */
  readonly isInside: ReadonlySignal<boolean>;
  /** How many bytes between its lines are not in it. */
  readonly leftOut: ReadonlySignal<number>;
  /** Index of the line that was asked for. */
  readonly line: ReadonlySignal<number | undefined>;
  /** How long the log was when it was looked at last. */
  readonly bytes: ReadonlySignal<number>;
  start(): void;
  /** Shows what lies around a byte, or the beginning. */
  showAt(byte: number): void;
  /** Shows the end again, live. */
  showEnd(): void;
  close(): void;
}

/** A log up to this is shown whole. */
const WHOLE_BYTES = 4 * 1024 * 1024;
const END_BYTES = 1024 * 1024;
const BEFORE_BYTES = 128 * 1024;
const AROUND_BYTES = 1024 * 1024;
/** A line is looked for so far. */
const LINE_BYTES = 64 * 1024;

export interface LogWindowParts extends Omit<LogStreamParts, 'from'> {
  /** The bytes that a range names. */
  readonly plain: URL;
}

export function createLogWindow({ plain, ...way }: LogWindowParts): LogWindow {
  const from = signal(0);
  const isInside = signal(false);
  const leftOut = signal(0);
  const bytes = signal(0);
  const line = signal<number | undefined>(undefined);
  const log = signal<LogLines>(noLines);
  const error = signal<ApiError | undefined>(undefined);
  const done = signal(false);
  let stop = new AbortController();
  let stream: LogStream | undefined;
  let unsubscribe: readonly (() => void)[] = [];

  const end = (): void => {
    stop.abort();
    stop = new AbortController();
    for (const off of unsubscribe) off();
    stream?.close();
    stream = undefined;
  };
  const run = (work: (abort: AbortSignal) => Promise<void>): void => {
    end();
    const { signal: abort } = stop;
    error.value = undefined;
    leftOut.value = 0;
    work(abort).catch((fault: unknown) => {
      if (!abort.aborted) error.value = asApiError(fault);
    });
  };
  const followFrom = (byte: number): void => {
    from.value = byte;
    isInside.value = false;
    done.value = false;
    const following = createLogStream({ ...way, from: byte });
    stream = following;
    unsubscribe = [
      following.leftOut.subscribe((left) => {
        leftOut.value = left;
        bytes.value = Math.max(bytes.value, byte + left);
      }),
      following.log.subscribe((lines) => (log.value = lines)),
      following.error.subscribe((fault) => (error.value = fault)),
      following.done.subscribe((isDone) => (done.value = isDone)),
    ];
    following.start();
  };
  const showEnd = (): void =>
    run(async (abort) => {
      line.value = undefined;
      const size = await sizeOf(plain, abort);
      bytes.value = size;
      const start = size <= WHOLE_BYTES ? 0 : await lineFrom(plain, size - END_BYTES, abort);
      if (!abort.aborted) followFrom(start);
    });
  return {
    log,
    error,
    done,
    from,
    isInside,
    leftOut,
    bytes,
    line,
    start: showEnd,
    showEnd,
    showAt: (byte) =>
      run(async (abort) => {
        const start = byte <= BEFORE_BYTES ? 0 : await lineFrom(plain, byte - BEFORE_BYTES, abort);
        const { raw, text, size } = await readRange(plain, start, start + AROUND_BYTES - 1, abort);
        if (abort.aborted) return;
        bytes.value = size;
        line.value = raw.subarray(0, Math.max(0, byte - start)).reduce((count, one) => count + (one === 10 ? 1 : 0), 0);
        if (start + AROUND_BYTES >= size) return followFrom(start);
        from.value = start;
        isInside.value = true;
        // The last line may go on behind the stretch.
        log.value = appendLog(noLines, text.slice(0, text.lastIndexOf('\n') + 1));
        done.value = true;
      }),
    close: end,
  };
}

async function sizeOf(url: URL, abort: AbortSignal): Promise<number> {
  return (await readRange(url, 0, 0, abort)).size;
}

/** Where the first line begins at or after a byte. */
async function lineFrom(url: URL, byte: number, abort: AbortSignal): Promise<number> {
  const { raw } = await readRange(url, byte, byte + LINE_BYTES - 1, abort);
  const at = raw.indexOf(10);
  return at < 0 ? byte : byte + at + 1;
}

async function readRange(url: URL, start: number, last: number, abort: AbortSignal): Promise<{ raw: Uint8Array; text: string; size: number }> {
  const response = await fetch(url, { signal: abort, credentials: 'same-origin', headers: { 'x-studio-client': 'web', range: `bytes=${start}-${last}` } });
  const size = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? 0);
  if (response.status === 416) return { raw: new Uint8Array(), text: '', size };
  if (!response.ok) readReply(response, await response.text());
  const raw = new Uint8Array(await response.arrayBuffer());
  return { raw, text: new TextDecoder().decode(raw), size };
}
