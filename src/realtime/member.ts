/** One ear's place in the hub: its rooms, from where each is heard, what waits while older events are replayed.
 *  Invariant: an event is sent live once, in order, and only if its cursor is beyond the `from` of a room that hears it; a replay may bring it again.
 *  A slow ear is told `reset` for all its rooms once it takes bytes again; until then nothing is kept for it. */
import type { Caller } from '../contract/caller.ts';
import { compareCursors, type Cursor } from '../store/outbox.ts';
import { MAX_HELD_BYTES, type Ear } from './ear.ts';
import type { Broadcast } from './envelope.ts';

export interface Member {
  readonly ear: Ear;
  caller: Caller;
  /** Room → events after this place are heard. */
  readonly rooms: Map<string, Cursor>;
  /** Live events that wait until the replay before them is sent; null when none runs. */
  waiting: Broadcast[] | null;
  waitingBytes: number;
  /** Fell behind: nothing is sent until it drained and was reset. */
  isLost: boolean;
  isGone: boolean;
  /** Subscriptions run one after the other: a replay must not mix with another. */
  turn: Promise<unknown>;
  turns: number;
}

export function createMember(ear: Ear, caller: Caller): Member {
  return { ear, caller, rooms: new Map(), waiting: null, waitingBytes: 0, isLost: false, isGone: false, turn: Promise.resolve(), turns: 0 };
}

/** Whether one of the member's rooms still has to hear this event. */
export function hears(member: Member, broadcast: Broadcast): boolean {
  return broadcast.rooms.some((room) => {
    const from = member.rooms.get(room);
    return from !== undefined && compareCursors(broadcast.cursor, from) > 0;
  });
}

/** Sends a live event, or keeps it behind a running replay. @param position where the feed is, for a reset */
export function push(member: Member, broadcast: Broadcast, position: () => Cursor): void {
  if (member.isLost || member.isGone) return;
  if (member.waiting !== null) {
    member.waitingBytes += broadcast.frame.length;
    if (member.waitingBytes <= MAX_HELD_BYTES) member.waiting.push(broadcast);
    else lose(member, position);
    return;
  }
  if (member.ear.heldBytes + broadcast.frame.length > MAX_HELD_BYTES) lose(member, position);
  else member.ear.event(broadcast);
}

/** Drops what waits; when the ear has taken what it holds, every room starts anew from where the feed is then. */
export function lose(member: Member, position: () => Cursor): void {
  if (member.isLost) return;
  member.isLost = true;
  if (member.waiting !== null) member.waiting = [];
  member.waitingBytes = 0;
  void member.ear.drained().then(() => {
    if (member.isGone) return;
    member.isLost = false;
    const from = position();
    for (const room of member.rooms.keys()) {
      member.rooms.set(room, from);
      member.ear.reset(room);
    }
  });
}
