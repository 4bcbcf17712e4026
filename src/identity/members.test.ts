import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADMIN, addPerson, openDoor, signIn, type Door } from '../test/door.ts';

const MEMBERS = '/api/v1/orgs/current/members';
let door: Door;
before(async () => {
  door = await openDoor();
  await door.admin();
});
after(() => door.close());

const eventsOf = async (userId: string): Promise<{ type: string; sequence: number }[]> =>
  (
    await door.database.engine.query<{ type: string; sequence: number }>('select type, sequence from outbox where kind = $1 and id = $2 order by sequence', [
      'member',
      userId,
    ])
  ).rows;

test('a new member has a temporary password that opens nothing but its own change', async () => {
  const made = await (await door.admin()).expect(201, 'POST', MEMBERS, { email: 'new@example.com', name: 'New', role: 'user' });
  const signedIn = await door.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email: 'new@example.com', password: made['temporaryPassword'] });
  const headers = { authorization: `Bearer ${String(signedIn['accessToken'])}` };
  const refused = await door.call('GET', '/api/v1/settings', { headers });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /password_change_required/);
});

test('adding, changing and removing a member are events of one gapless stream', async () => {
  const user = await addPerson(door, 'user', 'events@example.com');
  const admin = await door.admin();
  await admin.expect(200, 'PATCH', `${MEMBERS}/${user.userId}`, { role: 'admin' });
  await admin.expect(204, 'DELETE', `${MEMBERS}/${user.userId}`);
  assert.deepEqual(
    (await eventsOf(user.userId)).map((event) => [event.type, event.sequence]),
    [1, 2, 3].map((sequence) => ['identity:member:changed', sequence]),
  );
});

test('a role that is taken away counts at once', async () => {
  const admin = await addPerson(door, 'admin', 'demoted@example.com');
  assert.equal((await admin.client.call('GET', MEMBERS)).status, 200);
  await (await door.admin()).expect(200, 'PATCH', `${MEMBERS}/${admin.userId}`, { role: 'user' });
  assert.equal((await admin.client.call('GET', MEMBERS)).status, 403);
});

test('a removed member has no session, no key and no account left, and the address is free again', async () => {
  const user = await addPerson(door, 'user', 'leaves@example.com');
  const key = await user.client.expect(201, 'POST', '/api/v1/api-keys', { name: 'k', scopes: ['users:read'] });
  const headers = { authorization: `Bearer ${String(key['key'])}` };
  assert.equal((await door.call('GET', '/api/v1/users/me', { headers })).status, 200);
  await (await door.admin()).expect(204, 'DELETE', `${MEMBERS}/${user.userId}`);
  assert.equal((await user.client.call('GET', '/api/v1/users/me')).status, 401);
  assert.equal((await door.call('GET', '/api/v1/users/me', { headers })).status, 401);
  await (await door.admin()).expect(201, 'POST', MEMBERS, { email: 'leaves@example.com', name: 'Back', role: 'user' });
});

test('nobody gives a role above their own, or changes somebody above them', async () => {
  const admin = await addPerson(door, 'admin', 'climber@example.com');
  const boss = (await (await door.admin()).expect(200, 'GET', '/api/v1/users/me'))['id'] as string;
  assert.equal((await admin.client.call('POST', MEMBERS, { body: { email: 'x@example.com', name: 'x', role: 'super_admin' } })).status, 403);
  assert.equal((await admin.client.call('PATCH', `${MEMBERS}/${admin.userId}`, { body: { role: 'super_admin' } })).status, 403);
  assert.equal((await admin.client.call('PATCH', `${MEMBERS}/${boss}`, { body: { role: 'user' } })).status, 403);
  assert.equal((await admin.client.call('DELETE', `${MEMBERS}/${boss}`)).status, 403);
});

test('the last super administrator can not go', async () => {
  const admin = await door.admin();
  const me = (await admin.expect(200, 'GET', '/api/v1/users/me'))['id'] as string;
  assert.equal((await admin.call('PATCH', `${MEMBERS}/${me}`, { body: { role: 'user' } })).status, 409);
  assert.equal((await admin.call('PATCH', `${MEMBERS}/${me}`, { body: { status: 'suspended' } })).status, 409);
  assert.equal((await admin.call('DELETE', `${MEMBERS}/${me}`)).status, 409);
  assert.equal((await signIn(door).then((client) => client.call('GET', '/api/v1/users/me'))).status, 200);
});

test('two super administrators who demote each other at once leave one', async () => {
  const second = await addPerson(door, 'super_admin', 'second@example.com');
  const admin = await door.admin();
  const me = (await admin.expect(200, 'GET', '/api/v1/users/me'))['id'] as string;
  const replies = await Promise.all([
    admin.call('PATCH', `${MEMBERS}/${second.userId}`, { body: { role: 'user' } }),
    second.client.call('PATCH', `${MEMBERS}/${me}`, { body: { role: 'user' } }),
  ]);
  assert.equal(replies.filter((reply) => reply.status === 200).length, 1, replies.map((reply) => reply.text).join());
  const { rows } = await door.database.engine.query<{ id: string }>('select id from users where is_super_admin');
  assert.equal(rows.length, 1);
  if (rows[0]?.id !== me) await door.database.engine.query('update users set is_super_admin = true where id = $1', [me]);
});

test('an address that is taken is refused in whatever case it is written', async () => {
  assert.equal((await (await door.admin()).call('POST', MEMBERS, { body: { email: ADMIN.email.toUpperCase(), name: 'x', role: 'user' } })).status, 409);
});

test('members are paged by cursor, each once', async () => {
  const admin = await door.admin();
  for (let index = 0; index < 5; index++) await admin.expect(201, 'POST', MEMBERS, { email: `page-${index}@example.com`, name: 'p', role: 'user' });
  const seen: string[] = [];
  for (let after = ''; ;) {
    const page = (await admin.expect(200, 'GET', `${MEMBERS}?limit=2${after}`)) as { items: { userId: string }[]; next: string | null };
    seen.push(...page.items.map((item) => item.userId));
    if (page.next === null) break;
    after = `&after=${page.next}`;
  }
  assert.equal(new Set(seen).size, seen.length);
  const { rows } = await door.database.engine.query('select user_id from members');
  assert.equal(seen.length, rows.length);
});

test('an unknown member is not found', async () => {
  const admin = await door.admin();
  for (const method of ['PATCH', 'DELETE'])
    assert.equal((await admin.call(method, `${MEMBERS}/user_unknown`, method === 'PATCH' ? { body: { role: 'user' } } : {})).status, 404);
});
