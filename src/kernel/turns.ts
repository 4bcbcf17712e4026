/** Work that must not overlap, one after the other in the order in which it was asked for. What fails holds up nobody. */

export interface Turns {
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when all that was asked for until now is over. Never rejects. */
  over(): Promise<unknown>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(work) {
      const mine = last.then(work, work);
      last = mine.catch(() => undefined);
      return mine;
    },
    over: () => last,
  };
}
