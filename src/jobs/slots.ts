/** The slots of one queue, held by better-queue in memory. It never orders, retries, times out or cancels: it is fed with claimed jobs only, no more
 *  than there are free slots, and its callback comes when the job's process is proved gone. PostgreSQL is the truth.
 *  One thing to know: better-queue looks for its next task once per event; after `concurrent` rose, or while tasks wait, it needs `resume()`. */
import BetterQueue from 'better-queue';
import MemoryStore from 'better-queue-memory';

export interface Slots<Task> {
  /** @param task run at once when there is a free slot; otherwise after the next one ended */
  push(task: Task): void;
  /** Fewer than are taken: those go on, no more start. */
  setCount(count: number): void;
  /** Slots that nothing runs in or waits for. */
  free(): number;
  /** How many run or wait to run. */
  taken(): number;
}

/** @param run must not reject; a slot is free again when it resolves */
export function createSlots<Task extends { readonly id: string }>(count: number, run: (task: Task) => Promise<void>): Slots<Task> {
  let slots = count;
  let taken = 0;
  let waiting = 0;
  const queue = new BetterQueue<Task, void>(
    (task: Task, done) => {
      waiting--;
      run(task).then(
        () => finish(done),
        () => finish(done),
      );
    },
    { store: new MemoryStore() as BetterQueue.Store<Task>, concurrent: Math.max(1, count), maxRetries: 0, batchDelay: 0, afterProcessDelay: 0 },
  );
  // The options have no word for none.
  setConcurrent(count);

  function setConcurrent(value: number): void {
    (queue as unknown as { concurrent: number }).concurrent = value;
  }

  function finish(done: () => void): void {
    taken--;
    done();
    nudge();
  }

  /** Until every pushed task that has a slot has begun. */
  function nudge(): void {
    if (waiting === 0 || taken - waiting >= slots) return;
    queue.resume();
    setImmediate(nudge);
  }

  return {
    push(task) {
      taken++;
      waiting++;
      queue.push(task);
      setImmediate(nudge);
    },
    setCount(value) {
      slots = value;
      setConcurrent(value);
      nudge();
    },
    free: () => Math.max(0, slots - taken),
    taken: () => taken,
  };
}
