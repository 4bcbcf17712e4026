import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createEgress, type EgressParts, type EgressRequest } from './egress.ts';
import { EgressError } from './egress-error.ts';

const requests: { readonly url: string; readonly headers: IncomingMessage['headers']; readonly method: string; readonly body: string }[] = [];
let server: Server;
let port = 0;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  requests.push({ url: request.url ?? '', headers: request.headers, method: request.method ?? '', body: Buffer.concat(chunks).toString() });
  const url = new URL(request.url ?? '/', 'http://x');
  const to = url.searchParams.get('to');
  if (to !== null) response.writeHead(Number(url.searchParams.get('status') ?? 302), { location: to }).end();
  else if (url.pathname === '/bomb') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000)));
  else if (url.pathname === '/half') {
    response.writeHead(200, { 'content-length': '100' }).write('half');
    setTimeout(() => response.destroy(), 20);
  } else if (url.pathname === '/slow') response.writeHead(200).write('…');
  else response.writeHead(200, { 'content-type': 'text/plain' }).end('hello');
}

before(async () => {
  server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function ask(
  url: string,
  parts: Partial<EgressParts> & { readonly hosts?: readonly string[] } = {},
  request: Partial<EgressRequest> = {},
): ReturnType<ReturnType<typeof createEgress>['request']> {
  const egress = createEgress({ allowedHosts: async () => parts.hosts ?? [], ...(parts.resolve === undefined ? {} : { resolve: parts.resolve }) });
  return egress.request({ method: 'GET', url, headers: {}, timeoutMs: 10_000, maxBytes: 1_000_000, signal: new AbortController().signal, ...request });
}

const refused = (error: unknown): boolean => error instanceof EgressError && error.code === 'egress_refused';
const loopback = async (): Promise<{ address: string; family: number }[]> => [{ address: '127.0.0.1', family: 4 }];

describe('egress', () => {
  it('reaches no address of this machine or its networks, however it is spelt, and opens no connection', async () => {
    requests.length = 0;
    const hosts = [
      '127.0.0.1',
      'localhost',
      '0.0.0.0',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '127.1',
      '0',
      '%31%32%37.0.0.1',
      '127。0。0。1',
      '①②⑦.0.0.1',
    ];
    for (const host of hosts) await assert.rejects(ask(`http://${host}:${port}/`), refused, host);
    for (const url of ['file:///etc/passwd', 'gopher://127.0.0.1/', 'unix:/run/x.sock', 'ftp://x/', 'not a url', 'http://user:pw@example.com/'])
      await assert.rejects(ask(url), refused, url);
    assert.deepEqual(requests, []);
  });
  it('decides on what the name resolves to, and refuses a name with one closed address among open ones', async () => {
    await assert.rejects(ask(`http://inner.example:${port}/`, { resolve: loopback }), refused);
    await assert.rejects(ask(`http://mixed.example:${port}/`, { resolve: async () => [{ address: '8.8.8.8', family: 4 }, ...(await loopback())] }), refused);
  });
  it('asks the resolver once a connection, so that a rebinding name has no second answer', async () => {
    let asked = 0;
    const rebinding = async (): Promise<{ address: string; family: number }[]> =>
      asked++ === 0 ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '8.8.8.8', family: 4 }];
    await assert.rejects(ask(`http://rebind.example:${port}/`, { resolve: rebinding }), refused);
    assert.equal(asked, 1);
  });
  it('reaches an allowed host, by name, by port and by subdomain, and no other', async () => {
    assert.equal((await ask(`http://127.0.0.1:${port}/a`, { hosts: [`127.0.0.1:${port}`] })).body.toString(), 'hello');
    assert.equal((await ask(`http://x.lab:${port}/a`, { hosts: ['*.lab'], resolve: loopback })).status, 200);
    await assert.rejects(ask(`http://lab:${port}/a`, { hosts: ['*.lab'], resolve: loopback }), refused);
    await assert.rejects(ask(`http://127.0.0.1:${port}/a`, { hosts: ['127.0.0.1:1'] }), refused);
    await assert.rejects(ask(`http://evil127.0.0.1.lab:${port}/a`, { hosts: ['127.0.0.1'], resolve: loopback }), refused);
  });
  it('decides again at each redirect', async () => {
    requests.length = 0;
    await assert.rejects(
      ask(`http://ok.lab:${port}/?to=${encodeURIComponent(`http://127.0.0.1:${port}/secret`)}`, { hosts: ['ok.lab'], resolve: loopback }),
      refused,
    );
    assert.deepEqual(
      requests.map(({ url }) => url.startsWith('/secret')),
      [false],
    );
  });
  it('drops credentials when a redirect leaves the host, and keeps them when it stays', async () => {
    requests.length = 0;
    const hosts = ['a.lab', 'b.lab'];
    await ask(
      `http://a.lab:${port}/?to=${encodeURIComponent(`http://b.lab:${port}/end`)}`,
      { hosts, resolve: loopback },
      { headers: { Authorization: 'Bearer canary', 'X-Kept': '1' } },
    );
    assert.equal(requests[0]?.headers.authorization, 'Bearer canary');
    assert.equal(requests[1]?.headers.authorization, undefined);
    assert.equal(requests[1]?.headers['x-kept'], '1');
    await ask(`http://a.lab:${port}/?to=/end`, { hosts, resolve: loopback }, { headers: { Authorization: 'Bearer canary' } });
    assert.equal(requests[3]?.headers.authorization, 'Bearer canary');
  });
  it('turns a POST into a GET at 302 and keeps it at 307', async () => {
    requests.length = 0;
    const parts = { hosts: ['a.lab'], resolve: loopback };
    const post = { method: 'POST', body: Buffer.from('{}'), headers: { 'content-type': 'application/json' } };
    await ask(`http://a.lab:${port}/?to=/end&status=302`, parts, post);
    await ask(`http://a.lab:${port}/?to=/end&status=307`, parts, post);
    assert.deepEqual(
      requests.map(({ method, body }) => `${method} ${body}`),
      ['POST {}', 'GET ', 'POST {}', 'POST {}'],
    );
  });
  it('gives up a circle of redirects', async () => {
    await assert.rejects(
      ask(`http://a.lab:${port}/?to=${encodeURIComponent('?to=/x&status=302')}`, { hosts: ['a.lab'], resolve: loopback }).then(() =>
        ask(`http://a.lab:${port}/loop?to=${encodeURIComponent('#')}`, { hosts: ['a.lab'], resolve: loopback }),
      ),
      /redirected more than 10 times/,
    );
  });
  it('stops a compressed bomb at the limit of the inflated size', async () => {
    await assert.rejects(
      ask(`http://a.lab:${port}/bomb`, { hosts: ['a.lab'], resolve: loopback }),
      (error) => error instanceof EgressError && error.code === 'reply_too_large',
    );
  });
  it('says that an answer broke off, ran out of time, or was cancelled', async () => {
    const parts = { hosts: ['a.lab'], resolve: loopback };
    await assert.rejects(ask(`http://a.lab:${port}/half`, parts), /broke off after/);
    await assert.rejects(
      ask(`http://a.lab:${port}/slow`, parts, { timeoutMs: 50 }),
      (error) => error instanceof EgressError && error.code === 'egress_timeout',
    );
    const stop = new AbortController();
    const running = ask(`http://a.lab:${port}/slow`, parts, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('cancelled by hand')), 20);
    await assert.rejects(running, /cancelled by hand/);
  });
  it('refuses headers that belong to the connection', async () => {
    await assert.rejects(ask(`http://a.lab:${port}/`, { hosts: ['a.lab'], resolve: loopback }, { headers: { Host: 'other' } }), refused);
  });
});

describe('an answer that is read as it comes', () => {
  const open = (path: string, request: Partial<EgressRequest> = {}): ReturnType<ReturnType<typeof createEgress>['open']> =>
    createEgress({ allowedHosts: async () => ['127.0.0.1'] }).open({
      method: 'GET',
      url: `http://127.0.0.1:${port}${path}`,
      headers: {},
      timeoutMs: 10_000,
      signal: new AbortController().signal,
      ...request,
    });

  it('is handed out before its end, and ends with an error when its reader aborts', async () => {
    const abort = new AbortController();
    const { status, body } = await open('/slow', { signal: abort.signal });
    assert.equal(status, 200);
    const read: string[] = [];
    await assert.rejects(async () => {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        read.push(chunk.toString());
        abort.abort(new Error('enough'));
      }
    });
    assert.deepEqual(read, ['…']);
  });

  it('ends with an error when the connection breaks', async () => {
    const { body } = await open('/half');
    await assert.rejects(async () => {
      for await (const chunk of body as AsyncIterable<Buffer>) assert.equal(chunk.toString(), 'half');
    });
  });

  it('is refused for an address that is not public', async () => {
    await assert.rejects(
      createEgress({ allowedHosts: async () => [] }).open({
        method: 'GET',
        url: `http://127.0.0.1:${port}/`,
        headers: {},
        timeoutMs: 10_000,
        signal: new AbortController().signal,
      }),
      refused,
    );
  });
});
