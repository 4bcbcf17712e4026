import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { itemsOf } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { tinyGguf } from '../../test/tiny-gguf.ts';

let app: TestApp;
let id: string;
before(async () => {
  app = await startApp();
  mkdirSync(join(app.workspace, 'models'), { recursive: true });
  writeFileSync(join(app.workspace, 'models', 'tiny.gguf'), tinyGguf());
  const settings = { threads: 1, contextLength: 512 };
  const made = await app.people.superAdmin.client.expect(201, 'POST', '/api/v1/models', { engine: 'llama', name: 'tiny', path: 'tiny.gguf', settings });
  id = String(made['id']);
});
after(() => app.close());

test('loaded by hand it holds its memory in the ledger and answers at /v1; unloaded it gives it back', async () => {
  const { superAdmin, user } = app.people;
  const loaded = await user.client.expect(200, 'POST', `/api/v1/models/${id}/load?wait=90`);
  assert.equal(loaded['state'], 'loaded');
  const leases = itemsOf(await superAdmin.client.expect(200, 'GET', '/api/v1/gpus/leases'));
  assert.deepEqual(
    leases.map((lease) => [lease['tenantId'], lease['kind'], lease['devices']]),
    [[id, 'model', []]],
  );
  const answer = await user.client.expect(200, 'POST', '/v1/chat/completions', { model: 'tiny', messages: [{ role: 'user', content: 'hi' }], max_tokens: 4 });
  assert.deepEqual(answer['usage'], { prompt_tokens: 22, completion_tokens: 4, total_tokens: 26 });
  const shown = await user.client.expect(200, 'GET', `/api/v1/models/${id}`);
  assert.equal((shown['runtime'] as { state: string }).state, 'loaded');
  const unloaded = await superAdmin.client.expect(200, 'POST', `/api/v1/models/${id}/unload`);
  assert.equal(unloaded['state'], 'unloaded');
  assert.deepEqual(itemsOf(await superAdmin.client.expect(200, 'GET', '/api/v1/gpus/leases')), []);
});

test('pinned it is loaded and stays; unpinned it may go', async () => {
  const { superAdmin } = app.people;
  await superAdmin.client.expect(200, 'POST', `/api/v1/models/${id}/pin`);
  const loaded = await superAdmin.client.expect(200, 'POST', `/api/v1/models/${id}/load?wait=90`);
  assert.deepEqual([loaded['state'], loaded['unloadsAt']], ['loaded', undefined]);
  assert.equal((await superAdmin.client.expect(200, 'GET', `/api/v1/models/${id}`))['pinned'], true);
  const unpinned = await superAdmin.client.expect(200, 'POST', `/api/v1/models/${id}/unpin`);
  assert.equal(typeof unpinned['unloadsAt'], 'string');
});

test('a model elsewhere has nothing to load, an unknown one is not there, and members do not unload what others use', async () => {
  const { superAdmin, user } = app.people;
  const settings = { kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1', model: 'gpt' };
  const remote = await superAdmin.client.expect(201, 'POST', '/api/v1/models', { engine: 'remote', name: 'remote', settings });
  for (const verb of ['load', 'pin']) await superAdmin.client.expect(409, 'POST', `/api/v1/models/${String(remote['id'])}/${verb}`);
  await superAdmin.client.expect(404, 'POST', '/api/v1/models/mdl_none/load');
  for (const verb of ['unload', 'pin', 'unpin']) await user.client.expect(403, 'POST', `/api/v1/models/${id}/${verb}`);
});

test('a model that can never fit is refused at once', async () => {
  const settings = { contextLength: 16_000_000, parallel: 256 };
  const huge = await app.people.superAdmin.client.expect(201, 'POST', '/api/v1/models', { engine: 'llama', name: 'huge', path: 'tiny.gguf', settings });
  const refused = await app.people.user.client.expect(422, 'POST', `/api/v1/models/${String(huge['id'])}/load?wait=30`);
  assert.equal((refused['error'] as { code: string }).code, 'unsatisfiable');
});
