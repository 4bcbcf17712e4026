/** Tickets to sandboxed service pages: an unguessable part of the page's address that stands for a session and one service, and for nothing else.
 *  Never a credential of Studio's API. In memory: after a restart the browser's own cookie gets a new one. */
import { randomBytes } from 'node:crypto';
import type { Credentials } from '../identity/credentials.ts';
import type { Clock } from '../kernel/clock.ts';

export interface Tickets {
  /** The ticket of this session to this service; the same again while it lives, so that a reload keeps its address. */
  issue(name: string, credentials: Credentials): string;
  /** @returns undefined when there is none, or it is another service's */
  redeem(name: string, ticket: string): Credentials | undefined;
}

/** An address kept in a tab overnight still opens; whether its session lives is asked at every request. */
const IDLE_MS = 24 * 3_600_000;
/** LIMIT: the oldest goes; its page gets a new one at its next load. */
const MAX_TICKETS = 10_000;

interface Ticket {
  readonly name: string;
  readonly credentials: Credentials;
  usedMs: number;
}

export function createTickets(clock: Clock): Tickets {
  const tickets = new Map<string, Ticket>();
  const byHolder = new Map<string, string>();
  const holderOf = (name: string, { kind, value }: Credentials): string => `${name} ${kind} ${value}`;
  const drop = (id: string, { name, credentials }: Ticket): void => {
    tickets.delete(id);
    byHolder.delete(holderOf(name, credentials));
  };
  return {
    issue(name, credentials) {
      const nowMs = clock.monotonic();
      for (const [id, ticket] of tickets) if (nowMs - ticket.usedMs > IDLE_MS) drop(id, ticket);
      const known = byHolder.get(holderOf(name, credentials));
      if (known !== undefined) return known;
      const [oldest] = tickets;
      if (tickets.size >= MAX_TICKETS && oldest !== undefined) drop(...oldest);
      const id = randomBytes(24).toString('base64url');
      tickets.set(id, { name, credentials, usedMs: nowMs });
      byHolder.set(holderOf(name, credentials), id);
      return id;
    },
    redeem(name, id) {
      const ticket = tickets.get(id);
      if (ticket === undefined || ticket.name !== name) return undefined;
      ticket.usedMs = clock.monotonic();
      return ticket.credentials;
    },
  };
}
