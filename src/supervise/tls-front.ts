/** One port for two kinds of callers: TLS goes to the application; who speaks plain HTTP to it is told the address to use instead of being cut off.
 *  Looks at the first byte of each connection only. Never answers anything of Studio's over plain HTTP. */
import { createServer as createPlainServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { sendJson } from './boot-page.ts';
import type { TlsPair } from './tls.ts';

export interface TlsFrontParts {
  readonly pair: TlsPair;
  readonly answer: RequestListener;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly keepAliveMs: number;
  /** The longest that a caller may take for its first byte, and for its headers. */
  readonly headersMs: number;
}

export interface TlsFront {
  /** What listens. */
  readonly server: NetServer;
  setPair(pair: TlsPair): void;
  closeIdle(): void;
  closeAll(): void;
}

/** The first byte of every TLS connection: a handshake record. */
const HANDSHAKE = 0x16;

export function createTlsFront(parts: TlsFrontParts): TlsFront {
  const secure = createTlsServer(parts.pair, parts.answer);
  secure.on('upgrade', parts.onUpgrade);
  // A caller that does not trust the certificate, or hangs up: its own affair.
  secure.on('tlsClientError', (_error, socket) => socket.destroy());
  const plain = createPlainServer(tellAddress);
  const sockets = new Set<Socket>();
  for (const server of [secure, plain]) {
    server.keepAliveTimeout = parts.keepAliveMs;
    server.headersTimeout = parts.headersMs;
    server.requestTimeout = 0;
    // They are handed their connections; this starts their watch over slow ones.
    server.emit('listening');
  }
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const onError = (): void => void socket.destroy();
    socket.once('error', onError);
    socket.setTimeout(parts.headersMs, onError);
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.setTimeout(0);
      socket.off('timeout', onError);
      socket.off('error', onError);
      socket.unshift(first);
      (first[0] === HANDSHAKE ? secure : plain).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
  });
  return {
    server,
    setPair: (pair) => secure.setSecureContext(pair),
    closeIdle() {
      for (const one of [secure, plain]) one.closeIdleConnections();
    },
    closeAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A page goes to where it is; a program is told, for what it sent (a token perhaps) already went over the wire in the open. */
function tellAddress(request: IncomingMessage, response: ServerResponse): void {
  const host = request.headers.host ?? '';
  const isNamed = /^[A-Za-z0-9.:[\]-]{1,255}$/.test(host);
  const path = request.url?.startsWith('/') === true && !request.url.startsWith('//') ? request.url : '/';
  const isPage = request.method === 'GET' && !path.startsWith('/api/') && !path.startsWith('/v1/');
  if (isNamed && isPage) return void response.writeHead(308, { location: `https://${host}${path}`, 'content-length': 0, connection: 'close' }).end();
  const message = `This port speaks HTTPS: call https://${isNamed ? host : 'the same host'} instead. Nothing of this request was carried out; a token or password in it was sent unprotected, so replace it.`;
  sendJson(response, 400, { error: { code: 'invalid_query', message, requestId: 'plain-http' } }, { connection: 'close' });
}
