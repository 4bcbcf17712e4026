import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ADMIN, claimToken, openDoor, type Door } from '../test/door.ts';

let door: Door;
const claimed: { orgId: string; userId: string }[] = [];
before(async () => {
  door = await openDoor({ identity: { onClaimed: async (admin) => void claimed.push(admin) } });
});
after(() => door.close());

const claimFile = (): string => join(door.workspacePath, 'claim-url');
const claim = (token: string, more: object = {}) => door.call('POST', '/api/v1/auth/claim', { body: { token, ...ADMIN, ...more } });

test('without a user there is a claim link: one line, in a file only its owner reads', async () => {
  const first = await door.identity.firstAdmins.ensure();
  assert.equal(first.kind, 'claim');
  assert.equal(readFileSync(claimFile(), 'utf8'), `${first.kind === 'claim' ? first.url : ''}\n`);
  assert.match(readFileSync(claimFile(), 'utf8'), /^http:\/\/localhost:8000\/claim#token=stc_[\w-]{43}\n$/);
  assert.equal(statSync(claimFile()).mode & 0o777, 0o600);
});

test('the link stays the same over restarts, so that one that was copied still works', async () => {
  assert.equal(await claimToken(door.identity), await claimToken(door.identity));
});

test('the database holds no token, only its hash', async () => {
  const token = await claimToken(door.identity);
  const { rows } = await door.database.engine.query<{ token_hash: Buffer }>('select token_hash from claims');
  assert.equal(rows.length, 1);
  assert.ok(!rows[0]?.token_hash.toString('latin1').includes(token));
});

for (const token of ['', 'null', 'undefined', 'stc_', `stc_${'A'.repeat(43)}`, "' or 1=1 --"]) {
  test(`a token that is not the link's makes nobody: ${JSON.stringify(token)}`, async () => {
    const reply = await claim(token);
    assert.ok(reply.status === 401 || reply.status === 400, reply.text);
    const { rows } = await door.database.engine.query('select id from users');
    assert.equal(rows.length, 0);
  });
}

test('a weak password leaves the link as it was', async () => {
  const reply = await claim(await claimToken(door.identity), { password: 'password123' });
  assert.equal(reply.status, 400);
  assert.match(reply.text, /most common passwords/);
  assert.ok(existsSync(claimFile()));
});

test('two who open the link at once make one administrator; the link is gone after', async () => {
  const token = await claimToken(door.identity);
  const replies = await Promise.all([claim(token), claim(token, { email: 'eve@example.com' })]);
  assert.deepEqual(replies.map((reply) => reply.status).toSorted(), [201, 401]);
  const { rows } = await door.database.engine.query<{ is_super_admin: boolean; password_change_required: boolean }>(
    'select is_super_admin, password_change_required from users',
  );
  assert.deepEqual(rows, [{ is_super_admin: true, password_change_required: false }]);
  assert.equal(existsSync(claimFile()), false);
  assert.equal(claimed.length, 1);
});

test('a used link opens nothing, and a restart makes no new one', async () => {
  const reply = await claim('stc_used');
  assert.equal(reply.status, 401);
  assert.deepEqual(await door.identity.firstAdmins.ensure(), { kind: 'exists' });
  assert.equal(existsSync(claimFile()), false);
});

test('no token stands in the log', () => {
  assert.doesNotMatch(door.logged(), /stc_|stk_|str_|eyJ/);
});

test('ADMIN_EMAIL and ADMIN_PASSWORD make the first administrator, who can do nothing before changing the password', async () => {
  const seeded = await openDoor({ identity: { seed: { email: 'ops@example.com', password: 'seeded-by-the-pod' } } });
  try {
    assert.deepEqual(await seeded.identity.firstAdmins.ensure(), { kind: 'seeded', email: 'ops@example.com' });
    assert.deepEqual(await seeded.identity.firstAdmins.ensure(), { kind: 'exists' });
    const signedIn = await seeded.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email: 'OPS@example.com', password: 'seeded-by-the-pod' });
    const headers = { authorization: `Bearer ${String(signedIn['accessToken'])}` };
    const refused = await seeded.call('GET', '/api/v1/secrets', { headers });
    assert.equal(refused.status, 403);
    assert.match(refused.text, /password_change_required/);
    assert.equal((await seeded.call('GET', '/api/v1/users/me', { headers })).status, 200);
    const body = { currentPassword: 'seeded-by-the-pod', newPassword: 'chosen by a person 9' };
    assert.equal((await seeded.call('POST', '/api/v1/users/me/password', { headers, body })).status, 204);
    assert.equal((await seeded.call('GET', '/api/v1/secrets', { headers })).status, 200);
  } finally {
    await seeded.close();
  }
});
