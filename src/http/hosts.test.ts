import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { ADMIN, openDoor, type Door } from '../test/door.ts';

let door: Door;
before(async () => {
  door = await openDoor({ http: { allowedHosts: ['studio.example', '*.pods.example'], corsOrigins: ['*'] } });
  await door.admin();
});
after(() => door.close());

for (const [host, status] of [
  ['studio.example', 401],
  ['STUDIO.example:443', 401],
  ['a.pods.example', 401],
  ['127.0.0.1:8000', 401],
  ['evil.example', 421],
  ['studio.example.evil.example', 421],
  ['169.254.169.254', 421],
] as const) {
  test(`a request to the host ${host} is answered ${status}`, async () => {
    const reply = await door.call('GET', '/api/v1/users/me', { headers: { host } });
    assert.equal(reply.status, status);
    if (status === 421) assert.match(reply.text, /misdirected_host.*ALLOWED_HOSTS/);
  });
}

test('a page that was not found is refused to a foreign host like everything else', async () => {
  assert.equal((await door.call('GET', '/', { headers: { host: 'evil.example' } })).status, 421);
});

test('a forwarded host does not count without a trusted proxy', async () => {
  assert.equal((await door.call('GET', '/api/v1/users/me', { headers: { host: 'evil.example', 'x-forwarded-host': 'studio.example' } })).status, 421);
});

test('CORS_ORIGINS=* lets pages read with tokens of their own, and never with the cookie', async () => {
  const token = (await door.admin()).token;
  const reply = await door.call('GET', '/api/v1/users/me', { headers: { origin: 'https://any.example', authorization: `Bearer ${token}` } });
  assert.equal(reply.headers['access-control-allow-origin'], '*');
  assert.equal(reply.headers['access-control-allow-credentials'], undefined);
  const web = await door.call('POST', '/api/v1/auth/login', { body: { email: ADMIN.email, password: ADMIN.password }, headers: { 'x-studio-client': 'web' } });
  const cookie = web.headers['set-cookie']?.split(';')[0] ?? '';
  assert.equal((await door.call('POST', '/api/v1/auth/logout', { headers: { cookie, origin: 'https://any.example' } })).status, 403);
});

test('a stop that is under way refuses changes and still answers questions', async () => {
  const stopping = await openDoor({ beside: door, isDraining: () => true });
  try {
    const headers = { authorization: `Bearer ${(await door.admin()).token}` };
    assert.equal((await stopping.call('GET', '/api/v1/users/me', { headers })).status, 200);
    const reply = await stopping.call('PATCH', '/api/v1/users/me', { headers, body: { name: 'x' } });
    assert.equal(reply.status, 503);
    assert.match(reply.text, /draining/);
    assert.ok(reply.headers['retry-after']);
  } finally {
    await stopping.close();
  }
});

test('a database that went away is 503 with a time to come back, and heals by itself', async () => {
  const headers = { authorization: `Bearer ${(await door.admin()).token}` };
  const admin = new pg.Client({ connectionString: door.store.adminUrl.replace(`/${door.store.name}`, '/postgres') });
  await admin.connect();
  await admin.query(`alter database ${door.store.name} connection limit 0`);
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [door.store.name]);
  const lost = await door.call('GET', '/api/v1/auth/sessions', { headers });
  await admin.query(`alter database ${door.store.name} connection limit -1`);
  await admin.end();
  assert.equal(lost.status, 503, lost.text);
  assert.match(lost.text, /database_unavailable/);
  assert.ok(lost.headers['retry-after']);
  assert.equal((await door.call('GET', '/api/v1/auth/sessions', { headers })).status, 200);
});
