import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newId } from '../kernel/ids.ts';
import { openDoor, type Door } from '../test/door.ts';

const VALUE = 'the value that must never come back';
let door: Door;
let orgId = '';
let strangers = '';
before(async () => {
  door = await openDoor();
  orgId = String((await (await door.admin()).expect(200, 'GET', '/api/v1/users/me'))['orgId']);
  strangers = newId('org');
  await door.database.engine.query('insert into orgs (id, name) values ($1, $2)', [strangers, 'Elsewhere']);
});
after(() => door.close());

test('a secret goes in, is listed by name, read by the engine, and never comes back', async () => {
  const admin = await door.admin();
  const put = await admin.call('PUT', '/api/v1/secrets/TOKEN', { body: { value: VALUE } });
  assert.equal(put.status, 200);
  const list = await admin.call('GET', '/api/v1/secrets');
  assert.match(list.text, /TOKEN/);
  for (const text of [put.text, list.text, door.logged(), (await admin.call('GET', '/api/v1/audit')).text]) assert.doesNotMatch(text, /must never come back/);
  assert.equal(await door.identity.secrets.read(orgId, 'TOKEN'), VALUE);
  assert.equal((await admin.call('GET', '/api/v1/secrets/TOKEN')).status, 404);
});

test('the database holds ciphertext', async () => {
  const { rows } = await door.database.engine.query<{ ciphertext: Buffer }>('select ciphertext from secrets where name = $1', ['TOKEN']);
  assert.ok(!rows[0]?.ciphertext.toString('latin1').includes('must never'));
});

test("a secret moved to another org's row does not open there", async () => {
  await door.database.engine.query(
    'insert into secrets (org_id, name, ciphertext, key_id) select $1, name, ciphertext, key_id from secrets where org_id = $2',
    [strangers, orgId],
  );
  await assert.rejects(door.identity.secrets.read(strangers, 'TOKEN'));
});

test('row-level security is a second wall: the connection of another org sees no row of this one', async () => {
  const own = await door.database.org(orgId).query('select name from secrets');
  assert.equal(own.rows.length, 1);
  const foreign = await door.database.org(strangers).query<{ org_id: string }>('select org_id from secrets');
  assert.ok(foreign.rows.every((row) => row.org_id === strangers));
  for (const table of ['audit', 'members', 'settings', 'api_keys', 'idempotency_keys']) {
    const { rows } = await door.database.org(strangers).query(`select org_id from ${table} where org_id is not null`);
    assert.equal(rows.length, 0, table);
  }
  for (const table of ['users', 'sessions', 'claims', 'login_attempts'])
    await assert.rejects(door.database.org(orgId).query(`select 1 from ${table}`), /permission denied/, table);
});

test('the connection of an org can not be talked into another one, nor write what it only reads', async () => {
  await assert.rejects(door.database.org(strangers).query(`update secrets set name = 'X'`), /permission denied/);
  await assert.rejects(
    door.database
      .org(strangers)
      .query(`insert into idempotency_keys (org_id, caller, route, key, request_hash, seed, holder) values ($1, 'c', 'r', 'k', '\\x00', 's', 'h')`, [orgId]),
    /row-level security/,
  );
});

test('a key that was changed is told, and the secret can be set again', async () => {
  const other = await openDoor({ beside: door, identity: { encryptionKey: 'another key of the operator, long enough' } });
  try {
    await assert.rejects(other.identity.secrets.read(orgId, 'TOKEN'), /another CREDENTIAL_ENCRYPTION_KEY/);
  } finally {
    await other.close();
  }
});

test('a deleted secret is gone; deleting it again is not found', async () => {
  const admin = await door.admin();
  await admin.expect(204, 'DELETE', '/api/v1/secrets/TOKEN');
  assert.equal(await door.identity.secrets.read(orgId, 'TOKEN'), undefined);
  assert.equal((await admin.call('DELETE', '/api/v1/secrets/TOKEN')).status, 404);
});

for (const name of ['1ABC', 'a-b', 'a.b', 'x'.repeat(65), '%00', 'ä', 'a%2Fb']) {
  test(`a secret can not be named ${name.slice(0, 10)}`, async () => {
    assert.equal((await (await door.admin()).call('PUT', `/api/v1/secrets/${name}`, { body: { value: 'x' } })).status, 400);
  });
}

test('settings are typed, partial, and those of the machine need a super administrator', async () => {
  const admin = await door.admin();
  const notifications = [{ on: ['failed', 'waiting_approval'], channel: 'in_app' }];
  const models = { modelAliases: {}, visibleModels: [], modelLimits: {} };
  assert.deepEqual((await admin.call('GET', '/api/v1/settings')).body, {
    publicOrigin: null,
    allowedHosts: [],
    triggersPaused: false,
    notifications,
    ...models,
  });
  const patched = await admin.call('PATCH', '/api/v1/settings', {
    body: { triggersPaused: true, allowedHosts: ['Ollama.LAN:11434', '*.corp.example', '10.0.0.5'], publicOrigin: 'https://Pod.Example.com/path' },
  });
  assert.deepEqual(patched.body, {
    publicOrigin: 'https://pod.example.com',
    allowedHosts: ['ollama.lan:11434', '*.corp.example', '10.0.0.5'],
    triggersPaused: true,
    notifications,
    ...models,
  });
  assert.deepEqual(await door.identity.settings.of(orgId), patched.body);
  assert.equal((await door.identity.settings.of(strangers)).triggersPaused, false);
  assert.deepEqual((await admin.call('PATCH', '/api/v1/settings', { body: { publicOrigin: null } })).body, { ...(patched.body as object), publicOrigin: null });
});

for (const body of [
  { publicOrigin: 'javascript:alert(1)' },
  { publicOrigin: 'ftp://x' },
  { allowedHosts: ['http://x'] },
  { allowedHosts: ['a b'] },
  { allowedHosts: 'x' },
  { triggersPaused: 'yes' },
  { notifications: [{ on: ['started'], channel: 'in_app' }] },
  { notifications: [{ on: ['failed'], channel: 'email', to: ['a@b\r\nBcc: c@d'] }] },
  { unknown: 1 },
]) {
  test(`a setting that makes no sense is refused: ${JSON.stringify(body)}`, async () => {
    assert.equal((await (await door.admin()).call('PATCH', '/api/v1/settings', { body })).status, 400);
  });
}

test('secrets that this key did not seal are counted, so that a lost key store is noticed', async () => {
  await (await door.admin()).expect(200, 'PUT', '/api/v1/secrets/LOST', { value: VALUE });
  const before = await door.identity.secrets.countUnreadable();
  await door.database.engine.query(`update secrets set key_id = 'another' where org_id = $1 and name = 'LOST'`, [orgId]);
  assert.equal(await door.identity.secrets.countUnreadable(), before + 1);
  await assert.rejects(door.identity.secrets.read(orgId, 'LOST'), /sealed with another CREDENTIAL_ENCRYPTION_KEY/);
});
