/** Somebody who hears: a socket, a server-sent stream, a poll that waits. What the hub needs of each. */
import type { Caller } from '../contract/caller.ts';
import type { Broadcast } from './envelope.ts';

export interface Ear {
  /** Sends an event; the bytes wait in memory until the other end takes them. */
  event(broadcast: Broadcast): void;
  /** The room's events were not all sent: take a new snapshot. */
  reset(room: string): void;
  /** The right to hear this room ended. */
  denied(room: string): void;
  /** Rights ended: no session any more. The hub has let go already. */
  ended(): void;
  /** Bytes sent and not yet taken. */
  readonly heldBytes: number;
  /** Resolves when few bytes are held; never when the other end is gone. */
  drained(): Promise<void>;
  /** The rights of this moment; null when the session, key or person is no more. */
  again(): Promise<Caller | null>;
}

/** At most this much is held for one ear. Source: CONTRACTS (Events). */
export const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** `drained` from here on: a quarter of what a proxy buffers, so that a live consumer never runs dry. */
export const LOW_HELD_BYTES = 256 * 1024;
