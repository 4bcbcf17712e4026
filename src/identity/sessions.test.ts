import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApiClient, type ApiClient } from '../test/api-client.ts';
import { ADMIN, addPerson, openDoor, signIn, type Door } from '../test/door.ts';

/** What the rulings allow between an end and its effect everywhere. */
const BOUND_MS = 2_000;

let door: Door;
/** A second process on the same database. */
let other: Door;
before(async () => {
  door = await openDoor();
  other = await openDoor({ beside: door });
  await door.admin();
});
after(async () => {
  await other.close();
  await door.close();
});

const login = (headers: Record<string, string> = {}) =>
  door.call('POST', '/api/v1/auth/login', { body: { email: ADMIN.email, password: ADMIN.password }, headers });
const refresh = (refreshToken: unknown) => door.call('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
const statusOf = async (client: ApiClient, at: Door = door): Promise<number> =>
  (await createApiClient(at.url, client.token).call('GET', '/api/v1/users/me')).status;
const fieldOf = (body: unknown, name: string): string => String((body as Record<string, unknown>)[name]);

/** Until `client` is refused at `at`. */
async function untilRefused(client: ApiClient, at: Door): Promise<void> {
  const deadline = performance.now() + BOUND_MS + 500;
  while ((await statusOf(client, at)) !== 401) {
    assert.ok(performance.now() < deadline, 'the token is still accepted');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('an API client gets a pair of tokens, a browser a cookie and no tokens', async () => {
  const api = await login();
  assert.equal(api.headers['set-cookie'], undefined);
  assert.ok(fieldOf(api.body, 'accessToken').length > 20);
  const web = await login({ 'x-studio-client': 'web', origin: door.url });
  assert.deepEqual(Object.keys(web.body as object).toSorted(), ['expiresInS', 'user']);
  assert.match(web.headers['set-cookie'] ?? '', /^studio_session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
});

test('a browser on https gets a Secure cookie, also behind a proxy that says nothing', async () => {
  const web = await login({ 'x-studio-client': 'web', host: 'pod.example.com', origin: 'https://pod.example.com' });
  assert.match(web.headers['set-cookie'] ?? '', /; Secure$/);
});

test('a refresh token works once: the pair is exchanged', async () => {
  const first = await login();
  const second = await refresh(fieldOf(first.body, 'refreshToken'));
  assert.equal(second.status, 200);
  assert.notEqual(fieldOf(second.body, 'refreshToken'), fieldOf(first.body, 'refreshToken'));
  assert.equal(await statusOf(createApiClient(door.url, fieldOf(second.body, 'accessToken'))), 200);
});

test('a refresh token used again ends its session, also when it is generations old', async () => {
  const first = fieldOf((await login()).body, 'refreshToken');
  const second = fieldOf((await refresh(first)).body, 'refreshToken');
  const third = await refresh(second);
  assert.equal((await refresh(first)).status, 401);
  assert.equal((await refresh(fieldOf(third.body, 'refreshToken'))).status, 401);
  assert.equal(await statusOf(createApiClient(door.url, fieldOf(third.body, 'accessToken'))), 401);
});

test('of many who exchange one refresh token at once, at most one succeeds', async () => {
  const token = fieldOf((await login()).body, 'refreshToken');
  const replies = await Promise.all(Array.from({ length: 8 }, () => refresh(token)));
  assert.ok(replies.filter((reply) => reply.status === 200).length <= 1);
  assert.ok(replies.every((reply) => reply.status === 200 || reply.status === 401));
});

for (const token of ['', 'str_x', null, 5, 'x'.repeat(5_000)]) {
  test(`a refresh with ${JSON.stringify(token)?.slice(0, 20)} is refused`, async () => {
    const { status } = await refresh(token);
    assert.ok(status === 400 || status === 401);
  });
}

test('an access token is no refresh token, and a refresh token no access token', async () => {
  const { body } = await login();
  assert.notEqual((await refresh(fieldOf(body, 'accessToken'))).status, 200);
  assert.equal(await statusOf(createApiClient(door.url, fieldOf(body, 'refreshToken'))), 401);
});

test('logging out ends the session at once here, and within the bound in another process', async () => {
  const client = await signIn(door);
  assert.equal(await statusOf(client, other), 200);
  await client.expect(204, 'POST', '/api/v1/auth/logout');
  assert.equal(await statusOf(client), 401);
  await untilRefused(client, other);
});

test('other processes hear of an end by notification, sockets included', async () => {
  const client = await signIn(door);
  const heard = new Promise((resolve) => {
    const stop = other.identity.onSessionEnded((end) => {
      if (end.sessionId === undefined) return;
      stop();
      resolve(end.sessionId);
    });
  });
  await client.expect(204, 'POST', '/api/v1/auth/logout');
  assert.match(String(await heard), /^sess_/);
});

test('a process that hears no notifications still refuses within the bound', async () => {
  const deaf = await openDoor({ beside: door, identity: { listen: undefined } });
  try {
    const client = await signIn(door);
    assert.equal(await statusOf(client, deaf), 200);
    await client.expect(204, 'POST', '/api/v1/auth/logout');
    await untilRefused(client, deaf);
  } finally {
    await deaf.close();
  }
});

test('a browser logs out with its cookie, which is taken away', async () => {
  const cookie = (await login({ 'x-studio-client': 'web', origin: door.url })).headers['set-cookie']?.split(';')[0] ?? '';
  assert.equal((await door.call('GET', '/api/v1/users/me', { headers: { cookie } })).status, 200);
  const out = await door.call('POST', '/api/v1/auth/logout', { headers: { cookie, origin: door.url } });
  assert.equal(out.status, 204);
  assert.match(out.headers['set-cookie'] ?? '', /^studio_session=; Path=\/; Max-Age=0/);
  assert.equal((await door.call('GET', '/api/v1/users/me', { headers: { cookie } })).status, 401);
});

test('a browser renews its cookie, and never without an Origin', async () => {
  const cookie = (await login({ 'x-studio-client': 'web', origin: door.url })).headers['set-cookie']?.split(';')[0] ?? '';
  const renewed = await door.call('POST', '/api/v1/auth/refresh', { headers: { cookie, origin: door.url } });
  assert.equal(renewed.status, 200);
  assert.ok(renewed.headers['set-cookie']?.startsWith(cookie));
  assert.equal((await door.call('POST', '/api/v1/auth/refresh', { headers: { cookie } })).status, 403);
});

test('devices are listed with the current one marked, and one of them is signed out', async () => {
  const client = await signIn(door);
  const lost = await signIn(door);
  const { items } = (await client.expect(200, 'GET', '/api/v1/auth/sessions')) as { items: { id: string; current: boolean }[] };
  assert.equal(items.filter((item) => item.current).length, 1);
  const newest = items.find((item) => !item.current)?.id ?? '';
  await client.expect(204, 'DELETE', `/api/v1/auth/sessions/${newest}`);
  assert.equal(await statusOf(lost), 401);
  assert.equal(await statusOf(client), 200);
});

test("nobody ends another person's session, or learns that it exists", async () => {
  const user = await addPerson(door, 'user', 'sess-user@example.com');
  const { items } = (await (await door.admin()).expect(200, 'GET', '/api/v1/auth/sessions')) as { items: { id: string }[] };
  const foreign = await user.client.call('DELETE', `/api/v1/auth/sessions/${items[0]?.id}`);
  const unknown = await user.client.call('DELETE', '/api/v1/auth/sessions/sess_00000000000000000000000000');
  assert.equal(foreign.status, 404);
  assert.equal(unknown.status, 404);
});

test('a password change ends every other session and keeps this one', async () => {
  const user = await addPerson(door, 'user', 'changes@example.com');
  const second = await signIn(door, 'changes@example.com', user.password);
  await user.client.expect(204, 'POST', '/api/v1/users/me/password', { currentPassword: user.password, newPassword: 'another long one 5 ways' });
  assert.equal(await statusOf(user.client), 200);
  assert.equal(await statusOf(second), 401);
  assert.equal((await door.call('POST', '/api/v1/auth/login', { body: { email: 'changes@example.com', password: user.password } })).status, 401);
});

test('a session past its time is over although its token has not expired', async () => {
  const client = await signIn(door);
  const { items } = (await client.expect(200, 'GET', '/api/v1/auth/sessions')) as { items: { id: string; current: boolean }[] };
  await door.database.engine.query(`update sessions set expires_at = now() - interval '1 second' where id = $1`, [items.find((item) => item.current)?.id]);
  await untilRefused(client, door);
});

test('the database holds neither refresh tokens nor cookies', async () => {
  const { body } = await login();
  const secret = fieldOf(body, 'refreshToken');
  const { rows } = await door.database.engine.query<{ found: boolean }>(
    `select exists (select 1 from sessions s where s::text like '%' || $1 || '%') as found`,
    [secret.slice(4, 20)],
  );
  assert.equal(rows[0]?.found, false);
});
