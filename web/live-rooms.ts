/** Who listens to which room, and how far each room has come. Pure bookkeeping for live.ts; knows no socket.
 *  Invariant: a listener sees an event once, however often replays bring it. */
import type { Envelope } from '../src/contract/events.ts';

/** What a listener is told. `onReset`: the stream no longer reaches back; take a new snapshot. */
export interface RoomListener {
  onEvent(event: Envelope): void;
  onReset(room: string): void;
}

// As many as the longest replay one reconnect is likely to bring twice.
const REMEMBERED_EVENTS = 2_000;

interface Entry {
  readonly rooms: ReadonlySet<string>;
  readonly listener: RoomListener;
  readonly seen: Set<string>;
}

export interface Rooms {
  /** Adds a listener. @returns the rooms to subscribe now (all of them when `since` asks for a replay), and how to leave */
  add(rooms: readonly string[], listener: RoomListener, since?: string): { readonly subscribe: readonly string[]; leave(): readonly string[] };
  names(): readonly string[];
  /** The cursors to resume from, for the rooms that have one. */
  cursors(rooms: readonly string[]): Record<string, string>;
  /** Notes where `rooms` stand, unless they already stand somewhere. */
  begin(rooms: readonly string[], cursor: string): void;
  /** Notes that a poll has read `room` up to `cursor`. */
  advance(room: string, cursor: string): void;
  deliver(event: Envelope): void;
  reset(room: string): void;
}

export function createRooms(): Rooms {
  const entries = new Set<Entry>();
  const cursorOf = new Map<string, string>();
  const names = (): string[] => [...new Set([...entries].flatMap((entry) => [...entry.rooms]))];
  return {
    names,
    add(rooms, listener, since) {
      const before = new Set(names());
      const entry: Entry = { rooms: new Set(rooms), listener, seen: new Set() };
      entries.add(entry);
      if (since !== undefined) for (const room of rooms) cursorOf.set(room, since);
      return {
        subscribe: rooms.filter((room) => since !== undefined || !before.has(room)),
        leave() {
          entries.delete(entry);
          const left = new Set(names());
          const gone = rooms.filter((room) => !left.has(room));
          for (const room of gone) cursorOf.delete(room);
          return gone;
        },
      };
    },
    cursors: (rooms) => Object.fromEntries(rooms.flatMap((room) => (cursorOf.has(room) ? [[room, cursorOf.get(room) ?? '']] : []))),
    begin(rooms, cursor) {
      for (const room of rooms) if (!cursorOf.has(room)) cursorOf.set(room, cursor);
    },
    advance: (room, cursor) => void cursorOf.set(room, cursor),
    deliver(event) {
      for (const room of event.room_keys) if (cursorOf.has(room)) cursorOf.set(room, event.cursor);
      for (const entry of [...entries]) {
        if (!event.room_keys.some((room) => entry.rooms.has(room)) || entry.seen.has(event.event_id)) continue;
        remember(entry.seen, event.event_id);
        entry.listener.onEvent(event);
      }
    },
    reset(room) {
      cursorOf.delete(room);
      for (const entry of [...entries]) if (entry.rooms.has(room)) entry.listener.onReset(room);
    },
  };
}

function remember(seen: Set<string>, id: string): void {
  seen.add(id);
  if (seen.size <= REMEMBERED_EVENTS) return;
  const [oldest] = seen;
  if (oldest !== undefined) seen.delete(oldest);
}
