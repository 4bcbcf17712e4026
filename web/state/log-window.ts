/** A stretch of a log that may be larger than a browser holds: its end, live, or what lies around a place; it grows where somebody scrolls, and loses
 *  what is far from there. Reads by ranges; never holds more than log-lines keeps. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { asApiError, readReply } from '../api.ts';
import type { ApiError } from '../api.ts';
import { dropOldest, linesOf, MAX_LINES, noLines, shownLines, shownStarts } from './log-lines.ts';
import type { LogLines } from './log-lines.ts';
import { createLogStream } from './log-stream.ts';
import type { LogStream, LogStreamParts } from './log-stream.ts';

export interface LogWindow {
  readonly log: ReadonlySignal<LogLines>;
  readonly error: ReadonlySignal<ApiError | undefined>;
  /** All of the log was read. */
  readonly done: ReadonlySignal<boolean>;
  /** Whether it ends before the log does. */
  readonly isInside: ReadonlySignal<boolean>;
  /** How many bytes between its lines are not in it. */
  readonly leftOut: ReadonlySignal<number>;
  /** The place that was asked for last. */
  readonly place: ReadonlySignal<LogPlace>;
  /** How long the log is, as far as is known. */
  readonly bytes: ReadonlySignal<number>;
  start(): void;
  /** Shows what lies around a byte, or the beginning. */
  showAt(byte: number): void;
  /** Shows the end again, live. */
  showEnd(): void;
  /** More before what is shown, and after it. Does nothing where there is none, or while it is on its way. */
  more(where: 'before' | 'after'): void;
  close(): void;
}

export interface LogPlace {
  /** Undefined: no line of its own. */
  readonly byte: number | undefined;
  /** Of a log that is not shown whole. */
  readonly isEnd: boolean;
  /** Which asking it was. */
  readonly turn: number;
}

/** A log up to this is shown whole. */
const WHOLE_BYTES = 4 * 1024 * 1024;
const END_BYTES = 1024 * 1024;
const BEFORE_BYTES = 128 * 1024;
const AROUND_BYTES = 1024 * 1024;
const MORE_BYTES = 512 * 1024;
/** A line is looked for so far. */
const LINE_BYTES = 64 * 1024;

export interface LogWindowParts extends Omit<LogStreamParts, 'from'> {
  /** The bytes that a range names. */
  readonly plain: URL;
}

export function createLogWindow({ plain, ...way }: LogWindowParts): LogWindow {
  const isInside = signal(false);
  const leftOut = signal(0);
  const bytes = signal(0);
  const place = signal<LogPlace>({ byte: undefined, isEnd: false, turn: 0 });
  const log = signal<LogLines>(noLines());
  const error = signal<ApiError | undefined>(undefined);
  const done = signal(false);
  let stop = new AbortController();
  let stream: LogStream | undefined;
  let isReading = false;
  /** What was read before the first line of the stream. */
  let before: LogLines = noLines();
  let unsubscribe: readonly (() => void)[] = [];

  const endStream = (): void => {
    for (const off of unsubscribe) off();
    unsubscribe = [];
    stream?.close();
    stream = undefined;
  };
  const end = (): void => {
    stop.abort();
    stop = new AbortController();
    isReading = false;
    endStream();
  };
  /** One at a time; another place ends it. */
  const run = (work: (abort: AbortSignal) => Promise<void>): void => {
    const { signal: abort } = stop;
    isReading = true;
    error.value = undefined;
    void work(abort)
      .catch((fault: unknown) => {
        if (!abort.aborted) error.value = asApiError(fault);
      })
      .finally(() => {
        if (!abort.aborted) isReading = false;
      });
  };
  const goTo = (work: (abort: AbortSignal) => Promise<Pick<LogPlace, 'byte' | 'isEnd'>>): void => {
    end();
    leftOut.value = 0;
    run(async (abort) => {
      const found = await work(abort);
      if (!abort.aborted) place.value = { ...found, turn: place.value.turn + 1 };
    });
  };
  const followFrom = (byte: number, earlier: LogLines): void => {
    before = earlier;
    isInside.value = false;
    done.value = false;
    const following = createLogStream({ ...way, from: byte });
    stream = following;
    unsubscribe = [
      following.leftOut.subscribe((left) => (leftOut.value = left)),
      following.log.subscribe((came) => {
        // What was read before it does not reach it any more.
        if (came.dropped > 0) before = noLines();
        log.value = joined(before, came);
        bytes.value = Math.max(bytes.value, came.openAt);
      }),
      following.error.subscribe((fault) => (error.value = fault)),
      following.done.subscribe((isDone) => (done.value = isDone)),
    ];
    following.start();
  };
  const showInside = (shown: LogLines): void => {
    endStream();
    isInside.value = true;
    done.value = true;
    log.value = shown;
  };
  const moreBefore = async (abort: AbortSignal): Promise<void> => {
    const first = log.value.starts[0] ?? 0;
    const start = first <= MORE_BYTES ? 0 : await lineFrom(plain, first - MORE_BYTES, abort);
    const { raw } = await readRange(plain, start, first - 1, abort);
    if (abort.aborted) return;
    const earlier = linesOf(raw, start);
    const all = joined({ ...noLines(), ...earlier }, log.value);
    if (stream === undefined || all.lines.length > MAX_LINES) return showInside({ ...all, ...keepOldest(all) });
    before = { ...noLines(), ...joined({ ...noLines(), ...earlier }, before) };
    log.value = all;
  };
  const moreAfter = async (abort: AbortSignal): Promise<void> => {
    const { openAt } = log.value;
    const { raw, size } = await readRange(plain, openAt, openAt + MORE_BYTES - 1, abort);
    if (abort.aborted) return;
    bytes.value = size;
    const whole = wholeLines(raw);
    const { lines, starts } = linesOf(whole, openAt);
    const next = openAt + whole.length;
    const all = dropOldest({ ...joined(log.value, { ...noLines(), lines, starts }), openAt: next });
    log.value = all;
    if (openAt + raw.length >= size) followFrom(next, all);
  };
  return {
    log,
    error,
    done,
    isInside,
    leftOut,
    bytes,
    place,
    start: () => showEnd(),
    showEnd,
    showAt: (byte) =>
      goTo(async (abort) => {
        const found = { byte, isEnd: false };
        const start = byte <= BEFORE_BYTES ? 0 : await lineFrom(plain, byte - BEFORE_BYTES, abort);
        const { raw, size } = await readRange(plain, start, start + AROUND_BYTES - 1, abort);
        if (abort.aborted) return found;
        bytes.value = size;
        const whole = wholeLines(raw);
        if (start + AROUND_BYTES >= size) followFrom(start, noLines());
        else showInside({ ...noLines(start + whole.length), ...linesOf(whole, start) });
        return found;
      }),
    more(where) {
      if (isReading) return;
      if (where === 'before' && (log.value.starts[0] ?? 0) > 0) run(moreBefore);
      if (where === 'after' && isInside.value) run(moreAfter);
    },
    close: end,
  };

  function showEnd(): void {
    goTo(async (abort) => {
      const { size } = await readRange(plain, 0, 0, abort);
      bytes.value = size;
      const start = size <= WHOLE_BYTES ? 0 : await lineFrom(plain, size - END_BYTES, abort);
      if (!abort.aborted) followFrom(start, noLines());
      return { byte: undefined, isEnd: start > 0 };
    });
  }
}

/** The later one goes on where the earlier one ends. */
function joined(earlier: LogLines, later: LogLines): LogLines {
  if (earlier.lines.length === 0) return later;
  return { ...later, lines: [...earlier.lines, ...later.lines], starts: [...earlier.starts, ...later.starts] };
}

/** Without the last lines beyond what is kept; it then ends where the first of them began. */
function keepOldest(log: LogLines): LogLines {
  const lines = shownLines(log);
  const starts = shownStarts(log);
  const openAt = starts[MAX_LINES];
  if (openAt === undefined) return log;
  return { ...log, lines: lines.slice(0, MAX_LINES), starts: starts.slice(0, MAX_LINES), open: '', openAt };
}

/** Without the last line, which may go on behind what was read; of one without an end, what there is. */
function wholeLines(raw: Uint8Array): Uint8Array {
  return raw.subarray(0, raw.lastIndexOf(10) + 1 || raw.length);
}

/** Where the first line begins at or after a byte. */
async function lineFrom(url: URL, byte: number, abort: AbortSignal): Promise<number> {
  const { raw } = await readRange(url, byte, byte + LINE_BYTES - 1, abort);
  const at = raw.indexOf(10);
  return at < 0 ? byte : byte + at + 1;
}

async function readRange(url: URL, start: number, last: number, abort: AbortSignal): Promise<{ raw: Uint8Array; size: number }> {
  const response = await fetch(url, { signal: abort, credentials: 'same-origin', headers: { 'x-studio-client': 'web', range: `bytes=${start}-${last}` } });
  const size = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? 0);
  if (response.status === 416) return { raw: new Uint8Array(), size };
  if (!response.ok) readReply(response, await response.text());
  return { raw: new Uint8Array(await response.arrayBuffer()), size };
}
