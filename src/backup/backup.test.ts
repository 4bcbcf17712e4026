import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asObject, itemsOf, type ApiClient } from '../test/api-client.ts';
import { startApp, type TestApp } from '../test/app.ts';

let app: TestApp;
let api: ApiClient;
before(async () => {
  app = await startApp({ hasOwnServer: true });
  api = app.people.superAdmin.client;
});
after(() => app.close());

/** Waits until nothing goes on. @returns the list */
async function settled(): Promise<Record<string, unknown>> {
  for (;;) {
    const list = await api.expect(200, 'GET', '/api/v1/backups');
    if (list['work'] === null) return list;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test('a backup is made while work goes on, and proved: restored, compared, a workflow run on it', { timeout: 170_000 }, async () => {
  await api.expect(200, 'PUT', '/api/v1/secrets/TOKEN', { value: 'canary-in-a-secret' });
  await api.call('PUT', '/api/v1/files/home/a.txt', { body: 'the bytes of a file', headers: { 'content-type': 'text/plain' } });
  const workflow = await api.expect(201, 'POST', '/api/v1/workflows', { name: 'w', nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  await api.expect(200, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances?wait=30`, {});
  const begun = await api.expect(202, 'POST', '/api/v1/backups', { passphrase: 'a passphrase of several words' });
  assert.equal(begun['kind'], 'create');
  const refused = await api.expect(409, 'POST', '/api/v1/backups', {});
  assert.equal(asObject(refused['error'])['code'], 'still_running');
  const list = await settled();
  assert.deepEqual({ ...asObject(list['last']), at: '' }, { id: begun['id'], kind: 'create', at: '', ok: true, message: 'made and proved' });
  const [made] = itemsOf(list);
  assert.equal(made?.['status'], 'complete');
  assert.equal(made?.['isEncrypted'], true);
  const proof = asObject(made?.['proof']);
  assert.equal(proof['message'], 'Restored, compared, and a workflow ran on it.');
  assert.equal(proof['opensSecrets'], true);
  assert.equal(proof['files'], 1);
  assert.deepEqual(readdirSync(join(app.workspace, 'backups', 'backups')), [begun['id']]);
});
