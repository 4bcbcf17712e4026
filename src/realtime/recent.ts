/** The last events that the feed handed on, encoded: a thousand clients that come back at once are answered from here, not by a thousand
 *  queries. Bounded by number and bytes. Invariant: every event after `from` is in it. */
import { compareCursors, type Cursor } from '../store/outbox.ts';
import type { Broadcast } from './envelope.ts';

export interface Recent {
  /** Everything after this place is here. */
  readonly from: Cursor;
  add(broadcasts: readonly Broadcast[]): void;
  /** The events after `after`, in order; undefined when it lies before what is kept. */
  after(after: Cursor): readonly Broadcast[] | undefined;
  /** Starts anew: what lies before `position` is unknown. */
  clear(position: Cursor): void;
}

/** Some seconds of a busy machine, some hours of a quiet one. */
const MAX_EVENTS = 2_000;
const MAX_BYTES = 4 * 1024 * 1024;

export function createRecent(): Recent {
  let events: Broadcast[] = [];
  let bytes = 0;
  let from: Cursor = { xid: 0n, position: 0 };

  const trim = (): void => {
    let drop = Math.max(0, events.length - MAX_EVENTS);
    let freed = events.slice(0, drop).reduce((sum, event) => sum + event.weight, 0);
    for (; bytes - freed > MAX_BYTES && drop < events.length; drop++) freed += events[drop]?.weight ?? 0;
    const last = events[drop - 1];
    if (last === undefined) return;
    from = last.cursor;
    bytes -= freed;
    events = events.slice(drop);
  };

  return {
    get from() {
      return from;
    },
    add(broadcasts) {
      for (const broadcast of broadcasts) {
        events.push(broadcast);
        bytes += broadcast.weight;
      }
      trim();
    },
    after(after) {
      if (compareCursors(after, from) < 0) return undefined;
      // Found by halving: events are in order.
      let [low, high] = [0, events.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        const event = events[middle];
        if (event !== undefined && compareCursors(event.cursor, after) <= 0) low = middle + 1;
        else high = middle;
      }
      return events.slice(low);
    },
    clear(position) {
      events = [];
      bytes = 0;
      from = position;
    },
  };
}
