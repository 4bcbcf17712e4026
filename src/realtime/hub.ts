/** Who hears what: rooms, members, rights. Events come from the feed in order and go to each member once.
 *  Never reads the socket (socket.ts) and never decides who somebody is (the ear's `again`). */
import type { Caller } from '../contract/caller.ts';
import { roomName } from '../contract/events.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Sql } from '../store/client.ts';
import { compareCursors, formatCursor, parseCursor, type Cursor, type StoredEvent } from '../store/outbox.ts';
import type { Ear } from './ear.ts';
import { Broadcast } from './envelope.ts';
import { createMember, hears, lose, push, type Member } from './member.ts';
import { createRecent } from './recent.ts';
import { readReplay } from './replay.ts';

export interface Subscribed {
  readonly rooms: readonly string[];
  readonly denied: readonly string[];
  /** Where to resume from when nothing came since. */
  readonly cursor: string;
}

export interface Membership {
  /** Hears rooms from now on, or from the cursors in `since`. `confirm` is called before the first event of them.
   *  @throws AppError rate_limited when the member has too many rooms or unanswered frames */
  subscribe(options: {
    readonly rooms: readonly string[];
    readonly since?: Readonly<Record<string, string>>;
    readonly confirm: (answer: Subscribed) => void;
  }): Promise<void>;
  unsubscribe(rooms: readonly string[]): void;
  leave(): void;
}

/** Whom a change of rights concerns. */
export type RightsChange = { readonly sessionId: string } | { readonly keyId: string } | { readonly userId: string };

export interface Hub {
  join(ear: Ear, caller: Caller): Membership;
  deliver(events: readonly StoredEvent[]): void;
  /** The feed starts anew at this place: what it handed on before does not reach up to it. */
  forget(position: Cursor): void;
  /** Looks again at the rights of those concerned: who has none left is ended, rooms no longer allowed are taken. */
  revise(change: RightsChange): Promise<void>;
  /** The same for everybody: the net under lost notifications. */
  reviseAll(): Promise<void>;
  readonly size: number;
}

export interface HubParts {
  readonly sql: Sql;
  readonly position: () => Cursor;
  readonly mayHear: (caller: Caller, room: string) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
}

const MAX_ROOMS = 500;
/** Frames that wait for their turn: a page opens with a handful. */
const MAX_TURNS = 32;
/** Events of a replay that go out between two looks at what the ear holds. */
const REPLAY_CHUNK = 200;
/** A replay whose ear takes nothing for so long is given up: it is reset when it drains. */
const REPLAY_STALL_MS = 30_000;

export function createHub(parts: HubParts): Hub {
  const members = new Set<Member>();
  const rooms = new Map<string, Set<Member>>();
  const recent = createRecent();

  const enter = (member: Member, room: string, from: Cursor): void => {
    const already = member.rooms.get(room);
    // Who hears it already goes on hearing all of it: what a later place leaves out may not have come yet.
    if (already === undefined || compareCursors(from, already) < 0) member.rooms.set(room, from);
    const inside = rooms.get(room);
    if (inside === undefined) rooms.set(room, new Set([member]));
    else inside.add(member);
  };
  const exit = (member: Member, room: string): void => {
    member.rooms.delete(room);
    const inside = rooms.get(room);
    inside?.delete(member);
    if (inside?.size === 0) rooms.delete(room);
  };
  const leave = (member: Member): void => {
    member.isGone = true;
    members.delete(member);
    for (const room of [...member.rooms.keys()]) exit(member, room);
  };

  const subscribe = async (member: Member, options: Parameters<Membership['subscribe']>[0]): Promise<void> => {
    const wanted = [...new Set(options.rooms)];
    const allowed = await Promise.all(wanted.map((room) => isAllowed(parts, member.caller, room)));
    if (member.isGone) return;
    const granted = wanted.filter((_, index) => allowed[index]);
    const denied = wanted.filter((_, index) => !allowed[index]);
    for (const room of denied) exit(member, room);
    const at = parts.position();
    const since = new Map<string, Cursor>();
    const unreadable: string[] = [];
    for (const room of granted) {
      const text = options.since?.[room];
      const cursor = text === undefined ? at : parseCursor(text);
      if (cursor === undefined) unreadable.push(room);
      else if (text !== undefined) since.set(room, cursor);
    }
    // From here to the first `await` nothing can be delivered: rooms are entered and the feed's place is the same instant.
    for (const room of granted) enter(member, room, since.get(room) ?? at);
    if (since.size > 0) member.waiting = [];
    const resumeFrom = [at, ...since.values()].reduce((first, cursor) => (compareCursors(cursor, first) < 0 ? cursor : first));
    options.confirm({ rooms: granted, denied, cursor: formatCursor(resumeFrom) });
    for (const room of unreadable) member.ear.reset(room);
    if (since.size > 0) await replay(member, since, at);
  };

  const replay = async (member: Member, since: ReadonlyMap<string, Cursor>, upTo: Cursor): Promise<void> => {
    try {
      const missed = await readReplay(parts.sql, { since, upTo, recent });
      for (const room of missed.resets) {
        if (!member.rooms.has(room)) continue;
        member.rooms.set(room, parts.position());
        member.ear.reset(room);
      }
      // Also what another room of this member brought live: who asks for a room from a place may have joined after it came.
      const { events } = missed;
      for (let start = 0; start < events.length && !member.isLost && !member.isGone; start += REPLAY_CHUNK) {
        // Looked at again: a reset or an unsubscribe in between moved on past it.
        for (const event of events.slice(start, start + REPLAY_CHUNK)) if (hears(member, event)) member.ear.event(event);
        if (start + REPLAY_CHUNK < events.length && !(await drainedInTime(parts.clock, member.ear))) lose(member, parts.position);
      }
    } catch (error) {
      parts.log.warn({ cause: messageOf(error) }, 'a replay failed; its rooms start from a new snapshot');
      lose(member, parts.position);
    } finally {
      const waiting = member.waiting ?? [];
      member.waiting = null;
      member.waitingBytes = 0;
      for (const event of waiting) if (hears(member, event)) push(member, event, parts.position);
    }
  };

  const reviseMember = async (member: Member): Promise<void> => {
    const caller = await member.ear.again();
    if (member.isGone) return;
    if (caller === null) {
      leave(member);
      member.ear.ended();
      return;
    }
    member.caller = caller;
    await Promise.all(
      [...member.rooms.keys()].map(async (room) => {
        if (await isAllowed(parts, caller, room)) return;
        if (!member.rooms.has(room)) return;
        exit(member, room);
        member.ear.denied(room);
      }),
    );
  };

  const reviseThose = async (concerned: readonly Member[]): Promise<void> => {
    const results = await Promise.allSettled(concerned.map(reviseMember));
    for (const result of results)
      if (result.status === 'rejected') parts.log.warn({ cause: messageOf(result.reason) }, 'rights of a listener could not be looked at again');
  };

  return {
    join(ear, caller) {
      const member = createMember(ear, caller);
      members.add(member);
      return {
        subscribe(options) {
          if (member.turns >= MAX_TURNS) fail('rate_limited', `${MAX_TURNS} subscriptions wait already; wait for their answers.`);
          if (new Set([...member.rooms.keys(), ...options.rooms]).size > MAX_ROOMS)
            fail('rate_limited', `A connection hears at most ${MAX_ROOMS} rooms; unsubscribe from some.`);
          member.turns++;
          const mine = member.turn.then(() => (member.isGone ? undefined : subscribe(member, options))).finally(() => member.turns--);
          member.turn = mine.catch(() => undefined);
          return mine;
        },
        unsubscribe: (names) => names.forEach((room) => exit(member, room)),
        leave: () => leave(member),
      };
    },
    deliver(events) {
      const broadcasts = events.map((event) => new Broadcast(event));
      recent.add(broadcasts);
      for (const broadcast of broadcasts) {
        const heard = new Set<Member>();
        for (const room of broadcast.rooms) for (const member of rooms.get(room) ?? []) heard.add(member);
        for (const member of heard) if (hears(member, broadcast)) push(member, broadcast, parts.position);
      }
    },
    forget: recent.clear,
    revise: (change) => reviseThose([...members].filter((member) => concerns(change, member.caller))),
    reviseAll: () => reviseThose([...members]),
    get size() {
      return members.size;
    },
  };
}

async function isAllowed(parts: HubParts, caller: Caller, room: string): Promise<boolean> {
  return roomName.safeParse(room).success && (await parts.mayHear(caller, room));
}

function concerns(change: RightsChange, caller: Caller): boolean {
  if ('sessionId' in change) return caller.sessionId === change.sessionId;
  if ('keyId' in change) return caller.keyId === change.keyId;
  return caller.userId === change.userId;
}

/** @returns false when the ear took nothing for too long */
async function drainedInTime(clock: Clock, ear: Ear): Promise<boolean> {
  const over = new AbortController();
  const late = clock.sleep(REPLAY_STALL_MS, over.signal).then(
    () => false,
    () => true,
  );
  const inTime = await Promise.race([ear.drained().then(() => true), late]);
  over.abort();
  return inTime;
}
