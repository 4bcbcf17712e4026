import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { startApp, type TestApp } from '../test/app.ts';
import { createKey, signInBrowser } from '../test/people.ts';

const program = fileURLToPath(new URL('../test/page-service.ts', import.meta.url));
const definition = { command: [process.execPath, program], health: { type: 'http', path: '/health', intervalMs: 250 } };

let app: TestApp;
let cookie: string;
before(async () => {
  app = await startApp();
  cookie = await signInBrowser(app.url, app.people.superAdmin.email);
  await define('boxed', { role: 'user' });
  await define('paged', { role: 'super_admin', isolation: 'trusted', stripPrefix: false });
  await define('open', { isolation: 'trusted' });
  for (const name of ['boxed', 'paged', 'open']) await running(name);
});
after(() => app.close());

async function define(name: string, page: object): Promise<void> {
  await app.people.superAdmin.client.expect(201, 'POST', '/api/v1/services', { ...definition, name, page });
}

async function running(name: string): Promise<void> {
  for (;;) {
    const { service } = (await app.people.superAdmin.client.expect(200, 'GET', `/api/v1/services/${name}`)) as { service: { state: string } };
    if (service.state === 'running') return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

interface Got {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** As a browser or a program sends it: nothing is followed, nothing is added. */
function get(path: string, headers: Record<string, string> = {}, options: { readonly method?: string; readonly body?: Buffer } = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: new URL(app.url).port, path, method: options.method ?? 'GET', headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }));
      },
    );
    request.once('error', reject);
    request.end(options.body);
  });
}

/** The address that a sandboxed page has for this browser. */
async function ticketed(path = '/'): Promise<string> {
  const reply = await get(`/services/boxed${path}`, { cookie });
  equal(reply.status, 302);
  return String(reply.headers.location);
}

function echoOf(reply: Got): { method: string; url: string; headers: Record<string, string> } {
  return JSON.parse(reply.text) as { method: string; url: string; headers: Record<string, string> };
}

test('nobody gets to a page without signing in, or without the role it asks for', async () => {
  equal((await get('/services/boxed/')).status, 401);
  const html = await get('/services/boxed/', { accept: 'text/html' });
  deepEqual([html.status, /Sign in first/.test(html.text)], [401, true]);
  const user = await signInBrowser(app.url, app.people.user.email);
  equal((await get('/services/boxed/', { cookie: user })).status, 302);
  match((await get('/services/paged/', { cookie: user })).text, /for the role super_admin; yours is user/);
  const weak = await createKey(app.people.superAdmin, ['jobs:read']);
  match((await get('/services/boxed/echo', { authorization: `Bearer ${weak.token}` })).text, /machine:run/);
});

test("a sandboxed page has an address of its own, a CSP sandbox without Studio's origin, and its storage in a first script", async () => {
  const address = await ticketed();
  match(address, /^\/services\/boxed\/~[A-Za-z0-9_-]{32}\/$/);
  equal(await ticketed(), address, 'the same session gets the same address');
  const page = await get(address, { accept: 'text/html', 'sec-fetch-dest': 'document' });
  equal(page.status, 200);
  const policy = String(page.headers['content-security-policy']);
  match(policy, /sandbox allow-scripts/);
  match(policy, /object-src 'none'/, "the service's own policy stands beside it");
  equal(policy.includes('allow-same-origin'), false);
  equal(page.headers['referrer-policy'], 'no-referrer');
  equal(page.headers['cross-origin-resource-policy'], undefined);
  match(page.text, new RegExp(`<script src="${address}~studio-sandbox.js"></script>`));
  match((await get(`${address}~studio-sandbox.js`)).text, /localStorage/);
});

test('a ticket is good for its own service and session alone, and for nothing of the API', async () => {
  const address = await ticketed();
  const ticket = /~([^/]+)/.exec(address)?.[1] ?? '';
  equal((await get(`/services/open/~${ticket}/echo`)).status, 401);
  equal((await get('/api/v1/users/me', { authorization: `Bearer ${ticket}` })).status, 401);
  equal((await get('/api/v1/users/me', { cookie: `studio_session=${ticket}` })).status, 401);
  equal((await get(`/services/boxed/~${'A'.repeat(32)}/echo`)).status, 401);
  const other = await signInBrowser(app.url, app.people.user.email);
  const theirs = String((await get('/services/boxed/', { cookie: other })).headers.location);
  equal((await get(`${theirs}echo`)).status, 200);
  await get('/api/v1/auth/logout', { cookie: other, origin: app.url }, { method: 'POST' });
  equal((await get(`${theirs}echo`)).status, 401, 'it ends with its session');
  const again = await get(`/services/boxed/~${'A'.repeat(32)}/echo?x=1`, { cookie, accept: 'text/html' });
  match(String(again.headers.location), /^\/services\/boxed\/~[A-Za-z0-9_-]{32}\/echo\?x=1$/, 'an old address finds its way back');
});

test("the service sees a caller on the loopback, and nothing of Studio's credentials", async () => {
  const { token } = app.people.superAdmin.client;
  const direct = echoOf(
    await get('/services/boxed/echo?a=1&b=%2F', {
      authorization: `Bearer ${token}`,
      cookie: `${cookie}; mine=1`,
      connection: 'keep-alive, x-hop',
      'x-hop': '1',
      'x-forwarded-for': '6.6.6.6',
    }),
  );
  deepEqual(
    [direct.method, direct.url, direct.headers['cookie'], direct.headers['authorization'], direct.headers['x-hop']],
    ['GET', '/echo?a=1&b=%2F', 'mine=1', undefined, undefined],
  );
  match(direct.headers['host'] ?? '', /^127\.0\.0\.1:\d+$/);
  deepEqual(
    [direct.headers['x-forwarded-for'], direct.headers['x-forwarded-proto'], direct.headers['x-forwarded-prefix']],
    ['127.0.0.1', 'http', '/services/boxed'],
  );
  const address = await ticketed();
  const own = echoOf(await get(`${address}echo`, { authorization: 'Bearer its-own-token', origin: 'null', 'sec-fetch-site': 'cross-site' }));
  deepEqual(
    [own.headers['authorization'], own.headers['sec-fetch-site'], own.headers['origin']],
    ['Bearer its-own-token', 'same-origin', `http://${own.headers['host']}`],
  );
  const leaked = echoOf(await get(`${address}echo`, { authorization: `Bearer ${token}` }));
  equal(leaked.headers['authorization'], undefined);
});

test('what a service says of the whole origin is cut down to its own path', async () => {
  const reply = await get('/services/open/cookie', { cookie });
  deepEqual(reply.headers['set-cookie'], ['mine=1; Path=/services/open/; HttpOnly', 'deep=2; Path=/services/open/echo; Secure']);
  deepEqual(
    ['service-worker-allowed', 'clear-site-data', 'keep-alive'].map(
      (name) => reply.headers[name] === 'timeout=9' || (name !== 'keep-alive' && reply.headers[name] !== undefined),
    ),
    [false, false, false],
  );
  equal((await get('/services/open/redirect', { cookie })).headers.location, '/services/open/echo?from=redirect');
  equal((await get('/services/open', { cookie })).headers.location, '/services/open/');
});

test('a service that is told of its base gets the whole path', async () => {
  equal(echoOf(await get('/services/paged/echo', { cookie })).url, '/services/paged/echo');
});

test('a foreign page gets nothing done with the cookie of who looks at it', async () => {
  const post = (headers: Record<string, string>): Promise<Got> => get('/services/open/echo', { cookie, ...headers }, { method: 'POST' });
  equal((await post({})).status, 403);
  equal((await post({ origin: 'https://evil.example' })).status, 403);
  equal((await post({ origin: 'null' })).status, 403);
  equal((await post({ origin: app.url })).status, 200);
  equal((await get('/services/boxed/echo', { cookie, origin: app.url }, { method: 'POST' })).status, 403, 'a sandboxed one is not used by cookie at all');
});

test("a sandboxed page's own calls are let in from its origin, preflights included", async () => {
  const address = await ticketed();
  const preflight = await get(
    `${address}echo`,
    { origin: 'null', 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-mine' },
    { method: 'OPTIONS' },
  );
  deepEqual([preflight.status, preflight.headers['access-control-allow-origin'], preflight.headers['access-control-allow-headers']], [204, 'null', 'x-mine']);
  const put = await get(`${address}echo`, { origin: 'null', 'x-mine': '1' }, { method: 'PUT' });
  deepEqual([put.status, put.headers['access-control-allow-origin'], put.headers['access-control-allow-credentials']], [200, 'null', undefined]);
  equal((await get(`${address}echo`, { origin: 'https://evil.example' }, { method: 'PUT' })).status, 403);
});

test('a large upload streams through, and a stream comes as it is written and ends when its reader goes', async () => {
  const address = await ticketed();
  const body = randomBytes(24 * 1024 * 1024);
  const sent = await get(`${address}upload`, { origin: 'null' }, { method: 'POST', body });
  deepEqual(JSON.parse(sent.text), { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') });
  const first = await new Promise<string>((resolve, reject) => {
    const request = httpRequest(`${app.url}${address}slow`, (response) => {
      response.once('data', (chunk: Buffer) => {
        request.destroy();
        resolve(chunk.toString());
      });
    });
    request.once('error', reject);
    request.end();
  });
  equal(first, 'data: first\n\n');
  for (;;) {
    const log = await app.people.superAdmin.client.call('GET', '/api/v1/services/boxed/log');
    if (log.text.includes('the reader went away')) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
});

/** What the first message is answered with, or the status of a refusal. */
function talk(path: string, headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve) => {
    const ws = new WebSocket(`${app.url.replace('http', 'ws')}${path}`, { headers });
    ws.once('open', () => ws.send('hi'));
    ws.once('message', (data) => {
      ws.terminate();
      resolve(String(data));
    });
    ws.once('unexpected-response', (_request, response) => resolve(String(response.statusCode)));
    ws.once('error', () => resolve('error'));
  });
}

test('WebSockets pass both ways, by the same rules', async () => {
  const address = await ticketed();
  equal(await talk(`${address}ws`, { origin: 'null' }), 'hi from nobody');
  equal(await talk('/services/open/ws', { cookie, origin: app.url }), 'hi from nobody');
  equal(await talk('/services/open/ws', { cookie }), '403');
  equal(await talk('/services/open/ws', { cookie, origin: 'https://evil.example' }), '403');
  equal(await talk('/services/boxed/ws', { cookie, origin: app.url }), '403');
  equal(await talk('/services/boxed/ws'), '401');
  equal(await talk('/services/boxed/ws', { authorization: `Bearer ${app.people.superAdmin.client.token}` }), 'hi from nobody');
  equal(await talk(`${address}nothing`, { origin: 'null' }), '400');
});

test('an open socket ends with the session that opened it', async () => {
  const other = await signInBrowser(app.url, app.people.user.email);
  const theirs = String((await get('/services/boxed/', { cookie: other })).headers.location);
  const ws = new WebSocket(`${app.url.replace('http', 'ws')}${theirs}ws`, { headers: { origin: 'null' } });
  await new Promise((resolve) => ws.once('open', resolve));
  const closed = new Promise((resolve) => ws.once('close', resolve));
  await get('/api/v1/auth/logout', { cookie: other, origin: app.url }, { method: 'POST' });
  await closed;
});

test('one that does not run says so, and one that rests is woken by who opens its page', async () => {
  const { client } = app.people.superAdmin;
  await client.expect(201, 'POST', '/api/v1/services', {
    ...definition,
    name: 'lazy',
    env: { LATE_MS: '300' },
    idle: { afterMs: 1_000 },
    page: { isolation: 'trusted' },
  });
  await running('lazy');
  for (;;) {
    const { service } = (await client.expect(200, 'GET', '/api/v1/services/lazy')) as { service: { state: string } };
    if (service.state === 'stopped') break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const page = await get('/services/lazy/', { cookie, accept: 'text/html' });
  deepEqual([page.status, /lazy is starting/.test(page.text), /http-equiv="refresh"/.test(page.text)], [503, true, true]);
  const json = await get('/services/lazy/echo', { cookie });
  ok(json.status === 503 && json.headers['retry-after'] === '2', json.text);
  await running('lazy');
  equal((await get('/services/lazy/', { cookie })).status, 200);
  await client.expect(200, 'POST', '/api/v1/services/lazy/stop');
  const stopped = await get('/services/lazy/', { cookie, accept: 'text/html' });
  deepEqual([stopped.status, /lazy does not run/.test(stopped.text)], [503, true]);
  match((await get('/services/nobody/', { cookie })).text, /There is no service/);
});

test('odd paths go nowhere', async () => {
  equal((await get('/services/boxed/../../api/v1/users/me')).status, 401, "the API's own answer");
  equal((await get('/x/../services/open/echo', { cookie })).status, 404);
  equal((await get('/services//echo', { cookie })).status, 404);
});
