/** How many slots a queue should have, from how it goes: more while many wait and all goes well, fewer when attempts fail or the machine is slow to start them.
 *  Pure. One thing to know: how long jobs run says nothing here, and neither does how long they stood in line: a queue of long jobs is no reason for fewer
 *  slots. What counts as waiting is the time between a slot and a running process, which is the machine's own slowness. */

export const BASE_SLOTS = 4;
export const ADAPT_EVERY_MS = 3_000;
const MIN_SLOTS = 1;
const MAX_SLOTS = 32;
const STEP = 2;
export const DEPTH_MARK = 40;
const WAIT_MARK_MS = 2_000;
const ERROR_MARK = 0.2;
/** Of attempts that ended this long ago or less: what failed before is forgiven. */
const WINDOW_MS = 30_000;
/** One failure among two attempts says nothing. */
const LEAST_ENDED = 5;

export interface QueueFacts {
  readonly slots: number;
  /** Jobs that wait. */
  readonly depth: number;
  /** 95th percentile of the time from slot to process; 0: none began. */
  readonly startWaitMs: number;
  /** Of the attempts that ended in the window; 0: none, or too few. */
  readonly errorRate: number;
}

/** The number of slots for the next three seconds. */
export function adapt(facts: QueueFacts): number {
  const { slots, depth, startWaitMs, errorRate } = facts;
  if (errorRate > ERROR_MARK || startWaitMs > WAIT_MARK_MS) return Math.max(MIN_SLOTS, slots - STEP);
  // Below the base it was driven by what is over now.
  if (slots < BASE_SLOTS) return Math.min(BASE_SLOTS, slots + STEP);
  if (depth >= DEPTH_MARK) return Math.min(MAX_SLOTS, slots + STEP);
  if (depth === 0) return Math.max(BASE_SLOTS, slots - STEP);
  return slots;
}

/** What happened in a queue lately. */
export interface Pulse {
  began(waitMs: number, nowMs: number): void;
  ended(isFailure: boolean, nowMs: number): void;
  read(nowMs: number): Pick<QueueFacts, 'startWaitMs' | 'errorRate'>;
}

export function createPulse(): Pulse {
  let began: { readonly waitMs: number; readonly atMs: number }[] = [];
  let ended: { readonly isFailure: boolean; readonly atMs: number }[] = [];
  return {
    began: (waitMs, nowMs) => void began.push({ waitMs, atMs: nowMs }),
    ended: (isFailure, nowMs) => void ended.push({ isFailure, atMs: nowMs }),
    read(nowMs) {
      began = began.filter((one) => nowMs - one.atMs <= WINDOW_MS);
      ended = ended.filter((one) => nowMs - one.atMs <= WINDOW_MS);
      const waits = began.map((one) => one.waitMs).toSorted((a, b) => a - b);
      const failures = ended.filter((one) => one.isFailure).length;
      return { startWaitMs: waits[Math.floor(waits.length * 0.95)] ?? 0, errorRate: ended.length < LEAST_ENDED ? 0 : failures / ended.length };
    },
  };
}
