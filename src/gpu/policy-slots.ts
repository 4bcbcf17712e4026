/** Slots of queues within one decision: a request takes one only if those before it that need no grant leave it one. */
import { keyOf, type PolicyQueue, type PolicyRequest } from './policy-state.ts';

export interface SlotBook {
  hasSlot(request: PolicyRequest): boolean;
  take(request: PolicyRequest): void;
}

export function createSlotBook(queues: readonly PolicyQueue[]): SlotBook {
  const open = new Map(queues.map((queue) => [queue.name, { free: queue.freeSlots, others: queue.others.map(keyOf) }]));
  return {
    hasSlot(request) {
      const queue = request.queue === undefined ? undefined : open.get(request.queue);
      if (queue === undefined) return true;
      if (queue.free <= 0) return false;
      const key = keyOf(request);
      let ahead = 0;
      for (const other of queue.others) if (other < key) ahead++;
      return queue.free > ahead;
    },
    take(request) {
      const queue = request.queue === undefined ? undefined : open.get(request.queue);
      if (queue !== undefined) queue.free--;
    },
  };
}
