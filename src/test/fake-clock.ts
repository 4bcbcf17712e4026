/** A Clock whose time moves only by `advance`: timers fire in order of their time, then of their making. For tests. */
import { sleepWith, type Clock } from '../kernel/clock.ts';

export interface FakeClock extends Clock {
  /** Moves wall and monotonic time on by `ms`, firing what becomes due. Lets promises settle between timers. */
  advance(ms: number): Promise<void>;
  /** Moves wall time alone, as an operator who sets the clock does. */
  jump(ms: number): void;
  /** How many timers are armed. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

export function fakeClock(startMs: number = Date.UTC(2026, 0, 1)): FakeClock {
  let monotonic = 0;
  let wall = startMs;
  let made = 0;
  const timers = new Set<Timer>();
  const nextDue = (until: number): Timer | undefined =>
    [...timers].filter((timer) => timer.at <= until).toSorted((a, b) => a.at - b.at || a.order - b.order)[0];
  const moveTo = (time: number): void => {
    wall += time - monotonic;
    monotonic = time;
  };
  const clock: FakeClock = {
    now: () => wall,
    monotonic: () => monotonic,
    after(delayMs, callback) {
      const timer = { at: monotonic + Math.max(0, delayMs), order: made++, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    sleep: (delayMs, signal) => sleepWith(clock, delayMs, signal),
    async advance(ms) {
      const until = monotonic + ms;
      // Serial: a timer may arm another one that is due within the same advance.
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        moveTo(Math.max(monotonic, timer.at));
        timer.callback();
        await settle();
      }
      moveTo(until);
      await settle();
    },
    jump: (ms) => {
      wall += ms;
    },
    get pending() {
      return timers.size;
    },
  };
  return clock;
}

/** One turn of the event loop: pending promise callbacks run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
