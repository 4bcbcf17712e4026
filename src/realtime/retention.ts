/** Keeps the outbox at 24 hours: what is older can't be replayed and is deleted in small bites. Source: CONTRACTS (Events). */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { deleteOldEvents } from '../store/outbox.ts';

export const OUTBOX_KEPT_MS = 24 * 3_600_000;
const EVERY_MS = 10 * 60_000;
/** One transaction: 20,000 rows are gone in about 50 ms. */
const BITE = 20_000;

/** @returns a function that stops it */
export function startRetention(parts: { readonly database: Database; readonly clock: Clock; readonly log: Logger }): () => void {
  const { database, clock, log } = parts;
  let isStopped = false;
  let cancel = (): void => {};
  const run = async (): Promise<void> => {
    try {
      // Serial: a bite at a time leaves the writers room.
      while (!isStopped && (await deleteOldEvents(database.engine, { before: new Date(clock.now() - OUTBOX_KEPT_MS), limit: BITE })) >= BITE) continue;
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'old events could not be deleted; tried again in ten minutes');
    }
    if (!isStopped) cancel = clock.after(EVERY_MS, () => void run());
  };
  cancel = clock.after(EVERY_MS, () => void run());
  return () => {
    isStopped = true;
    cancel();
  };
}
