/** An org that is made, fills with work, travels as a file, and is purged, beside others that must not notice. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import type { ImportReport, PurgeCertificate, PurgePreview } from '../../contract/orgs.ts';
import { openSecrets } from '../../credentials/use.ts';
import { createCipher } from '../../identity/cipher.ts';
import { isGenuine } from '../../orgs/certificate.ts';
import { readCredential, type SealedCredential } from '../../store/credentials.ts';
import { createApiClient, itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { signIn } from '../../test/people.ts';

const PASSPHRASE = 'four words are enough';
const WORK = {
  name: 'made here',
  nodes: [
    { key: 'a', type: 'set', params: { values: { token: '{{ secrets.TOKEN }}', n: '{{ input.n }}' } } },
    { key: 'b', type: 'file.write', params: { path: 'out/b.txt', content: 'written by a step' } },
  ],
  edges: [{ from: 'a', to: 'b' }],
};

let app: TestApp;
let org: { readonly id: string; readonly client: ApiClient; readonly instance: string; readonly workflow: string };
let exported: Buffer;

before(async () => {
  app = await startApp();
  org = await fill('Acme', 'boss@acme.example');
});
after(() => app.close());

test('an org made without an administrator is its maker’s, who can go there', async () => {
  const { client } = app.people.superAdmin;
  const made = await client.expect(201, 'POST', '/api/v1/orgs', { name: 'Mine' });
  assert.equal(made['temporaryPassword'], null);
  const session = await signIn(app.url, app.people.superAdmin.email);
  const { id } = made['org'] as { id: string };
  const there = await session.expect(200, 'POST', '/api/v1/auth/org', { orgId: id });
  assert.deepEqual([(there['user'] as { orgId: string }).orgId, (there['user'] as { role: string }).role], [id, 'super_admin']);
  await client.expect(200, 'POST', `/api/v1/orgs/${id}/purge`, { name: 'Mine' });
  await client.expect(200, 'GET', '/api/v1/users/me');
});

test('an org is listed with what it holds, and renamed', async () => {
  const { client } = app.people.superAdmin;
  await client.expect(200, 'PATCH', `/api/v1/orgs/${org.id}`, { name: 'Acme Ltd' });
  const listed = itemsOf(await client.expect(200, 'GET', '/api/v1/orgs')).find(({ id }) => id === org.id);
  assert.deepEqual([listed?.['name'], listed?.['members'], listed?.['workflows']], ['Acme Ltd', 1, 1]);
  assert.ok(Number(listed?.['bytes']) > 100);
  await client.expect(404, 'PATCH', '/api/v1/orgs/org_none', { name: 'x' });
});

let credentialId = '';

test('an exported org comes back as another one where its ids are taken, with every mention of them', async () => {
  exported = await exportOrg(org.id, PASSPHRASE);
  assert.ok(!zstdDecompressSync(exported).includes('very secret'));
  const dry = await importOrg(exported, PASSPHRASE, '?dryRun=true');
  assert.equal(dry.isDryRun, true);
  assert.equal(itemsOf(await app.people.superAdmin.client.expect(200, 'GET', '/api/v1/orgs')).length, 3);
  const report = await importOrg(exported, PASSPHRASE);
  assert.notEqual(report.org.id, org.id);
  assert.match(report.mapped ?? '', /all of them were made anew/);
  credentialId = (await credentialOf(org.id)).id;
  const [ours, theirs] = [await credentialOf(org.id), await credentialOf(report.org.id)];
  assert.notEqual(theirs.id, ours.id);
  assert.deepEqual([theirs.name, theirs.access, theirs.hosts], ['Provider', 'admins', ['api.example.com']]);
  assert.deepEqual(openSecrets(createCipher(app.config.credentialEncryptionKey), report.org.id, theirs), { token: 'very secret credential' });
  assert.equal(report.tables.find(({ table }) => table === 'steps')?.rows, 2);
  const { rows } = await app.admin.query<{ id: string; definition: string; published: string | null; output: string }>(
    `select i.id, v.definition::text as definition, v.published_by as published, i.output from instances i
     join workflow_versions v on v.workflow_id = i.workflow_id where i.org_id = $1 and v.org_id = $1`,
    [report.org.id],
  );
  assert.equal(rows.length, 1);
  assert.deepEqual([rows[0]?.published, rows[0]?.id.slice(0, 15)], [null, org.instance.slice(0, 15)]);
  assert.notEqual(rows[0]?.id, org.instance);
  const { rows: bytes } = await app.admin.query<{ path: string; bytes: string }>(`select path, bytes from files where org_id = $1 order by path`, [
    report.org.id,
  ]);
  assert.deepEqual(
    bytes.map(({ path }) => path),
    ['in/a.bin', 'out/b.txt'],
  );
  assert.equal((await readdir(join(app.workspace, 'files', report.org.id))).length, 2);
  const copy = await app.people.superAdmin.client.expect(200, 'GET', `/api/v1/orgs/${report.org.id}/purge`);
  await app.people.superAdmin.client.expect(200, 'POST', `/api/v1/orgs/${report.org.id}/purge`, { name: (copy['org'] as { name: string }).name });
});

test('what goes on with an org is told with its phases and its end, to the org and to who asked for it', async () => {
  const { rows } = await app.admin.query<{ payload: string; parent: string; org: string }>(
    `select payload, parent, org_id as org from outbox where type = 'ops:org:progress' and org_id = $1 order by position`,
    [org.id],
  );
  const told = rows.map(({ payload }) => JSON.parse(payload) as { work: string; progress: { phase: string } | null });
  assert.deepEqual(
    told.map(({ work, progress }) => `${work} ${progress?.phase ?? 'over'}`).filter((word, index, all) => word !== all[index - 1]),
    ['export rows', 'export files', 'export over'],
  );
  assert.deepEqual(new Set(rows.map(({ parent }) => parent)), new Set([`user:${app.people.superAdmin.userId}`]));
});

test('a file that was cut off, altered, foreign or locked is refused, and leaves nothing', async () => {
  const flipped = Buffer.from(exported);
  flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1;
  const before = await countAll();
  for (const [bytes, passphrase, reason] of [
    [exported.subarray(0, exported.length >> 1), PASSPHRASE, /can't be imported/],
    [flipped, PASSPHRASE, /can't be imported/],
    [Buffer.from('PK\x03\x04 a zip file'), PASSPHRASE, /can't be imported/],
    [Buffer.alloc(0), PASSPHRASE, /can't be imported/],
    [exported, 'four other words here', /not the passphrase/],
  ] as const) {
    const reply = await app.people.superAdmin.client.call('POST', '/api/v1/orgs/import', { body: bytes, headers: { 'studio-passphrase': passphrase } });
    assert.equal(reply.status, 400, reply.text);
    assert.match(reply.text, reason);
  }
  assert.deepEqual(await countAll(), before);
});

test('a purge names what stands in its way, wants the name, and shuts nobody out before', async () => {
  const { client } = app.people.superAdmin;
  const { orgId } = app.people.stranger;
  const preview = (await client.expect(200, 'GET', `/api/v1/orgs/${orgId}/purge`)) as unknown as PurgePreview;
  assert.match(preview.obstacles.join(), /stranger@example.com is a member of no other org/);
  await client.expect(409, 'POST', `/api/v1/orgs/${orgId}/purge`, { name: 'Elsewhere' });
  await client.expect(400, 'POST', `/api/v1/orgs/${org.id}/purge`, { name: 'acme' });
  await org.client.expect(200, 'GET', '/api/v1/users/me');
});

test('a purge stops what runs, leaves nothing of the org and everything of the others, and certifies it', async () => {
  const { client } = app.people.superAdmin;
  const waiting = await org.client.expect(201, 'POST', '/api/v1/workflows', {
    name: 'waits',
    nodes: [{ key: 'w', type: 'wait.timer', params: { durationMs: 3_600_000 } }],
    edges: [],
  });
  await org.client.expect(201, 'POST', `/api/v1/workflows/${String(waiting['id'])}/instances`, {});
  const other = await fill('Other', 'boss@other.example');
  const before = await countOf(other.id);
  const preview = (await client.expect(200, 'GET', `/api/v1/orgs/${org.id}/purge`)) as unknown as PurgePreview;
  assert.deepEqual([preview.running.instances, preview.people, preview.obstacles], [1, ['boss@acme.example'], []]);
  const certificate = (await client.expect(200, 'POST', `/api/v1/orgs/${org.id}/purge`, { name: 'Acme Ltd' })) as unknown as PurgeCertificate;
  const of = (table: string): number | undefined => certificate.tables.find((one) => one.table === table)?.rows;
  assert.deepEqual([of('workflows'), of('instances'), of('files'), of('secrets')], [2, 2, 2, 1]);
  assert.ok(
    certificate.tables.every(({ left }) => left === 0) && certificate.content.left === 0 && certificate.content.files === 2 && certificate.people === 1,
  );
  assert.ok(isGenuine(certificate, app.config.credentialEncryptionKey));
  assert.ok(!isGenuine({ ...certificate, people: 2 }, app.config.credentialEncryptionKey));
  assert.deepEqual(await mentions(org.id), []);
  assert.equal(of('credentials'), 1);
  assert.deepEqual(await countOf(other.id), before);
  await other.client.expect(200, 'GET', `/api/v1/instances/${other.instance}`);
  await org.client.expect(401, 'GET', '/api/v1/users/me');
  const [kept] = itemsOf(await client.expect(200, 'GET', '/api/v1/org-purges'));
  assert.deepEqual(kept, certificate);
});

test('a purged org comes back from its file, its ids and secrets as they were', async () => {
  const report = await importOrg(exported, PASSPHRASE);
  assert.deepEqual([report.org.id, report.mapped], [org.id, null]);
  assert.match(report.notes.join(), /boss@acme.example/);
  const { rows } = await app.admin.query<{ id: string }>(`select id from instances where org_id = $1`, [org.id]);
  assert.deepEqual(rows, [{ id: org.instance }]);
  const again = await exportOrg(org.id, PASSPHRASE);
  assert.ok(again.length > 100);
  const { rows: secrets } = await app.admin.query(`select 1 from secrets where org_id = $1 and name = 'TOKEN'`, [org.id]);
  assert.equal(secrets.length, 1);
  assert.equal((await credentialOf(org.id)).id, credentialId);
});

/** The one credential of an org. */
async function credentialOf(orgId: string): Promise<SealedCredential> {
  const { rows } = await app.admin.query<{ id: string }>('select id from credentials where org_id = $1', [orgId]);
  assert.equal(rows.length, 1);
  const found = await readCredential(app.database.engine, { orgId, id: rows[0]?.id ?? '' });
  return found ?? assert.fail('no credential');
}

async function fill(name: string, email: string): Promise<typeof org> {
  const { client } = app.people.superAdmin;
  const made = await client.expect(201, 'POST', '/api/v1/orgs', { name, admin: { email, name: 'Boss' } });
  const anonymous = createApiClient(app.url);
  const login = await anonymous.expect(200, 'POST', '/api/v1/auth/login', { email, password: made['temporaryPassword'] });
  const first = createApiClient(app.url, String(login['accessToken']));
  const password = 'a long enough password 43';
  await first.call('POST', '/api/v1/users/me/password', { body: { currentPassword: made['temporaryPassword'], newPassword: password } });
  const session = await anonymous.expect(200, 'POST', '/api/v1/auth/login', { email, password });
  const boss = createApiClient(app.url, String(session['accessToken']));
  await boss.expect(200, 'PUT', '/api/v1/secrets/TOKEN', { value: 'very secret' });
  const values = { token: 'very secret credential' };
  await boss.expect(201, 'POST', '/api/v1/credentials', { name: 'Provider', type: 'http_bearer', values, hosts: ['api.example.com'], access: 'people' });
  await boss.call('PUT', '/api/v1/files/in/a.bin', { body: randomBytes(1_000) });
  const workflow = await boss.expect(201, 'POST', '/api/v1/workflows', WORK);
  const instance = await boss.expect(200, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances?wait=60`, { input: { n: 1 } });
  assert.equal(instance['status'], 'completed', JSON.stringify(instance));
  return { id: (made['org'] as { id: string }).id, client: boss, instance: String(instance['id']), workflow: String(workflow['id']) };
}

async function exportOrg(id: string, passphrase: string): Promise<Buffer> {
  const reply = await fetch(`${app.url}/api/v1/orgs/${id}/export`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.people.superAdmin.client.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ passphrase }),
  });
  assert.equal(reply.status, 200);
  return Buffer.from(await reply.arrayBuffer());
}

async function importOrg(bytes: Buffer, passphrase: string, query = ''): Promise<ImportReport> {
  const reply = await app.people.superAdmin.client.call('POST', `/api/v1/orgs/import${query}`, { body: bytes, headers: { 'studio-passphrase': passphrase } });
  assert.equal(reply.status, 200, reply.text);
  return reply.body as ImportReport;
}

/** Tables with a column of that kind, and how many rows of the org each has. */
async function countOf(orgId: string): Promise<Record<string, number>> {
  const { rows: tables } = await app.admin.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' where c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'outbox'`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await app.admin.query<{ count: string }>(`select count(*) from ${name} where org_id = $1`, [orgId]);
    counts[name] = Number(rows[0]?.count);
  }
  return counts;
}

async function countAll(): Promise<[number, string[]]> {
  const { rows } = await app.admin.query('select id from orgs');
  return [rows.length, (await readdir(join(app.workspace, 'files'))).toSorted()];
}

/** Tables in any row of which the text still stands; the machine's certificates and trail say that it was here. */
async function mentions(text: string): Promise<string[]> {
  const { rows: tables } = await app.admin.query<{ name: string }>(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    if (['machine_settings', 'audit'].includes(name)) continue;
    const { rows } = await app.admin.query(`select 1 from ${name} t where t::text like '%' || $1 || '%' limit 1`, [text]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}
