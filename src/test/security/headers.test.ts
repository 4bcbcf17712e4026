import { deepEqual, doesNotMatch, equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { send, type ApiReply } from '../api-client.ts';
import { startApp, type TestApp } from '../app.ts';
import { signInBrowser } from '../people.ts';
import { pathOf, queryOf, routes } from './routes.ts';

let app: TestApp;
let cookie = '';
before(async () => {
  app = await startApp();
  cookie = await signInBrowser(app.url, app.people.superAdmin.email);
});
after(() => app.close());

/** What is wrong with the security headers of an answer. */
function faultsOf(reply: ApiReply, path = ''): string[] {
  const { headers } = reply;
  const policy = headers['content-security-policy'] ?? '';
  const checks: readonly [string, boolean][] = [
    ['no policy', policy.includes("default-src 'none'")],
    ['unsafe policy', !/unsafe-inline|unsafe-eval|\*/.test(policy)],
    ['may be framed', policy.includes("frame-ancestors 'none'")],
    ['sniffed', headers['x-content-type-options'] === 'nosniff'],
    ['no referrer policy', headers['referrer-policy'] !== undefined],
    ['no opener policy', headers['cross-origin-opener-policy'] === 'same-origin'],
    ['says what runs it', headers['x-powered-by'] === undefined && headers['server'] === undefined],
    // Health is answered before there is an application that numbers requests.
    ['no request id', headers['x-request-id'] !== undefined || path.startsWith('/health')],
  ];
  return checks.filter(([, isRight]) => !isRight).map(([name]) => name);
}

test('every answer of every route carries the security headers, refusals too', async () => {
  const faults: string[] = [];
  const token = app.people.superAdmin.client.token ?? '';
  // Serial: the routes share one app.
  for (const route of routes.filter((candidate) => candidate.key !== 'POST /api/v1/auth/logout')) {
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      const reply = await send(app.url, route.method, `${pathOf(route)}${queryOf(route)}`, { headers, ...(route.changes ? { body: {} } : {}) });
      faults.push(...faultsOf(reply, route.template).map((fault) => `${route.key} ${reply.status}: ${fault}`));
    }
  }
  for (const path of [
    '/',
    '/workflows',
    '/nothing/here',
    '/api/nothing',
    '/api/v1',
    '/health',
    '/health/live',
    '/assets/none.js',
    '/webhooks/none',
    '/%ff',
    '/metrics',
  ]) {
    const reply = await send(app.url, 'GET', path, {});
    faults.push(...faultsOf(reply, path).map((fault) => `GET ${path} ${reply.status}: ${fault}`));
  }
  deepEqual(faults, []);
});

test('a change made with a cookie needs an Origin that is ours', async () => {
  const done: string[] = [];
  const foreign: readonly (string | undefined)[] = [
    undefined,
    'null',
    'https://evil.example',
    `${app.url}.evil.example`,
    app.url.replace('127.0.0.1', '127.0.0.1.evil.example'),
    'http://127.0.0.1:1',
    app.url.replace('http:', 'file:'),
  ];
  for (const route of routes.filter((candidate) => candidate.changes && !candidate.isPublic)) {
    for (const origin of foreign) {
      for (const [type, body] of [
        ['application/json', '{}'],
        ['text/plain', '{}'],
        ['application/x-www-form-urlencoded', 'a=b'],
      ]) {
        const headers = { cookie, 'content-type': type ?? '', ...(origin === undefined ? {} : { origin }) };
        const reply = await send(app.url, route.method, pathOf(route), { headers, body });
        if (reply.status !== 403) done.push(`${route.key} from ${origin ?? 'no origin'} as ${type}: ${reply.status}`);
      }
    }
  }
  deepEqual(done, []);
});

test('signing in from a foreign page is refused: nobody is signed in as somebody else', async () => {
  for (const route of routes.filter((candidate) => candidate.changes && candidate.isPublic)) {
    const reply = await send(app.url, route.method, pathOf(route), { headers: { cookie, origin: 'https://evil.example', 'x-studio-client': 'web' }, body: {} });
    equal(reply.status, 403, route.key);
  }
});

test('no foreign origin is allowed to read, and never with credentials', async () => {
  const shown: string[] = [];
  for (const origin of ['https://evil.example', 'null', `${app.url}.evil.example`, 'http://localhost.evil.example']) {
    for (const route of routes) {
      for (const method of [route.method, 'OPTIONS']) {
        const headers = { cookie, origin, ...(method === 'OPTIONS' ? { 'access-control-request-method': route.method } : {}) };
        const reply = await send(app.url, method, `${pathOf(route)}${queryOf(route)}`, { headers });
        if (reply.headers['access-control-allow-origin'] !== undefined || reply.headers['access-control-allow-credentials'] !== undefined)
          shown.push(`${method} ${route.template} to ${origin}`);
      }
    }
  }
  deepEqual(shown, []);
});

test('the session cookie is out of the reach of scripts and of other sites', async () => {
  const reply = await send(app.url, 'POST', '/api/v1/auth/login', {
    body: { email: app.people.user.email, password: 'a long enough password 42' },
    headers: { 'x-studio-client': 'web', origin: app.url },
  });
  const set = reply.headers['set-cookie'] ?? '';
  deepEqual(
    ['HttpOnly', 'SameSite=Lax', 'Path=/'].filter((part) => !set.includes(part)),
    [],
  );
  doesNotMatch(set, /Domain=/i);
  deepEqual([reply.status, reply.text.includes('accessToken'), reply.text.includes('refreshToken')], [200, false, false]);
});
