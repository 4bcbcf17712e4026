/** How many listen at once: 20 a session, 1,000 in all. Source: CONTRACTS (Limits). Counts sockets, streams and waiting polls alike. */
import type { Caller } from '../contract/caller.ts';

export interface SeatLimits {
  readonly perSession: number;
  readonly inAll: number;
}
export const SEAT_LIMITS: SeatLimits = { perSession: 20, inAll: 1_000 };

export interface Seats {
  /** @returns a function that gives the seat back (once, however often it is called), or undefined when none is free */
  take(caller: Caller): (() => void) | undefined;
  readonly taken: number;
}

export function createSeats(limits: SeatLimits): Seats {
  const bySession = new Map<string, number>();
  let taken = 0;
  return {
    take(caller) {
      const key = caller.sessionId ?? caller.keyId ?? caller.userId;
      const own = bySession.get(key) ?? 0;
      if (own >= limits.perSession || taken >= limits.inAll) return undefined;
      bySession.set(key, own + 1);
      taken++;
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        taken--;
        const left = (bySession.get(key) ?? 1) - 1;
        if (left === 0) bySession.delete(key);
        else bySession.set(key, left);
      };
    },
    get taken() {
      return taken;
    },
  };
}
