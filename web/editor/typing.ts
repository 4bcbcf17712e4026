/** When a draft is written down: at each change while that is quick; a large one when the hand rests. */

// A copy that takes longer than this to write waits for the rest: the canvas is being dragged at 60 frames a second.
const SLOW_MS = 4;
const REST_MS = 250;

export interface Typing {
  changed(): void;
  /** Writes what is not written. */
  now(): void;
  /** What changed is stored already. */
  cancel(): void;
}

export function createTyping(write: () => void): Typing {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastMs = 0;
  const run = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const before = performance.now();
    write();
    lastMs = performance.now() - before;
  };
  return {
    changed() {
      if (lastMs < SLOW_MS) run();
      else timer ??= setTimeout(run, REST_MS);
    },
    now() {
      if (timer !== undefined) run();
    },
    cancel() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
