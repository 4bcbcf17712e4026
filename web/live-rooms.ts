/** Who listens to which room, and how far each listener has come. Pure bookkeeping for live.ts; knows no socket.
 *  Invariants: a listener sees an event once, however often replays bring it; its place moves on only where everything before was brought to it, so that
 *  what is asked for after a loss begins before the first event it may have missed. */
import type { Envelope } from '../src/contract/events.ts';

/** What a listener is told. `onReset`: the stream no longer reaches back, or the room is closed to this person; take a new snapshot. */
export interface RoomListener {
  onEvent(event: Envelope): void;
  onReset(room: string): void;
}

/** What one frame asks for. */
export interface Asked {
  readonly rooms: readonly string[];
  /** By room: the place from which it is to be heard. */
  readonly since: Readonly<Record<string, string>>;
}

export interface Rooms {
  /** Adds a listener. @returns what to ask for now, and how to leave (with the rooms that nobody listens to any more) */
  add(rooms: readonly string[], listener: RoomListener, since?: string): { readonly ask: Asked; leave(): readonly string[] };
  names(): readonly string[];
  /** Everything, for a new connection: a frame each, several where listeners of a room stand at different places. */
  asks(): readonly Asked[];
  /** The server hears `rooms` now, as they were asked for; `cursor` is where those begin that asked for no place. */
  confirm(asked: Asked, rooms: readonly string[], cursor: string): void;
  /** Whether every listener hears its rooms. */
  isSettled(): boolean;
  /** The connection is gone: no listener hears anything until it is confirmed again. */
  lose(): void;
  /** The places to read a room on from. */
  places(room: string): readonly (string | undefined)[];
  /** A poll has read `room` from a place up to another. */
  advance(room: string, from: string | undefined, to: string): void;
  deliver(event: Envelope): void;
  reset(room: string): void;
  /** The server does not let this person hear them: told once a connection. */
  deny(rooms: readonly string[]): void;
}

// As many as the longest replay one reconnect is likely to bring twice.
const REMEMBERED_EVENTS = 2_000;

interface Entry {
  readonly rooms: ReadonlySet<string>;
  readonly listener: RoomListener;
  readonly seen: Set<string>;
  /** By room: everything up to there was brought. */
  readonly at: Map<string, string>;
  /** Rooms that do not come yet. */
  readonly waiting: Set<string>;
  /** Rooms that came once: without a place they have to begin anew. */
  readonly begun: Set<string>;
}

export function createRooms(): Rooms {
  const entries = new Set<Entry>();
  const denied = new Set<string>();
  const hearing = (room: string): Entry[] => [...entries].filter((entry) => entry.rooms.has(room));
  const names = (): string[] => [...new Set([...entries].flatMap((entry) => [...entry.rooms]))];
  const places = (room: string): (string | undefined)[] => {
    const all = new Set(hearing(room).map((entry) => entry.at.get(room)));
    // Who asks for no place is served by who does.
    return all.size > 1 ? [...all].filter((place) => place !== undefined) : [...all];
  };
  return {
    names,
    places,
    add(rooms, listener, since) {
      const before = new Set(names());
      const entry: Entry = { rooms: new Set(rooms), listener, seen: new Set(), at: new Map(), waiting: new Set(rooms), begun: new Set() };
      if (since === undefined) for (const room of rooms) joinOthers(entry, room, hearing(room));
      else for (const room of rooms) entry.at.set(room, since);
      entries.add(entry);
      const asked = rooms.filter((room) => since !== undefined || !before.has(room));
      return {
        ask: { rooms: asked, since: since === undefined ? {} : Object.fromEntries(asked.map((room) => [room, since])) },
        leave() {
          entries.delete(entry);
          const left = new Set(names());
          return rooms.filter((room) => !left.has(room));
        },
      };
    },
    asks() {
      const frames: { rooms: string[]; since: Record<string, string> }[] = [];
      for (const room of names())
        places(room).forEach((place, index) => {
          const frame = (frames[index] ??= { rooms: [], since: {} });
          frame.rooms.push(room);
          if (place !== undefined) frame.since[room] = place;
        });
      return frames;
    },
    confirm(asked, rooms, cursor) {
      for (const room of rooms) {
        denied.delete(room);
        for (const entry of hearing(room)) {
          const place = entry.at.get(room);
          if (!entry.waiting.has(room) || (place !== undefined && place !== asked.since[room])) continue;
          entry.waiting.delete(room);
          if (place === undefined) entry.at.set(room, asked.since[room] ?? cursor);
          // It lost its place by a reset, and the connection before it had one again.
          if (place === undefined && entry.begun.has(room)) entry.listener.onReset(room);
          entry.begun.add(room);
        }
      }
    },
    isSettled: () => [...entries].every((entry) => entry.waiting.size === 0),
    lose() {
      denied.clear();
      for (const entry of entries) for (const room of entry.rooms) entry.waiting.add(room);
    },
    advance(room, from, to) {
      for (const entry of hearing(room)) {
        const place = entry.at.get(room);
        if (place !== from && place !== undefined) continue;
        entry.at.set(room, to);
        entry.begun.add(room);
      }
    },
    deliver(event) {
      for (const entry of [...entries]) {
        const heard = event.room_keys.filter((room) => entry.rooms.has(room));
        if (heard.length === 0) continue;
        for (const room of heard) if (!entry.waiting.has(room)) entry.at.set(room, event.cursor);
        if (entry.seen.has(event.event_id)) continue;
        remember(entry.seen, event.event_id);
        entry.listener.onEvent(event);
      }
    },
    reset(room) {
      for (const entry of hearing(room)) {
        entry.at.delete(room);
        entry.listener.onReset(room);
      }
    },
    deny(rooms) {
      for (const room of rooms) {
        const isNew = !denied.has(room);
        denied.add(room);
        for (const entry of hearing(room)) {
          entry.waiting.delete(room);
          if (isNew) entry.listener.onReset(room);
        }
      }
    },
  };
}

/** Whoever asks for no place hears a room from where others hear it. */
function joinOthers(entry: Entry, room: string, others: readonly Entry[]): void {
  const other = others.find((each) => !each.waiting.has(room));
  const place = other?.at.get(room);
  if (other === undefined) return;
  entry.waiting.delete(room);
  entry.begun.add(room);
  if (place !== undefined) entry.at.set(room, place);
}

function remember(seen: Set<string>, id: string): void {
  seen.add(id);
  if (seen.size <= REMEMBERED_EVENTS) return;
  const [oldest] = seen;
  if (oldest !== undefined) seen.delete(oldest);
}
