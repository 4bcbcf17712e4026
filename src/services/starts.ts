/** How many services start at once: the rest wait in line, first come first served. Never knows what they are. */

export interface Starts {
  /** Resolves when there is a place. @returns a function that gives it back, once  @throws the signal's reason */
  enter(signal: AbortSignal, onWait: (ahead: number) => void): Promise<() => void>;
}

export function createStarts(limit: number): Starts {
  let busy = 0;
  const line: (() => void)[] = [];
  const leave = (): (() => void) => {
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      const next = line.shift();
      // The place goes to the next one without becoming free in between.
      if (next === undefined) busy -= 1;
      else next();
    };
  };
  return {
    async enter(signal, onWait) {
      signal.throwIfAborted();
      if (busy < limit) {
        busy += 1;
        return leave();
      }
      onWait(busy + line.length);
      await new Promise<void>((resolve, reject) => {
        const go = (): void => {
          signal.removeEventListener('abort', end);
          resolve();
        };
        const end = (): void => {
          const at = line.indexOf(go);
          if (at >= 0) line.splice(at, 1);
          reject(signal.reason);
        };
        line.push(go);
        signal.addEventListener('abort', end, { once: true });
      });
      return leave();
    },
  };
}
