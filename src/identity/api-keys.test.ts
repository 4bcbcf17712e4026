import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fakeClock } from '../test/fake-clock.ts';
import { addPerson, openDoor, type Door } from '../test/door.ts';

const clock = fakeClock();
let door: Door;
before(async () => {
  door = await openDoor({ clock });
  await door.admin();
});
after(() => door.close());

const make = async (scopes: readonly string[], more: object = {}) =>
  (await door.admin()).expect(201, 'POST', '/api/v1/api-keys', { name: 'robot', scopes, ...more });
const use = (key: unknown, path: string, header: 'authorization' | 'x-api-key' = 'authorization') =>
  door.call('GET', path, { headers: { [header]: header === 'authorization' ? `Bearer ${String(key)}` : String(key) } });

test('a key is shown once and kept as a hash', async () => {
  const made = await make(['secrets:read']);
  assert.match(String(made['key']), /^stk_[\w-]{43}$/);
  assert.equal(made['prefix'], String(made['key']).slice(0, 10));
  const list = await (await door.admin()).call('GET', '/api/v1/api-keys');
  assert.doesNotMatch(list.text, new RegExp(String(made['key'])));
  const { rows } = await door.database.engine.query<{ found: boolean }>(
    `select exists (select 1 from api_keys k where k::text like '%' || $1 || '%') as found`,
    [String(made['key']).slice(10)],
  );
  assert.equal(rows[0]?.found, false);
});

test('a key does what its scopes name and nothing else', async () => {
  const { key } = await make(['secrets:read']);
  assert.equal((await use(key, '/api/v1/secrets')).status, 200);
  assert.equal((await use(key, '/api/v1/secrets', 'x-api-key')).status, 200);
  assert.equal((await use(key, '/api/v1/audit')).status, 403);
  assert.equal((await use(key, '/api/v1/api-keys')).status, 403);
  assert.equal((await use(key, '/api/v1/auth/sessions')).status, 403);
});

test('a key of everything does no more than its owner may', async () => {
  const user = await addPerson(door, 'user', 'keyed@example.com');
  const { key } = await user.client.expect(201, 'POST', '/api/v1/api-keys', { name: 'all', scopes: ['*'] });
  assert.equal((await use(key, '/api/v1/settings')).status, 200);
  assert.equal((await use(key, '/api/v1/audit')).status, 403);
});

for (const scopes of [[], ['secrets'], ['secrets:*'], ['*:read'], ['nothing:read'], ['secrets:delete'], ['**'], [''], ['secrets:read '], [5]]) {
  test(`scopes that mean nothing are refused: ${JSON.stringify(scopes)}`, async () => {
    assert.equal((await (await door.admin()).call('POST', '/api/v1/api-keys', { body: { name: 'x', scopes } })).status, 400);
  });
}

test('a deleted key stops at once', async () => {
  const { id, key } = await make(['secrets:read']);
  assert.equal((await use(key, '/api/v1/secrets')).status, 200);
  await (await door.admin()).expect(204, 'DELETE', `/api/v1/api-keys/${String(id)}`);
  assert.equal((await use(key, '/api/v1/secrets')).status, 401);
});

test('a key ends at its time', async () => {
  const { key } = await make(['secrets:read'], { expiresAt: new Date(clock.now() + 60_000).toISOString() });
  assert.equal((await use(key, '/api/v1/secrets')).status, 200);
  await clock.advance(60_000);
  assert.equal((await use(key, '/api/v1/secrets')).status, 401);
});

test('a time that is over is refused', async () => {
  const reply = await (
    await door.admin()
  ).call('POST', '/api/v1/api-keys', { body: { name: 'x', scopes: ['*'], expiresAt: new Date(clock.now() - 1).toISOString() } });
  assert.equal(reply.status, 400);
  assert.match(reply.text, /in the past/);
});

test("nobody deletes another person's key, or learns that it exists", async () => {
  const { id } = await make(['secrets:read']);
  const user = await addPerson(door, 'user', 'other-keys@example.com');
  assert.equal((await user.client.call('DELETE', `/api/v1/api-keys/${String(id)}`)).status, 404);
});

for (const key of ['stk_', `stk_${'A'.repeat(43)}`, 'stk_%', `stk_${'x'.repeat(5_000)}`, 'Bearer', '']) {
  test(`a key that is none opens nothing: ${key.slice(0, 12)}`, async () => {
    assert.equal((await use(key, '/api/v1/secrets')).status, 401);
  });
}
