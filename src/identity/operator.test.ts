import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock as clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';
import { createApiClient } from '../test/api-client.ts';
import { silentLog } from '../test/database.ts';
import { ADMIN, openDoor, signIn, type Door } from '../test/door.ts';
import { createToken, resetPassword } from './operator.ts';

let door: Door;
const parts = () => ({ database: door.database, clock, log: silentLog });
before(async () => {
  door = await openDoor();
});
after(() => door.close());

test('before there is a user, the operator is sent to the claim link', async () => {
  await assert.rejects(createToken(parts(), { name: 'x', scopes: ['*'] }), (error: unknown) => error instanceof AppError && /claim link/.test(error.message));
  await door.admin();
});

test('a token made at the shell works as its person', async () => {
  const { key, email } = await createToken(parts(), { name: 'shell', scopes: ['users:read'] });
  assert.equal(email, ADMIN.email);
  const me = await createApiClient(door.url, key).expect(200, 'GET', '/api/v1/users/me');
  assert.equal(me['email'], ADMIN.email);
});

test('an unknown person or scope is named', async () => {
  await assert.rejects(createToken(parts(), { email: 'no@example.com', name: 'x', scopes: ['*'] }), /no user "no@example.com"/);
  await assert.rejects(createToken(parts(), { name: 'x', scopes: ['workflow:run'] }), /"workflow:run" is no scope/);
});

test('a reset password ends every session within the bound, and must be changed', async () => {
  const client = await signIn(door);
  assert.equal((await client.call('GET', '/api/v1/users/me')).status, 200);
  const { temporaryPassword } = await resetPassword(parts(), { email: ADMIN.email });
  const deadline = performance.now() + 2_500;
  while ((await client.call('GET', '/api/v1/users/me')).status !== 401) {
    assert.ok(performance.now() < deadline);
    await clock.sleep(20);
  }
  const again = await signIn(door, ADMIN.email, temporaryPassword);
  assert.match((await again.call('GET', '/api/v1/settings')).text, /password_change_required/);
  await again.expect(204, 'POST', '/api/v1/users/me/password', { currentPassword: temporaryPassword, newPassword: ADMIN.password });
});

test('a person has a hundred sessions; one more ends the one unused for longest', async () => {
  const { userId } = (await door.database.engine.query<{ userId: string }>(`select id as "userId" from users`)).rows[0] ?? { userId: '' };
  await door.database.engine.query(
    `insert into sessions (id, org_id, user_id, client, refresh_hash, last_seen_at, expires_at)
     select 'sess_old_' || n, org_id, user_id, 'api', decode(md5(n::text), 'hex'), now() - interval '1 day' - n * interval '1 second', now() + interval '1 day' from members, generate_series(1, 120) n where user_id = $1`,
    [userId],
  );
  await signIn(door);
  const { rows } = await door.database.engine.query<{ id: string }>('select id from sessions order by last_seen_at');
  assert.equal(rows.length, 100);
  assert.ok(!rows.some((row) => row.id === 'sess_old_120'));
});
