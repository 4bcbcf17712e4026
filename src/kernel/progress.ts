/** How far a long piece of work is (a backup, a restore, an org that goes or travels): phase, bytes done of how many, what it is at. Tells at most twice a second. */
import type { Clock } from './clock.ts';

export interface ProgressState {
  readonly phase: string;
  readonly doneBytes: number;
  /** Null: nobody knows. */
  readonly totalBytes: number | null;
  /** The table or the file. */
  readonly at: string | null;
  /** Bytes a second of this phase; null: it just began. */
  readonly rate: number | null;
  readonly leftMs: number | null;
}

export interface Progress {
  enter(phase: string, totalBytes?: number): void;
  add(bytes: number, at?: string): void;
  readonly state: ProgressState;
}

const TELL_MS = 500;
const RATE_AFTER_MS = 1_000;

export function createProgress(clock: Clock, tell: (state: ProgressState) => void = () => undefined): Progress {
  let now = { phase: 'starting', doneBytes: 0, totalBytes: null as number | null, at: null as string | null };
  let [enteredAt, toldAt] = [clock.monotonic(), Number.NEGATIVE_INFINITY];
  const read = (): ProgressState => {
    const elapsedMs = clock.monotonic() - enteredAt;
    const rate = elapsedMs < RATE_AFTER_MS ? null : Math.round((now.doneBytes / elapsedMs) * 1_000);
    const leftMs = rate === null || rate === 0 || now.totalBytes === null ? null : Math.round(((now.totalBytes - now.doneBytes) / rate) * 1_000);
    return { ...now, rate, leftMs };
  };
  return {
    enter(phase, totalBytes) {
      now = { phase, doneBytes: 0, totalBytes: totalBytes ?? null, at: null };
      enteredAt = toldAt = clock.monotonic();
      tell(read());
    },
    add(bytes, at) {
      now = { ...now, doneBytes: now.doneBytes + bytes, at: at ?? now.at };
      if (clock.monotonic() - toldAt < TELL_MS) return;
      toldAt = clock.monotonic();
      tell(read());
    },
    get state() {
      return read();
    },
  };
}
