/** When a log was written: what its timeline draws and its gutter says. Asked for again when the log has grown, never on a clock alone. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

/** From this byte on, not before this time. */
export interface LogMoment {
  readonly atMs: number;
  readonly byte: number;
}

export interface LogTimes {
  /** Of the whole log, thinned. */
  readonly whole: ReadonlySignal<readonly LogMoment[]>;
  /** Of what is shown, as close as they are known. */
  readonly near: ReadonlySignal<readonly LogMoment[]>;
  /** How long the log was then. */
  readonly bytes: ReadonlySignal<number>;
  /** What is shown now reaches from one byte to another. */
  look(from: number, to: number): void;
  /** The byte at which the log goes on at a time. */
  byteAt(atMs: number): Promise<number>;
  start(): void;
  close(): void;
}

/** Asks the server when a log was written. @throws ApiError */
export type ReadLogTimes = (asked: { readonly from?: number; readonly to?: number; readonly limit: number; readonly at?: string }) => Promise<{
  readonly times: readonly { readonly at: string; readonly byte: number }[];
  readonly byteAt: number | null;
  readonly bytes: number;
}>;

const WHOLE = 600;
const NEAR = 3_000;
/** A log that grows all the time is asked about this often. */
const REST_MS = 3_000;

export function createLogTimes(ask: ReadLogTimes): LogTimes {
  const whole = signal<readonly LogMoment[]>([]);
  const near = signal<readonly LogMoment[]>([]);
  const bytes = signal(0);
  let shown: { readonly from: number; readonly to: number } = { from: 0, to: 0 };
  let isClosed = false;
  let isResting = false;
  let isStale = false;

  const read = async (query: { readonly from?: number; readonly to?: number; readonly limit: number }): Promise<readonly LogMoment[]> => {
    const reply = await ask(query);
    bytes.value = reply.bytes;
    return reply.times.map(({ at, byte }) => ({ atMs: Date.parse(at), byte }));
  };
  const readAll = async (): Promise<void> => {
    // A log shows its lines whether its times are known or not.
    const [all, close] = await Promise.all([read({ limit: WHOLE }), read({ ...shown, limit: NEAR })]).catch(() => []);
    if (isClosed || all === undefined || close === undefined) return;
    whole.value = all;
    near.value = close;
  };
  const askSoon = (): void => {
    isStale = true;
    if (isResting || isClosed) return;
    isStale = false;
    isResting = true;
    void readAll().finally(() =>
      setTimeout(() => {
        isResting = false;
        if (isStale) askSoon();
      }, REST_MS),
    );
  };
  return {
    whole,
    near,
    bytes,
    look(from, to) {
      if (from === shown.from && to === shown.to) return;
      shown = { from, to };
      askSoon();
    },
    async byteAt(atMs) {
      const reply = await ask({ limit: 1, at: new Date(atMs).toISOString() });
      return reply.byteAt ?? 0;
    },
    start: () => undefined,
    close: () => void (isClosed = true),
  };
}

/** When a byte was written, to what is known; undefined before the first time. */
export function timeOfByte(moments: readonly LogMoment[], byte: number): number | undefined {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((moments[middle]?.byte ?? 0) <= byte) low = middle + 1;
    else high = middle;
  }
  return moments[low - 1]?.atMs;
}

/** How many bytes were written in each of `count` equal parts of the time. */
export function bytesOverTime(moments: readonly LogMoment[], bytes: number, count: number): readonly number[] {
  const first = moments[0]?.atMs ?? 0;
  const span = Math.max(1, (moments.at(-1)?.atMs ?? 0) - first);
  const parts = Array.from({ length: count }, () => 0);
  moments.forEach((moment, index) => {
    const part = Math.min(count - 1, Math.floor(((moment.atMs - first) / span) * count));
    parts[part] = (parts[part] ?? 0) + (moments[index + 1]?.byte ?? bytes) - moment.byte;
  });
  return parts;
}

/** The time that somebody means: a clock time on the log's days, `+90s` from its beginning, `-5m` from its end, or a date and time.
 *  @returns undefined when the words name none */
export function timeMeant(words: string, span: { readonly firstMs: number; readonly lastMs: number }): number | undefined {
  const text = words.trim();
  const away = /^([+-])\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text);
  if (away !== null) {
    const ms = Number(away[2]) * (UNIT_MS[away[3] ?? 's'] ?? 1_000);
    return away[1] === '+' ? span.firstMs + ms : span.lastMs - ms;
  }
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(text);
  if (clock === null) {
    const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
    return Number.isNaN(date) ? undefined : date;
  }
  const [hours, minutes, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds >= 60) return undefined;
  const day = new Date(span.firstMs);
  day.setHours(hours, minutes, 0, 0);
  const first = day.getTime() + seconds * 1_000;
  // Before the log begins: the same time of the day after, where the log reaches into it.
  return first < span.firstMs - 60_000 && first + 86_400_000 <= span.lastMs + 60_000 ? first + 86_400_000 : first;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
