/** All open WebSockets of this process: takes upgraded connections, bounds them, closes them when Studio stops. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { Caller } from '../contract/caller.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import type { LogSource } from './log-rooms.ts';
import type { Seats } from './seats.ts';
import { CLOSE, CLOSE_GRACE_MS, openSocket, type OpenSocket } from './socket.ts';

export const SUBPROTOCOL = 'studio.v1';
const MAX_FRAME_BYTES = 64 * 1024;
/** RFC 6455: message too big. `ws` closes with it by itself. */
const WS_TOO_BIG = 1009;

/** The same socket, which says "too large" by the code of our contract. */
class StudioSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code === WS_TOO_BIG ? CLOSE.tooLarge : code, reason);
  }
}

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly caller: Caller;
  /** The rights of that caller, asked again. */
  readonly again: () => Promise<Caller | null>;
}

export interface Sockets {
  /** Completes the handshake of a caller who was let in. */
  accept(upgrade: Upgrade): void;
  closeAll(code: number, reason: string): void;
}

interface SocketsParts {
  readonly hub: Hub;
  readonly feed: Feed;
  readonly seats: Seats;
  readonly logs: LogSource;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createSockets(parts: SocketsParts): Sockets {
  const open = new Set<OpenSocket>();
  /** Set once all were closed: one that was still on its way in follows. */
  let ending: { readonly code: number; readonly reason: string } | undefined;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    // Names no other protocol, so that a token among them is never echoed.
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    WebSocket: StudioSocket,
  });

  const seat = async (ws: WebSocket, upgrade: Upgrade): Promise<void> => {
    const giveBack = parts.seats.take(upgrade.caller);
    if (giveBack === undefined) {
      ws.close(CLOSE.limit, 'too many connections');
      return void parts.clock.after(CLOSE_GRACE_MS, () => ws.terminate());
    }
    let letGo = (): void => {};
    // Frames that come before the feed runs wait in the socket.
    ws.pause();
    try {
      letGo = await parts.feed.hold();
    } catch (error) {
      giveBack();
      throw error;
    } finally {
      ws.resume();
    }
    if (ws.readyState !== ws.OPEN) {
      letGo();
      return giveBack();
    }
    const socket = openSocket({
      ws,
      raw: upgrade.socket,
      hub: parts.hub,
      logs: parts.logs,
      caller: upgrade.caller,
      again: upgrade.again,
      clock: parts.clock,
      log: parts.log,
      onGone: () => {
        open.delete(socket);
        letGo();
        giveBack();
      },
    });
    open.add(socket);
    if (ending !== undefined) socket.close(ending.code, ending.reason);
  };

  return {
    accept(upgrade) {
      server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (ws) => {
        ws.on('error', () => {});
        seat(ws, upgrade).catch((error: unknown) => {
          parts.log.warn({ cause: error instanceof Error ? error.message : String(error) }, 'a socket could not be served');
          ws.close(CLOSE.restart, 'the database is away');
        });
      });
    },
    closeAll(code, reason) {
      ending = { code, reason };
      for (const socket of open) socket.close(code, reason);
    },
  };
}
