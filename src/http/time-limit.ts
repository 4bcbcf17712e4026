/** How long a request may take: the configured time, and no longer than the database is known to be away. Without the second a request that was under way when
 *  PostgreSQL froze would wait for its whole time, while every later one is refused at once.
 *  One thing to know: what a request began goes on when it is given up; with an Idempotency-Key the caller can ask again what became of it. */
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';

export interface TimeLimit {
  readonly signal: AbortSignal;
  /** Settles as `work` does, or rejects when the time is over. */
  of<T>(work: Promise<T>): Promise<T>;
  /** The caller's own slowness is the caller's fault: when the time is over during `work`, that is said. */
  whileReading<T>(work: Promise<T>): Promise<T>;
  /** From now on only the configured time counts. */
  outlastDatabase(): void;
  stop(): void;
}

export interface TimeLimits {
  begin(): TimeLimit;
}

interface LimitParts {
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  readonly isDatabaseAway: () => boolean;
}

const LOOK_MS = 500;
const RETRY_S = 2;

interface Open {
  isReading: boolean;
  isOutlasting: boolean;
  giveUp(error: AppError): void;
}

export function createTimeLimits({ clock, requestTimeoutMs, isDatabaseAway }: LimitParts): TimeLimits {
  const all = new Set<Open>();
  let isLooking = false;

  /** One clock for all of them, which runs while there are any. */
  function look(): void {
    isLooking = all.size > 0;
    if (!isLooking) return;
    if (isDatabaseAway())
      for (const one of all) if (!one.isReading && !one.isOutlasting) one.giveUp(new AppError('database_unavailable', { retryAfterS: RETRY_S }));
    clock.after(LOOK_MS, look);
  }

  return {
    begin() {
      const limit = new AbortController();
      const late = Promise.withResolvers<never>();
      // Nobody may be waiting any more when it is late.
      late.promise.catch(() => undefined);
      const open: Open = {
        isReading: false,
        isOutlasting: false,
        giveUp(error) {
          limit.abort(error);
          late.reject(error);
        },
      };
      const cancel = clock.after(requestTimeoutMs, () => open.giveUp(lateError(open.isReading, requestTimeoutMs)));
      all.add(open);
      if (!isLooking) {
        isLooking = true;
        clock.after(LOOK_MS, look);
      }
      return {
        signal: limit.signal,
        of: (work) => Promise.race([work, late.promise]),
        async whileReading(work) {
          open.isReading = true;
          const read = await work;
          open.isReading = false;
          return read;
        },
        outlastDatabase: () => void (open.isOutlasting = true),
        stop() {
          cancel();
          all.delete(open);
        },
      };
    },
  };
}

function lateError(isReading: boolean, timeMs: number): AppError {
  if (isReading) return new AppError('invalid_body', { message: `The body did not arrive within ${timeMs} ms; send it again, or upload it as a file.` });
  return new AppError('internal', {
    message: `This request was not finished within ${timeMs} ms and was given up. Try again; if it stays slow, look at the health page.`,
  });
}
