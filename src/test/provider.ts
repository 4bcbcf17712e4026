/** A provider that a test owns: answers with what it was sent, gives access tokens, redirects where it is told. On the loopback. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Provider {
  readonly origin: string;
  readonly host: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

/** `/token` gives an access token, `?to=` redirects (with `&status=`), `/refuse` answers 401, all else echoes the request's headers as JSON. */
export async function startProvider(): Promise<Provider> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const url = new URL(request.url ?? '/', 'http://provider');
      asked.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      const to = url.searchParams.get('to');
      if (to !== null) return response.writeHead(Number(url.searchParams.get('status') ?? 302), { location: to }).end();
      const status = url.pathname === '/refuse' ? 401 : 200;
      response.writeHead(status, { 'content-type': 'application/json' });
      const count = asked.filter((one) => one.url.startsWith('/token')).length;
      const answer = url.pathname === '/token' ? { access_token: `access-token-number-${count}`, expires_in: 3_600 } : { headers: request.headers, body };
      return response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin: `http://${host}`,
    host,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
