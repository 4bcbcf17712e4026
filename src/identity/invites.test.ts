import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApiClient, type ApiClient, type ApiReply } from '../test/api-client.ts';
import { ADMIN, addPerson, openDoor, type Door } from '../test/door.ts';
import { fakeClock } from '../test/fake-clock.ts';

const INVITES = '/api/v1/orgs/current/invites';
const MEMBERS = '/api/v1/orgs/current/members';
const PASSWORD = 'seven words nobody else would think of';
const DAY_MS = 86_400_000;
const clock = fakeClock();
let door: Door;
let admin: ApiClient;
before(async () => {
  door = await openDoor({ clock, http: { proxy: { for: 1, proto: 1, host: 0, port: 0, prefix: 0 } } });
  admin = await door.admin();
});
after(() => door.close());

let lastAddress = 0;
/** As an unknown browser, each time from another address: wrong links are counted by it. */
const open = (path: string, body: object, address = `192.0.2.${++lastAddress}`): Promise<ApiReply> =>
  door.call('POST', `/api/v1/auth/invite${path}`, { body, headers: { 'x-forwarded-for': address } });
const invite = async (email: string, role = 'user', as = admin): Promise<{ id: string; token: string; url: string; mail: string }> => {
  const made = await as.expect(201, 'POST', INVITES, { email, role });
  return { id: String((made['invite'] as { id: string }).id), token: String(made['token']), url: String(made['url']), mail: String(made['mail']) };
};
const stateOf = async (email: string): Promise<unknown> => {
  const list = await admin.expect(200, 'GET', INVITES);
  return (list['items'] as { email: string; state: string }[]).find((one) => one.email === email)?.state;
};
const codeOf = (reply: ApiReply): unknown => (reply.body as { error: { code: string } }).error.code;

test('an invited person sees what they are invited to, makes an account, and is signed in as a member', async () => {
  const { token, url, mail } = await invite('fresh@example.com', 'admin');
  assert.equal(mail, 'off');
  assert.ok(url.endsWith(`/invite#token=${token}`));
  const looked = await open('', { token });
  assert.deepEqual(
    { ...(looked.body as object), expiresAt: '' },
    { orgName: 'Default', email: 'fresh@example.com', role: 'admin', invitedBy: ADMIN.name, expiresAt: '' },
  );
  const accepted = await open('/accept', { token, name: 'Fresh', password: PASSWORD });
  assert.equal(accepted.status, 201, accepted.text);
  const client = createApiClient(door.url, String((accepted.body as { accessToken: string }).accessToken));
  const me = await client.expect(200, 'GET', '/api/v1/users/me');
  assert.deepEqual([me['email'], me['role'], me['passwordChangeRequired']], ['fresh@example.com', 'admin', false]);
  assert.equal(await stateOf('fresh@example.com'), undefined);
});

test('a link works once, and after it every answer is the one to a link that never was', async () => {
  const { token } = await invite('once@example.com');
  assert.equal((await open('/accept', { token, name: 'Once', password: PASSWORD })).status, 201);
  const replies = await Promise.all([open('', { token }), open('/accept', { token, name: 'Twice', password: PASSWORD }), open('', { token: 'sti_nobody' })]);
  assert.deepEqual(
    replies.map((reply) => [reply.status, (reply.body as { error: { message: string } }).error.message]),
    Array.from({ length: 3 }, () => [
      401,
      'This invitation is not valid, or no longer: it was used, revoked or replaced, or its time is over. Ask for a new one.',
    ]),
  );
});

test('two who use one link at the same moment: one gets in', async () => {
  const { token } = await invite('race@example.com');
  const replies = await Promise.all([1, 2, 3].map((n) => open('/accept', { token, name: `Racer ${n}`, password: PASSWORD })));
  assert.deepEqual(
    replies.map(({ status }) => status).toSorted((a, b) => a - b),
    [201, 401, 401],
  );
});

test('null, empty, foreign and malformed links open nothing', async () => {
  for (const token of [null, '', 0, [], {}, 'null', 'undefined', ' ', '\u0000', 'x'.repeat(201)])
    for (const path of ['', '/accept']) {
      const reply = await open(path, { token, name: 'X', password: PASSWORD });
      assert.ok([400, 401].includes(reply.status), `${JSON.stringify(token)}: ${reply.status}`);
    }
  const { rows } = await door.database.engine.query<{ hash: string }>(`select encode(token_hash, 'hex') as hash from invites limit 1`);
  const hash = rows[0]?.hash ?? 'none';
  assert.equal((await open('', { token: hash })).status, 401);
});

test('an expired link opens nothing until it is sent again; the one before never does', async () => {
  const { id, token } = await invite('late@example.com');
  await clock.advance(7 * DAY_MS + 1);
  admin = createApiClient(door.url, String((await door.anonymous.expect(200, 'POST', '/api/v1/auth/login', ADMIN_LOGIN))['accessToken']));
  assert.equal((await open('', { token })).status, 401);
  assert.equal(await stateOf('late@example.com'), 'expired');
  const again = await admin.expect(200, 'POST', `${INVITES}/${id}/resend`);
  assert.equal(await stateOf('late@example.com'), 'pending');
  assert.equal((await open('', { token })).status, 401);
  assert.equal((await open('', { token: String(again['token']) })).status, 200);
});
const ADMIN_LOGIN = { email: ADMIN.email, password: ADMIN.password };

test('a revoked link opens nothing, and another role counts for the link that is out', async () => {
  const { id, token } = await invite('role@example.com');
  await admin.expect(200, 'PATCH', `${INVITES}/${id}`, { role: 'admin' });
  assert.equal(((await open('', { token })).body as { role: string }).role, 'admin');
  await admin.expect(204, 'DELETE', `${INVITES}/${id}`);
  assert.equal((await open('', { token })).status, 401);
  assert.equal((await admin.call('DELETE', `${INVITES}/${id}`)).status, 404);
});

test('nobody invites above their own role, or touches such an invitation; users invite nobody', async () => {
  const boss = await invite('boss@example.com', 'super_admin');
  const second = await addPerson(door, 'admin', 'second@example.com');
  assert.equal((await second.client.call('POST', INVITES, { body: { email: 'up@example.com', role: 'super_admin' } })).status, 403);
  for (const [method, path, body] of [
    ['DELETE', '', undefined],
    ['POST', '/resend', undefined],
    ['PATCH', '', { role: 'user' }],
  ] as const)
    assert.equal((await second.client.call(method, `${INVITES}/${boss.id}${path}`, { body })).status, 403);
  const own = await invite('own@example.com', 'user', second.client);
  assert.equal((await second.client.call('PATCH', `${INVITES}/${own.id}`, { body: { role: 'super_admin' } })).status, 403);
  const user = await addPerson(door, 'user', 'plain@example.com');
  assert.equal((await user.client.call('GET', INVITES)).status, 403);
  assert.equal((await user.client.call('POST', INVITES, { body: { email: 'x@example.com' } })).status, 403);
});

test('an invitation is worth what who sent it may give at the moment it is used', async () => {
  const sender = await addPerson(door, 'admin', 'sender@example.com');
  const { token } = await invite('guest@example.com', 'admin', sender.client);
  await admin.expect(200, 'PATCH', `${MEMBERS}/${sender.userId}`, { role: 'user' });
  assert.equal(await stateOf('guest@example.com'), 'void');
  assert.equal((await open('/accept', { token, name: 'Guest', password: PASSWORD })).status, 401);
  await admin.expect(200, 'PATCH', `${MEMBERS}/${sender.userId}`, { role: 'admin' });
  await admin.expect(200, 'PATCH', `${MEMBERS}/${sender.userId}`, { status: 'suspended' });
  assert.equal((await open('/accept', { token, name: 'Guest', password: PASSWORD })).status, 401);
});

test('inviting says nothing of accounts elsewhere: an address that has one answers like any other', async () => {
  const other = await otherOrg('Quiet', 'has-account@example.com');
  const known = await admin.call('POST', INVITES, { body: { email: 'has-account@example.com' } });
  const unknown = await admin.call('POST', INVITES, { body: { email: 'no-account@example.com' } });
  const traits = (reply: ApiReply): unknown => [reply.status, Object.keys(reply.body as object), Object.keys((reply.body as { invite: object }).invite)];
  assert.deepEqual(traits(known), traits(unknown));
  assert.equal((await admin.call('POST', INVITES, { body: { email: 'HAS-account@example.com' } })).status, 409);
  assert.equal((await admin.call('POST', INVITES, { body: { email: ADMIN.email } })).status, 409);
  await other.expect(200, 'GET', '/api/v1/users/me');
});

test('who has an account joins with it, goes on in that org, and goes back; the session before is over', async () => {
  const person = await otherOrg('Elsewhere', 'joins@example.com');
  const { token } = await invite('Joins@example.com', 'user');
  assert.equal(codeOf(await open('/accept', { token, name: 'Taken', password: PASSWORD })), 'conflict');
  const stranger = await addPerson(door, 'user', 'thief@example.com');
  assert.equal((await stranger.client.call('POST', '/api/v1/auth/invite/join', { body: { token } })).status, 403);
  const joined = await person.expect(200, 'POST', '/api/v1/auth/invite/join', { token });
  assert.equal((await person.call('GET', '/api/v1/users/me')).status, 401);
  const here = createApiClient(door.url, String(joined['accessToken']));
  const orgs = (await here.expect(200, 'GET', '/api/v1/users/me/orgs'))['items'] as { id: string; name: string; role: string; current: boolean }[];
  assert.deepEqual(
    orgs.map(({ name, role, current }) => [name, role, current]),
    [
      ['Default', 'user', true],
      ['Elsewhere', 'admin', false],
    ],
  );
  const back = await here.expect(200, 'POST', '/api/v1/auth/org', { orgId: orgs[1]?.id });
  assert.equal((back['user'] as { orgName: string }).orgName, 'Elsewhere');
  assert.equal((await here.call('GET', '/api/v1/users/me')).status, 401);
});

test('one org shuts a person out of itself alone; an org one is no member of is not found', async () => {
  const person = await otherOrg('Own', 'both@example.com');
  const { token } = await invite('both@example.com');
  const here = createApiClient(door.url, String((await person.expect(200, 'POST', '/api/v1/auth/invite/join', { token }))['accessToken']));
  const me = await here.expect(200, 'GET', '/api/v1/users/me');
  await admin.expect(200, 'PATCH', `${MEMBERS}/${String(me['id'])}`, { status: 'deactivated', reason: 'left the team' });
  assert.equal((await here.call('GET', '/api/v1/users/me')).status, 401);
  const login = await door.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email: 'both@example.com', password: PASSWORD });
  assert.equal((login['user'] as { orgName: string }).orgName, 'Own');
  const again = createApiClient(door.url, String(login['accessToken']));
  assert.equal((await again.call('POST', '/api/v1/auth/org', { body: { orgId: me['orgId'] } })).status, 404);
  assert.equal((await again.call('POST', '/api/v1/auth/org', { body: { orgId: 'org_nobodys' } })).status, 404);
});

test('a suspended person keeps their keys for the day they come back; a deactivated one does not', async () => {
  const user = await addPerson(door, 'user', 'keys@example.com');
  const key = String((await user.client.expect(201, 'POST', '/api/v1/api-keys', { name: 'k', scopes: ['users:read'] }))['key']);
  const works = async (): Promise<number> => (await door.call('GET', '/api/v1/users/me', { headers: { authorization: `Bearer ${key}` } })).status;
  const set = (status: string): Promise<unknown> => admin.expect(200, 'PATCH', `${MEMBERS}/${user.userId}`, { status });
  await set('suspended');
  assert.equal(await works(), 401);
  await set('active');
  assert.equal(await works(), 200);
  await set('deactivated');
  await set('active');
  assert.equal(await works(), 401);
});

test('the last administrator of an org can not go', async () => {
  const person = await otherOrg('Lonely', 'lonely@example.com');
  const me = String((await person.expect(200, 'GET', '/api/v1/users/me'))['id']);
  const reply = await person.call('PATCH', `${MEMBERS}/${me}`, { body: { role: 'user' } });
  assert.equal(codeOf(reply), 'conflict');
  assert.match(reply.text, /last administrator of the organisation/);
});

test('who guesses links is stopped, and only they', async () => {
  const { token } = await invite('guessed@example.com');
  const replies = [];
  for (let n = 0; n < 11; n++) replies.push((await open('', { token: `sti_${n}` }, '198.51.100.7')).status);
  assert.deepEqual(replies, [...Array.from({ length: 10 }, () => 401), 429]);
  assert.equal((await open('', { token }, '198.51.100.7')).status, 429);
  assert.equal((await open('', { token }, '198.51.100.8')).status, 200);
});

test('an org sends sixty invitations an hour, revoked ones counted too', async () => {
  const person = await otherOrg('Mailer', 'mailer@example.com');
  for (let n = 0; n < 60; n++) {
    const made = await person.expect(201, 'POST', INVITES, { email: `n${n}@example.com` });
    if (n % 2 === 0) await person.expect(204, 'DELETE', `${INVITES}/${String((made['invite'] as { id: string }).id)}`);
  }
  assert.equal(codeOf(await person.call('POST', INVITES, { body: { email: 'more@example.com' } })), 'rate_limited');
});

test('no link is in the database, the trail, the events or the log; every step is in the trail', async () => {
  const { id, token } = await invite('canary@example.com');
  await open('', { token });
  await open('/accept', { token, name: 'Canary', password: PASSWORD });
  const { rows } = await door.database.engine.query<{ found: boolean }>(
    `select exists (select 1 from invites t where t::text like '%' || $1 || '%') or exists (select 1 from audit t where t::text like '%' || $1 || '%')
       or exists (select 1 from outbox t where t::text like '%' || $1 || '%') as found`,
    [token],
  );
  assert.equal(rows[0]?.found, false);
  assert.equal(door.logged().includes(token), false);
  const trail = await admin.expect(200, 'GET', '/api/v1/audit?limit=200');
  const actions = (trail['items'] as { action: string; target: string }[]).map(({ action }) => action);
  for (const action of ['invite.created', 'invite.resent', 'invite.revoked', 'invite.changed', 'member.joined']) assert.ok(actions.includes(action), action);
  assert.ok((trail['items'] as { target: string }[]).some(({ target }) => target === id));
});

/** Another org, whose administrator has a password of their own. */
async function otherOrg(name: string, email: string): Promise<ApiClient> {
  const orgId = `org_${name.toLowerCase()}`;
  await door.database.engine.query('insert into orgs (id, name) values ($1, $2)', [orgId, name]);
  const made = await invite(`first-${email}`);
  await door.database.engine.query(`update invites set org_id = $2, email = $3, role = 'admin', invited_by = invited_by where id = $1`, [
    made.id,
    orgId,
    email,
  ]);
  // The one who invites has to be an administrator there.
  await door.database.engine.query(
    `insert into members (org_id, user_id, role) select $1, user_id, 'admin' from members m join users u on u.id = m.user_id where u.email = $2 limit 1`,
    [orgId, ADMIN.email],
  );
  const accepted = await open('/accept', { token: made.token, name, password: PASSWORD });
  if (accepted.status !== 201) throw new Error(accepted.text);
  await door.database.engine.query(`delete from members m using users u where u.id = m.user_id and m.org_id = $1 and u.email = $2`, [orgId, ADMIN.email]);
  return createApiClient(door.url, String((accepted.body as { accessToken: string }).accessToken));
}
