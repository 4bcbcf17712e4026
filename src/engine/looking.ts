/** A look that is taken again and again: when its time has come, at once when something changed, never two at a time in this process. */
import type { Clock } from '../kernel/clock.ts';

export interface Looking {
  start(): void;
  /** Something changed: look at once. */
  nudge(): void;
  stop(): Promise<void>;
}

/** @param look takes one look; asks `isRunning` between its bites. @returns how long until the next */
export function createLooking(clock: Clock, look: (isRunning: () => boolean) => Promise<number>): Looking {
  let cancelTimer = (): void => {};
  let isRunning = false;
  let isNudged = false;
  let looking = Promise.resolve();

  const loop = async (): Promise<void> => {
    let nextMs = 0;
    do {
      isNudged = false;
      nextMs = await look(() => isRunning);
    } while (isRunning && isNudged);
    if (!isRunning) return;
    cancelTimer = clock.after(nextMs, () => {
      looking = loop();
    });
  };

  return {
    start() {
      if (isRunning) return;
      isRunning = true;
      looking = loop();
    },
    nudge() {
      if (isNudged || !isRunning) return;
      isNudged = true;
      cancelTimer();
      // Behind a look that runs; that one sees the nudge, and this one then finds nothing to do.
      looking = looking.then(() => (isNudged ? loop() : undefined));
    },
    async stop() {
      isRunning = false;
      cancelTimer();
      await looking;
    },
  };
}
