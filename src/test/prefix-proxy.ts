/** A reverse proxy that serves a Studio below a path, as people run it beside other things: takes the prefix off, forwards the rest, sockets too.
 *  What is asked for outside the prefix is 404 and noted: a page that works asks for nothing there. */
import { createServer, request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface PrefixProxy {
  /** Of the Studio behind it, with a slash at the end. */
  readonly url: string;
  /** Paths outside the prefix that were asked for. */
  readonly strays: readonly string[];
  close(): Promise<void>;
}

export async function startPrefixProxy(target: string, prefix: string): Promise<PrefixProxy> {
  const { hostname, port } = new URL(target);
  const strays: string[] = [];
  // The server forgets a connection that became a socket.
  const sockets = new Set<Duplex>();
  const pathOf = (incoming: IncomingMessage): string | undefined => {
    const url = incoming.url ?? '/';
    if (url.startsWith(`${prefix}/`)) return url.slice(prefix.length);
    strays.push(url);
    return undefined;
  };
  const headersOf = (incoming: IncomingMessage): IncomingMessage['headers'] => ({
    ...incoming.headers,
    'x-forwarded-for': incoming.socket.remoteAddress ?? '',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': incoming.headers.host ?? '',
    'x-forwarded-prefix': prefix,
  });
  const server = createServer((incoming, outgoing) => {
    const path = pathOf(incoming);
    if (path === undefined) return void outgoing.writeHead(404).end();
    const forwarded = request({ hostname, port, path, method: incoming.method, headers: headersOf(incoming) }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
    });
    forwarded.once('error', () => outgoing.destroy());
    outgoing.once('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
    return undefined;
  });
  server.on('upgrade', (incoming, socket, head) => {
    const path = pathOf(incoming);
    if (path === undefined) return void socket.destroy();
    const behind = connect(Number(port), hostname, () => {
      const lines = Object.entries(headersOf(incoming)).flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}`));
      behind.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      behind.write(head);
      behind.pipe(socket).pipe(behind);
    });
    for (const end of [behind, socket]) {
      sockets.add(end);
      end.once('error', () => end.destroy());
      end.once('close', () => {
        sockets.delete(end);
        behind.destroy();
        socket.destroy();
      });
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}/`,
    strays,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
}
