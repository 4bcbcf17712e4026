import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fakeClock } from '../test/fake-clock.ts';
import { ADMIN, addPerson, openDoor, signIn, type Door } from '../test/door.ts';

const clock = fakeClock();
let door: Door;
before(async () => {
  door = await openDoor({ clock, http: { proxy: { for: 1, proto: 0, host: 0, port: 0, prefix: 0 } } });
  await door.admin();
});
after(() => door.close());

const login = (email: string, password: string, address = '198.51.100.1') =>
  door.call('POST', '/api/v1/auth/login', { body: { email, password }, headers: { 'x-forwarded-for': address } });

test('a wrong password and an unknown address get the same answer', async () => {
  const wrong = await login(ADMIN.email, 'not the password');
  const unknown = await login('nobody@example.com', 'not the password');
  assert.equal(wrong.status, 401);
  const message = (text: string): unknown => (JSON.parse(text) as { error: { code: string; message: string } }).error.message;
  assert.equal(message(wrong.text), message(unknown.text));
});

test('ten failures close an account for a quarter of an hour, also to the right password', async () => {
  const user = await addPerson(door, 'user', 'guessed@example.com');
  for (let attempt = 0; attempt < 10; attempt++) assert.equal((await login('guessed@example.com', `guess ${attempt}`)).status, 401);
  const closed = await login('Guessed@Example.com', user.password, '198.51.100.77');
  assert.equal(closed.status, 429);
  assert.ok(Number(closed.headers['retry-after']) > 600);
  assert.equal((await login(ADMIN.email, ADMIN.password)).status, 200);
  await clock.advance(15 * 60_000 + 1);
  assert.equal((await login('guessed@example.com', user.password)).status, 200);
});

test('an unknown account closes like a known one', async () => {
  for (let attempt = 0; attempt < 10; attempt++) assert.equal((await login('ghost@example.com', 'x', '198.51.100.2')).status, 401);
  assert.equal((await login('ghost@example.com', 'x', '198.51.100.2')).status, 429);
});

test('a hundred tries at once are not let through before the first has failed', async () => {
  const replies = await Promise.all(Array.from({ length: 40 }, (_, index) => login('burst@example.com', `guess ${index}`, '198.51.100.3')));
  assert.equal(replies.filter((reply) => reply.status === 401).length, 10);
  assert.equal(replies.filter((reply) => reply.status === 429).length, 30);
});

test('a hundred failures close an address for every account', async () => {
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 10 }, (_, index) => login(`spray-${round}-${index}@example.com`, 'x', '198.51.100.4')));
  assert.equal((await login('one-more@example.com', 'x', '198.51.100.4')).status, 429);
  assert.equal((await login('one-more@example.com', 'x', '198.51.100.5')).status, 401);
});

test('failures are remembered by the database: a restart forgives nothing', async () => {
  for (let attempt = 0; attempt < 10; attempt++) await login('restart@example.com', 'x', '198.51.100.6');
  const restarted = await openDoor({ clock, beside: door });
  try {
    const reply = await restarted.call('POST', '/api/v1/auth/login', { body: { email: 'restart@example.com', password: 'x' } });
    assert.equal(reply.status, 429);
  } finally {
    await restarted.close();
  }
});

test('what was typed as an address is not kept in clear: it may have been a password', async () => {
  await login('hunter2-typed-here', 'x', '198.51.100.8');
  const { rows } = await door.database.engine.query<{ found: boolean }>(
    `select exists (select 1 from login_attempts a where a::text like '%hunter2%') or exists (select 1 from audit a where a::text like '%hunter2%') as found`,
  );
  assert.equal(rows[0]?.found, false);
  assert.doesNotMatch(door.logged(), /hunter2/);
});

test('a suspended person is out at once and comes back when let in again', async () => {
  const user = await addPerson(door, 'user', 'disabled@example.com');
  const admin = await signIn(door);
  await admin.expect(200, 'PATCH', `/api/v1/orgs/current/members/${user.userId}`, { status: 'suspended' });
  assert.equal((await user.client.call('GET', '/api/v1/users/me')).status, 401);
  assert.equal((await login('disabled@example.com', user.password, '198.51.100.9')).status, 401);
  await admin.expect(200, 'PATCH', `/api/v1/orgs/current/members/${user.userId}`, { status: 'active' });
  assert.equal((await login('disabled@example.com', user.password, '198.51.100.9')).status, 200);
});

test('a new e-mail address needs the current password and must be free', async () => {
  const user = await addPerson(door, 'user', 'moves@example.com');
  assert.equal((await user.client.call('PATCH', '/api/v1/users/me', { body: { email: 'moved@example.com' } })).status, 400);
  assert.equal((await user.client.call('PATCH', '/api/v1/users/me', { body: { email: 'moved@example.com', currentPassword: 'wrong' } })).status, 400);
  assert.equal(
    (await user.client.call('PATCH', '/api/v1/users/me', { body: { email: ADMIN.email.toUpperCase(), currentPassword: user.password } })).status,
    409,
  );
  const moved = await user.client.expect(200, 'PATCH', '/api/v1/users/me', { email: 'moved@example.com', name: 'Mo', currentPassword: user.password });
  assert.equal(moved['email'], 'moved@example.com');
  assert.equal(moved['name'], 'Mo');
});

for (const key of ['role', 'isSuperAdmin', 'is_super_admin', 'id', 'orgId', 'org_id', 'passwordChangeRequired', 'createdAt', 'disabledAt', 'constructor']) {
  test(`nobody raises themselves: ${key} is no field of users/me`, async () => {
    const reply = await (await signIn(door)).call('PATCH', '/api/v1/users/me', { body: { name: 'x', [key]: 'super_admin' } });
    assert.equal(reply.status, 400);
    assert.match(reply.text, new RegExp(key));
  });
}

test('every sign-in, refusal and password change stands in the audit trail, without secrets', async () => {
  const { items } = (await (await signIn(door)).expect(200, 'GET', '/api/v1/audit?limit=200')) as { items: { action: string }[] };
  const actions = new Set(items.map((item) => item.action));
  for (const action of ['session.started', 'session.refused', 'session.ended', 'user.password_changed', 'member.added', 'user.first_admin_made'])
    assert.ok(actions.has(action), action);
  assert.doesNotMatch(JSON.stringify(items), /stk_|str_|eyJ|own long password/);
});
