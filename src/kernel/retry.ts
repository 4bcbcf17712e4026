/** Delays between attempts. Pure but for the random number it is given. */

export interface Backoff {
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
  /** Share of the delay that is random, 0 to 1. 1 is full jitter. */
  readonly jitter: number;
}

/** Next delay before attempt `n + 1`, after the `n`-th (1-based) failed: exponential, capped, jittered downwards.
 *  @param random in [0, 1)  @returns ms in [0, maxMs]
 *  @see AWS Architecture Blog, "Exponential Backoff and Jitter" (2015) */
export function backoffDelayMs(backoff: Backoff, attempt: number, random: number): number {
  const full = Math.min(backoff.maxMs, backoff.baseMs * backoff.factor ** (attempt - 1));
  return Math.round(full * (1 - backoff.jitter * random));
}
