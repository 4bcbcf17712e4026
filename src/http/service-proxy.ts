/** Carries one request, or one upgraded connection, between a browser and a service on the loopback. Streams both ways: memory is what the sockets hold.
 *  Never decides who may (service-pages.ts does). */
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { isDocument, requestHeaders, responseHeaders, type Forwarding, type PagePlace } from './service-headers.ts';
import { withShim } from './service-shim.ts';

/** One request on its way. */
export interface Carried {
  readonly incoming: IncomingMessage;
  readonly place: PagePlace;
  /** As the service knows it, with its query. */
  readonly path: string;
  readonly from: Forwarding;
}

/** Why the service could not be asked, before anything of an answer went out. */
export class ServiceGone extends Error {
  override readonly name = 'ServiceGone';
}

/** Kept connections save a page of many parts its handshakes. */
const agent = new Agent({ keepAlive: true, maxFreeSockets: 16 });

/** Resolves when the answer is out or the browser is gone. @throws ServiceGone */
export function carryRequest(carried: Carried, outgoing: ServerResponse): Promise<void> {
  const { incoming, place } = carried;
  return new Promise((resolve, reject) => {
    const upstream = open(carried, agent);
    outgoing.once('close', () => {
      upstream.destroy();
      resolve();
    });
    upstream.once('error', (error) => {
      if (outgoing.headersSent) outgoing.destroy();
      else if (!outgoing.destroyed) reject(new ServiceGone(error.message, { cause: error }));
    });
    upstream.once('response', (answer) => {
      answer.once('error', () => outgoing.destroy());
      const headers = responseHeaders(answer.headers, place, incoming.headers.origin);
      if (place.isSandboxed && isDocument(incoming.headers) && isPlainHtml(answer)) return sendWithShim(answer, outgoing, { headers, place });
      outgoing.writeHead(answer.statusCode ?? 502, headers);
      // A stream's headers go out before its first bytes come.
      outgoing.flushHeaders();
      answer.pipe(outgoing);
    });
    incoming.once('error', () => upstream.destroy());
    incoming.pipe(upstream);
  });
}

function open({ incoming, place, path, from }: Carried, through: Agent | false): ClientRequest {
  return httpRequest({
    host: '127.0.0.1',
    port: place.port,
    method: incoming.method,
    path,
    headers: requestHeaders(incoming.headers, place, from),
    agent: through,
    setHost: false,
  });
}

function isPlainHtml({ headers }: IncomingMessage): boolean {
  return /^text\/html\b/i.test(headers['content-type'] ?? '') && ['identity', undefined].includes(headers['content-encoding']);
}

function sendWithShim(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  { headers, place }: { readonly headers: ReturnType<typeof responseHeaders>; readonly place: PagePlace },
): void {
  const { 'content-length': _length, etag: _etag, ...rest } = headers;
  outgoing.writeHead(answer.statusCode ?? 502, rest);
  let start: Buffer | undefined = Buffer.alloc(0);
  const send = (bytes: Buffer): void => {
    if (!outgoing.write(bytes)) {
      answer.pause();
      outgoing.once('drain', () => answer.resume());
    }
  };
  answer.on('data', (chunk: Buffer) => {
    if (start === undefined) return send(chunk);
    start = Buffer.concat([start, chunk]);
    const page = withShim(start, place.prefix, false);
    if (page === undefined) return;
    start = undefined;
    send(page);
  });
  answer.once('end', () => {
    if (start !== undefined && start.length > 0) send(withShim(start, place.prefix, true) ?? start);
    outgoing.end();
  });
}

/** Joins the two ends of an upgraded connection. Resolves when it is over. @throws ServiceGone */
export function carryUpgrade(carried: Carried, socket: Duplex, head: Buffer): Promise<void> {
  const { incoming, place } = carried;
  return new Promise((resolve, reject) => {
    const headers = { ...requestHeaders(incoming.headers, place, carried.from), connection: 'Upgrade', upgrade: incoming.headers.upgrade ?? 'websocket' };
    const upstream = httpRequest({ host: '127.0.0.1', port: place.port, method: 'GET', path: carried.path, headers, agent: false, setHost: false });
    socket.once('close', () => {
      upstream.destroy();
      resolve();
    });
    upstream.once('error', (error) => (socket.destroyed ? resolve() : reject(new ServiceGone(error.message, { cause: error }))));
    upstream.once('upgrade', (answer, service, rest) => {
      service.on('error', () => socket.destroy());
      socket.on('error', () => service.destroy());
      socket.write(`${headLines(answer, place)}\r\n\r\n`);
      if (rest.length > 0) socket.write(rest);
      if (head.length > 0) service.write(head);
      service.pipe(socket).pipe(service);
      service.once('close', () => socket.destroy());
      socket.once('close', () => service.destroy());
    });
    upstream.once('response', (answer) => {
      // It does not speak this protocol: its answer is the answer.
      socket.write(`${headLines(answer, place)}\r\nConnection: close\r\n\r\n`);
      answer.on('data', (chunk: Buffer) => socket.write(chunk));
      answer.once('end', () => socket.end());
    });
    upstream.end();
  });
}

function headLines(answer: IncomingMessage, place: PagePlace): string {
  const headers = responseHeaders(answer.headers, place, undefined);
  const lines = Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}`));
  const upgrade = answer.statusCode === 101 ? ['Connection: Upgrade', `Upgrade: ${answer.headers.upgrade ?? 'websocket'}`] : [];
  return [`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}`, ...upgrade, ...lines].join('\r\n');
}
