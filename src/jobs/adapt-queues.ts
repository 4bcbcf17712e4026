/** Queues that find their own number of slots: it is written down, so that everybody sees it and every worker keeps to it. */
import { countPending, upsertQueue } from '../store/queues.ts';
import { adapt, ADAPT_EVERY_MS, DEPTH_MARK } from './adaptive.ts';
import type { RunParts } from './parts.ts';

export type AdaptQueues = (queues: readonly { readonly name: string; readonly slots: number }[]) => Promise<void>;

/** @param onChange a queue has these slots from now on */
export function createAdaptQueues({ database, clock, pulseOf }: RunParts, onChange: (queue: string, slots: number) => void): AdaptQueues {
  let nextAt = 0;
  return async (queues) => {
    if (clock.monotonic() < nextAt) return;
    nextAt = clock.monotonic() + ADAPT_EVERY_MS;
    for (const { name, slots } of queues) {
      // Serial: few queues, and each change is its own transaction.
      const depth = await countPending(database.engine, { name, limit: DEPTH_MARK });
      const next = adapt({ slots, depth, ...pulseOf(name).read(clock.now()) });
      if (next === slots) continue;
      await database.engine.transaction((sql) => upsertQueue(sql, { name, slots: next }));
      database.announce();
      onChange(name, next);
    }
  };
}
