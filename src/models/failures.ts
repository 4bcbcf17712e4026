/** Failures of a model in a row: after the second it is refused for a while with the last reason, so that a broken one is no storm of loads. */
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';
import type { ModelRecord } from '../store/models.ts';

export interface Failures {
  add(reason: string, model: ModelRecord): void;
  /** It worked, or a person wants it tried anew. */
  clear(): void;
  last(): string | undefined;
  /** @throws AppError model_unavailable while it is refused; who changed the model since may try */
  refuse(model: ModelRecord): void;
}

const FIRST_MS = 5_000;
const MAX_MS = 5 * 60_000;

export function createFailures(clock: Clock): Failures {
  let count = 0;
  let reason: string | undefined;
  let refusedUntil = Number.NEGATIVE_INFINITY;
  let changedAtMs = 0;
  return {
    add(why, model) {
      count += 1;
      reason = why;
      changedAtMs = model.updatedAt.getTime();
      if (count >= 2) refusedUntil = clock.monotonic() + Math.min(MAX_MS, FIRST_MS * 2 ** (count - 2));
    },
    clear() {
      count = 0;
      reason = undefined;
      refusedUntil = Number.NEGATIVE_INFINITY;
    },
    last: () => reason,
    refuse(model) {
      const leftMs = refusedUntil - clock.monotonic();
      if (leftMs <= 0 || model.updatedAt.getTime() !== changedAtMs) return;
      const retryAfterS = Math.ceil(leftMs / 1_000);
      throw new AppError('model_unavailable', {
        message: `${model.name} failed ${count} times in a row; it is tried again in ${retryAfterS} s, or at once when you load it by hand. Last: ${reason ?? ''}`,
        retryAfterS,
      });
    },
  };
}
