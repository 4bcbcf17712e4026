import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { AuditEntry } from '../../contract/audit.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

const linesOf = (text: string): AuditEntry[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEntry);

test('the trail is taken out as lines, filtered as it is read, and no older than asked', async () => {
  const { client } = app.people.superAdmin;
  await client.expect(200, 'PUT', '/api/v1/secrets/FIRST', { value: 'a value that no trail tells' });
  const reply = await client.call('GET', '/api/v1/audit/export');
  equal(reply.status, 200);
  match(String(reply.headers['content-type']), /^application\/x-ndjson/);
  const all = linesOf(reply.text);
  const listed = (await client.expect(200, 'GET', '/api/v1/audit?limit=200')) as { items: AuditEntry[] };
  deepEqual(all, listed.items);
  ok(all.some(({ action, target }) => action === 'secret.set' && target.includes('FIRST')));
  ok(!reply.text.includes('no trail tells'));
  deepEqual(new Set(linesOf((await client.call('GET', '/api/v1/audit/export?action=secret.set')).text).map(({ action }) => action)), new Set(['secret.set']));
  equal((await client.call('GET', '/api/v1/audit/export?since=2999-01-01T00:00:00Z')).text, '');
  equal((await client.call('GET', '/api/v1/audit/export?since=yesterday')).status, 400);
});
