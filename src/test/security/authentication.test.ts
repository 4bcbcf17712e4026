import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApiClient, send, type ApiReply } from '../api-client.ts';
import { startApp, type TestApp } from '../app.ts';
import { createKey, signIn } from '../people.ts';
import { guarded, pathOf, queryOf, routes } from './routes.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

/** Reviewed: what anybody may call. A new entry here is a decision. */
const PUBLIC = [
  'POST /api/v1/auth/claim',
  'POST /api/v1/auth/login',
  'POST /api/v1/auth/refresh',
  'POST /api/v1/auth/invite',
  'POST /api/v1/auth/invite/accept',
  'GET /api/v1/system/maintenance',
  'GET /health',
  'GET /health/live',
  'GET /api/v1/forms/{token}',
  'POST /api/v1/forms/{token}',
  'GET /webhooks/{token}',
  'POST /webhooks/{token}',
];

test('the public routes are the reviewed ones', () => {
  const open = routes.filter((route) => route.isPublic).map((route) => route.key);
  deepEqual(
    open.filter((key) => !PUBLIC.includes(key)),
    [],
  );
  ok(open.length <= 12);
});

/** Calls every guarded route; names those that did not answer 401. */
async function admittedTo(
  headersOf: (path: string) => Readonly<Record<string, string>>,
  decorate: (path: string) => string = (path) => path,
): Promise<string[]> {
  const admitted: string[] = [];
  // Serial: the routes share one app.
  for (const route of guarded) {
    const path = decorate(`${pathOf(route)}${queryOf(route)}`);
    // As a proxied caller: what is open to this machine itself is judged apart.
    const reply = await send(app.url, route.method, path, {
      headers: { 'x-forwarded-for': '203.0.113.9', ...headersOf(path) },
      ...(route.changes ? { body: {} } : {}),
    });
    if (reply.status !== 401) admitted.push(`${route.method} ${path} answered ${reply.status}`);
  }
  return admitted;
}

const bearer = (token: string) => (): Record<string, string> => ({ authorization: `Bearer ${token}` });

test('no guarded route answers without a token', async () => {
  deepEqual(await admittedTo(() => ({})), []);
});

test('no guarded route takes garbage for a token', async () => {
  // Serial: see admittedTo.
  for (const token of ['garbage', 'a.b.c', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.', `sk_${'0'.repeat(40)}`, 'null', 'undefined'])
    deepEqual(await admittedTo(bearer(token)), []);
  deepEqual(await admittedTo(() => ({ authorization: '' })), []);
  deepEqual(await admittedTo(() => ({ authorization: `Basic ${Buffer.from('super@example.com:a long enough password 42').toString('base64')}` })), []);
});

test('no guarded route takes a token that was revoked by signing out', async () => {
  const client = await signIn(app.url, app.people.superAdmin.email);
  await client.expect(204, 'POST', '/api/v1/auth/logout');
  deepEqual(await admittedTo(bearer(client.token ?? '')), []);
});

test('no guarded route takes an access token after its session expired', async () => {
  const client = await signIn(app.url, app.people.superAdmin.email);
  await app.admin.query(`update sessions set expires_at = now() - interval '1 hour' where id = (select max(id) from sessions)`);
  deepEqual(await admittedTo(bearer(client.token ?? '')), []);
});

test('no guarded route takes an API key that was deleted or has expired', async () => {
  const deleted = await createKey(app.people.superAdmin, ['*']);
  const keys = await app.people.superAdmin.client.expect(200, 'GET', '/api/v1/api-keys');
  const [newest] = keys['items'] as { id: string }[];
  await app.people.superAdmin.client.expect(204, 'DELETE', `/api/v1/api-keys/${newest?.id}`);
  deepEqual(await admittedTo(bearer(deleted.token ?? '')), []);
  const expired = await createKey(app.people.superAdmin, ['*']);
  await app.admin.query(`update api_keys set expires_at = now() - interval '1 hour' where id = (select max(id) from api_keys)`);
  deepEqual(await admittedTo(bearer(expired.token ?? '')), []);
});

test('a valid key counts in the accepted places only: never in the URL, a cookie or another header', async () => {
  const key = (await createKey(app.people.superAdmin, ['*'])).token ?? '';
  deepEqual(await admittedTo(() => ({ cookie: `studio_session=${key}` })), []);
  deepEqual(await admittedTo(() => ({ cookie: `token=${key}; access_token=${key}` })), []);
  deepEqual(await admittedTo(() => ({ token: key, 'x-token': key, 'x-auth-token': key, 'proxy-authorization': `Bearer ${key}` })), []);
  deepEqual(await admittedTo(() => ({ authorization: key })), []);
  const inQuery = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}access_token=${key}&token=${key}&api_key=${key}&key=${key}`;
  deepEqual(await admittedTo(() => ({}), inQuery), []);
});

test('an access token of one session is no cookie, and a cookie is no token', async () => {
  const { token = '' } = app.people.superAdmin.client;
  deepEqual(await admittedTo(() => ({ cookie: `studio_session=${token}` })), []);
});

/** Other spellings of a path. */
const spellings: Readonly<Record<string, (path: string) => string>> = {
  'upper case': (path) => path.toUpperCase(),
  'doubled slash': (path) => `/${path}`,
  'doubled slash inside': (path) => path.replace('/v1/', '/v1//'),
  'trailing slash': (path) => path.replace(/(?=\?|$)/, '/'),
  'trailing dot': (path) => path.replace(/(?=\?|$)/, '.'),
  'path parameter': (path) => path.replace(/(?=\?|$)/, ';x'),
  'encoded letter': (path) => path.replace('/api', '/%61pi'),
  'encoded slash': (path) => path.replace('/v1/', '/v1%2f'),
  'dot segment': (path) => path.replace('/v1/', '/v1/./'),
  'double dot': (path) => path.replace('/v1/', '/v1/health/../'),
  backslash: (path) => path.replace('/v1/', '\\v1\\'),
  'absolute form': (path) => `http://studio.example.com${path}`,
};

for (const [name, respell] of Object.entries(spellings)) {
  test(`no other spelling of a path gets around the check: ${name}`, async () => {
    const { body: shell } = await send(app.url, 'GET', '/', {});
    const leaks: string[] = [];
    for (const route of guarded) {
      const path = respell(`${pathOf(route)}${queryOf(route)}`);
      const reply = await send(app.url, route.method, path, { headers: { 'x-forwarded-for': '203.0.113.9' }, ...(route.changes ? { body: {} } : {}) });
      if (!isRefusal(reply) && reply.text !== String(shell)) leaks.push(`${route.method} ${path} answered ${reply.status}: ${reply.text.slice(0, 100)}`);
    }
    deepEqual(leaks, []);
  });
}

test('no other spelling of a path lets a lower role in', async () => {
  const leaks: string[] = [];
  const high = guarded.filter((route) => 'role' in route.rule && route.rule.role !== 'user');
  const token = app.people.user.client.token ?? '';
  for (const respell of Object.values(spellings)) {
    for (const route of high) {
      const path = respell(`${pathOf(route)}${queryOf(route)}`);
      const reply = await send(app.url, route.method, path, { headers: { authorization: `Bearer ${token}` }, ...(route.changes ? { body: {} } : {}) });
      if (reply.status < 400 && reply.headers['content-type']?.startsWith('text/html') !== true) leaks.push(`${route.method} ${path} answered ${reply.status}`);
    }
  }
  deepEqual(leaks, []);
});

test('what is open to this machine itself is closed to callers through a proxy', async () => {
  const local = guarded.filter((route) => 'role' in route.rule && route.rule.loopback === true);
  for (const route of local) {
    equal((await createApiClient(app.url).call(route.method, pathOf(route))).status === 401, false, `${route.key} on the loopback`);
    equal(
      (await createApiClient(app.url).call(route.method, pathOf(route), { headers: { 'x-forwarded-for': '203.0.113.9' } })).status,
      401,
      `${route.key} through a proxy`,
    );
    equal(
      (await createApiClient(app.url).call(route.method, pathOf(route), { headers: { host: 'studio.example.com' } })).status,
      401,
      `${route.key} under another name`,
    );
  }
});

/** 400 for a path that is no path; 401, 404, 405, 421 as they say. */
function isRefusal(reply: ApiReply): boolean {
  return [400, 401, 404, 405, 421].includes(reply.status);
}
