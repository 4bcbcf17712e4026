/** Time as a part that can be replaced: everything that waits or stamps takes a Clock. Tests use test/fake-clock.ts. */

export interface Clock {
  /** Wall time, ms since the epoch. May jump. */
  now(): number;
  /** Time that only goes forward, ms from an arbitrary start. For leases, timeouts and durations. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs` of monotonic time. @returns a function that cancels it */
  after(delayMs: number, callback: () => void): () => void;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Longest delay of one Node timer (2^31 - 1 ms); longer ones fire at once, so they are chained. */
const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      timer = setTimeout(() => (leftMs > MAX_TIMER_MS ? arm(leftMs - MAX_TIMER_MS) : callback()), Math.max(0, Math.min(leftMs, MAX_TIMER_MS)));
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
  sleep(delayMs, signal) {
    return sleepWith(systemClock, delayMs, signal);
  },
};

/** The one implementation of `sleep`, over any clock's `after`. */
export function sleepWith(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
