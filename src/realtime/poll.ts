/** The polling twin: what a room heard after a cursor, or the next of it within a time. */
import type { Caller } from '../contract/caller.ts';
import type { Envelope } from '../contract/events.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Sql } from '../store/client.ts';
import { currentCursor, parseCursor } from '../store/outbox.ts';
import type { Ear } from './ear.ts';
import type { Broadcast } from './envelope.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import { readReplay } from './replay.ts';

export interface PollOptions {
  readonly caller: Caller;
  readonly again: () => Promise<Caller | null>;
  readonly room: string;
  readonly after: string | undefined;
  readonly limit: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export interface Polled {
  readonly items: Envelope[];
  readonly cursor: string;
  readonly reset: boolean;
}

export interface PollParts {
  readonly sql: Sql;
  readonly hub: Hub;
  readonly feed: Feed;
  readonly clock: Clock;
}

/** Without `after`: from now on. @returns at once when there is something, else after the first event or `waitMs` */
export async function pollEvents(parts: PollParts, options: PollOptions): Promise<Polled> {
  const now = await currentCursor(parts.sql);
  const upTo = parseCursor(now);
  const after = parseCursor(options.after ?? now);
  if (after === undefined || upTo === undefined) return { items: [], cursor: now, reset: true };
  const { events, resets } = await readReplay(parts.sql, { since: new Map([[options.room, after]]), upTo });
  if (resets.length > 0) return { items: [], cursor: now, reset: true };
  // The place asked for stands when nothing came: `now` may lie before it.
  if (events.length > 0 || options.waitMs === 0) return answer(events, options.limit, options.after ?? now);
  return waitForEvent(parts, options, options.after ?? now);
}

function answer(events: readonly Broadcast[], limit: number, cursor: string): Polled {
  const items = events.slice(0, limit);
  return { items: items.map((event) => event.envelope()), cursor: items.at(-1)?.cursorText ?? cursor, reset: false };
}

async function waitForEvent(parts: PollParts, options: PollOptions, since: string): Promise<Polled> {
  const letGo = await parts.feed.hold();
  const heard: Broadcast[] = [];
  let isReset = false;
  const first = Promise.withResolvers<void>();
  const ear: Ear = {
    event(broadcast) {
      if (heard.length < options.limit) heard.push(broadcast);
      first.resolve();
    },
    reset() {
      isReset = true;
      first.resolve();
    },
    denied: () => first.resolve(),
    ended: () => first.resolve(),
    heldBytes: 0,
    drained: () => Promise.resolve(),
    again: options.again,
  };
  const membership = parts.hub.join(ear, options.caller);
  const over = new AbortController();
  try {
    await membership.subscribe({ rooms: [options.room], since: { [options.room]: since }, confirm: () => {} });
    const timeUp = parts.clock.sleep(options.waitMs, AbortSignal.any([over.signal, options.signal])).catch(() => undefined);
    await Promise.race([first.promise, timeUp]);
  } finally {
    over.abort();
    membership.leave();
    letGo();
  }
  return isReset ? { items: [], cursor: await currentCursor(parts.sql), reset: true } : answer(heard, options.limit, since);
}
