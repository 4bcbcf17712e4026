/** Connections that egress keeps open between requests, for one set of rules (an organisation's). Each goes to the one address that was decided on when it was
 *  opened, whatever the name resolves to later, and is used again only while the rules would still decide so.
 *  One thing to know: a server may close one just as it is used again; the request is then sent anew, on a new one, if nothing was answered. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from './clock.ts';

export interface EgressConnections {
  /** @param isAllowed whether the rules of now let a request to this host go to the address */
  agentFor(url: URL, isAllowed: (address: string) => boolean): HttpAgent;
  close(): void;
}

/** Conversations have pauses; servers say themselves when they close earlier. */
const IDLE_MS = 30_000;
/** A name that moved is followed within this. */
const MAX_AGE_MS = 5 * 60_000;
const MAX_IDLE = 32;

export function createEgressConnections(clock: Clock): EgressConnections {
  const options = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: MAX_IDLE, scheduling: 'lifo' } as const;
  const agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) } as const;
  const seenAtMs = new WeakMap<Socket, number>();

  const isTooOld = (socket: Socket): boolean => {
    const now = clock.monotonic();
    const seen = seenAtMs.get(socket) ?? now;
    seenAtMs.set(socket, seen);
    return now - seen > MAX_AGE_MS;
  };
  return {
    agentFor(url, isAllowed) {
      const agent = url.protocol === 'https:' ? agents['https:'] : agents['http:'];
      const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
      const host = `${url.hostname.replace(/^\[|\]$/g, '')}:${port}:`;
      for (const [name, sockets] of Object.entries(agent.freeSockets)) {
        if (!name.startsWith(host)) continue;
        for (const socket of sockets ?? []) if (isTooOld(socket) || !isAllowed(socket.remoteAddress ?? '')) socket.destroy();
      }
      return agent;
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}
