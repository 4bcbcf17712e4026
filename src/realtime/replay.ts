/** What a member missed: the outbox between the cursors it gives and where the feed is. In order, each event once.
 *  What can't be replayed (too old, too far, of another database) is told by `reset`. */
import type { Sql } from '../store/client.ts';
import { compareCursors, isReplayable, readEntityRoom, readRooms, type Cursor, type StoredEvent } from '../store/outbox.ts';
import { Broadcast } from './envelope.ts';
import type { Recent } from './recent.ts';

export interface Replay {
  readonly events: readonly Broadcast[];
  /** Rooms that need a new snapshot. */
  readonly resets: readonly string[];
}

/** Rows of the outbox that one replay walks: 20 ms of reading. Busier than that, only rooms of one entity are replayed, by index. */
const MAX_WALK = 20_000;
const MAX_ENTITY_EVENTS = 5_000;
const ENTITY_ROOM = /^(instance|job):(.+)$/;

/** @param since room → cursor from which it is to be heard  @param upTo where the feed is: beyond it events come live
 *  @param recent what the feed handed on lately: reaches `upTo`, and makes most replays without a query */
export async function readReplay(
  sql: Sql,
  options: { readonly since: ReadonlyMap<string, Cursor>; readonly upTo: Cursor; readonly recent?: Recent },
): Promise<Replay> {
  const kept = fromRecent(options.since, options.recent);
  if (kept !== undefined) return { events: kept, resets: [] };
  const resets: string[] = [];
  const reachable = new Map<string, Cursor>();
  const known = new Map<string, boolean>();
  // Serial: most rooms share one cursor, so this is one query.
  for (const [room, cursor] of options.since) {
    const key = `${cursor.xid}.${cursor.position}`;
    const reaches = known.get(key) ?? (await isReplayable(sql, cursor));
    known.set(key, reaches);
    if (!reaches) resets.push(room);
    else if (compareCursors(cursor, options.upTo) < 0) reachable.set(room, cursor);
  }
  if (reachable.size === 0) return { events: [], resets };
  const after = [...reachable.values()].reduce((first, cursor) => (compareCursors(cursor, first) < 0 ? cursor : first));
  const walked = await readRooms(sql, { rooms: [...reachable.keys()], after, upTo: options.upTo, scan: MAX_WALK });
  const read = walked === undefined ? await readByEntity(sql, reachable, options.upTo) : { events: walked, resets: [] };
  const events = read.events.map((event) => new Broadcast(event)).filter((event) => isMissed(event, reachable));
  return { events, resets: [...resets, ...read.resets] };
}

/** @returns undefined when one of the cursors lies before what is kept, or beyond this database */
function fromRecent(since: ReadonlyMap<string, Cursor>, recent: Recent | undefined): readonly Broadcast[] | undefined {
  const cursors = [...since.values()];
  const [one] = cursors;
  if (recent === undefined || one === undefined) return undefined;
  const first = cursors.reduce((least, cursor) => (compareCursors(cursor, least) < 0 ? cursor : least));
  const last = cursors.reduce((most, cursor) => (compareCursors(cursor, most) > 0 ? cursor : most));
  // A cursor beyond everything known may be of another database: the query tells.
  const events = recent.after(first);
  const newest = events?.at(-1)?.cursor ?? recent.from;
  if (events === undefined || compareCursors(last, newest) > 0) return undefined;
  return events.filter((event) => isMissed(event, since));
}

function isMissed(event: Broadcast, since: ReadonlyMap<string, Cursor>): boolean {
  return event.rooms.some((room) => {
    const cursor = since.get(room);
    return cursor !== undefined && compareCursors(event.cursor, cursor) > 0;
  });
}

async function readByEntity(sql: Sql, since: ReadonlyMap<string, Cursor>, upTo: Cursor): Promise<{ events: StoredEvent[]; resets: string[] }> {
  const events = new Map<string, StoredEvent>();
  const resets: string[] = [];
  // Serial: bounded by the rooms of one frame, and a replay must not take the pool from others.
  for (const [room, after] of since) {
    const [, kind, id] = ENTITY_ROOM.exec(room) ?? [];
    const found = kind === undefined || id === undefined ? undefined : await readEntityRoom(sql, { kind, id, after, upTo, limit: MAX_ENTITY_EVENTS });
    if (found === undefined) resets.push(room);
    else for (const event of found) events.set(`${event.cursor.xid}.${event.cursor.position}`, event);
  }
  return { events: [...events.values()].toSorted((a, b) => compareCursors(a.cursor, b.cursor)), resets };
}
