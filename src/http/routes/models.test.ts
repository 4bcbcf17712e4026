import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asObject, itemsOf } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { modelServer, type ModelServer } from '../../test/model-server.ts';
import { tinyGguf } from '../../test/tiny-gguf.ts';

let app: TestApp;
let hub: ModelServer;
const tiny = tinyGguf();
before(async () => {
  hub = await modelServer();
  // What it reads of the outbox ends where another database of the server still writes: this one has a server of its own.
  app = await startApp({ hasOwnServer: true, env: { HF_ENDPOINT: hub.url } });
  for (const person of [app.people.superAdmin, app.people.stranger]) await person.client.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: [hub.host] });
});
after(async () => {
  await app.close();
  await hub.close();
});

async function ended(id: string): Promise<Record<string, unknown>> {
  for (;;) {
    const download = await app.people.user.client.expect(200, 'GET', `/api/v1/models/downloads/${id}`);
    if (!['queued', 'running'].includes(String(download['status']))) return download;
    await app.clock.sleep(20);
  }
}

test('a file that was uploaded becomes a model; members see it, but not where it is from', async () => {
  const { superAdmin, user } = app.people;
  await superAdmin.client.call('PUT', '/api/v1/files/up/tiny.gguf', { body: tiny });
  const made = await superAdmin.client.expect(201, 'POST', '/api/v1/models', {
    engine: 'llama',
    name: 'uploaded',
    file: 'up/tiny.gguf',
    settings: { parallel: 2 },
  });
  assert.deepEqual([made['format'], made['architecture'], made['bytes'], made['status']], ['gguf', 'llama', tiny.length, 'ready']);
  assert.deepEqual(asObject(made['runtime'])['state'], 'unloaded');
  const seen = await user.client.expect(200, 'GET', `/api/v1/models/${String(made['id'])}`);
  assert.deepEqual([seen['name'], seen['settings'], seen['files'], seen['source']], ['uploaded', undefined, undefined, undefined]);
  await superAdmin.client.call('PUT', '/api/v1/files/up/half.gguf', { body: tiny.subarray(0, 2_000) });
  const half = await superAdmin.client.call('POST', '/api/v1/models', { body: { engine: 'llama', name: 'half', file: 'up/half.gguf' } });
  assert.equal(half.status, 400);
  assert.match(half.text, /The model can't be taken: up\/half\.gguf: /);
  await superAdmin.client.expect(200, 'DELETE', '/api/v1/files/up/tiny.gguf').catch(() => undefined);
  const patched = await superAdmin.client.expect(200, 'PATCH', `/api/v1/models/${String(made['id'])}`, {
    name: 'renamed',
    ttlS: 60,
    settings: { parallel: null, gpuLayers: 1 },
  });
  assert.deepEqual([patched['name'], patched['ttlS'], patched['settings']], ['renamed', 60, { gpuLayers: 1 }]);
  const wrong = await superAdmin.client.call('PATCH', `/api/v1/models/${String(made['id'])}`, { body: { settings: { gpuLayers: 'all' } } });
  assert.deepEqual([wrong.status, asObject(asObject(wrong.body)['error'])['details']], [400, { path: 'settings.gpuLayers' }]);
});

test('a path below the models folder becomes a model; one that leads out, or is no model, is refused', async () => {
  const { client } = app.people.superAdmin;
  const folder = join(app.workspace, 'models', 'mine');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'tiny.gguf'), tiny);
  writeFileSync(join(folder, 'half.gguf'), tiny.subarray(0, 2_000));
  const made = await client.expect(201, 'POST', '/api/v1/models', { engine: 'llama', name: 'by-path', path: 'mine/tiny.gguf' });
  assert.equal(made['format'], 'gguf');
  for (const [path, words] of [
    ['../secret.gguf', /no path below/],
    ['/etc/passwd', /no path below/],
    ['.store/models', /not there|leads out/],
    ['mine/none.gguf', /is not there/],
    ['mine/half.gguf', /mine\/half\.gguf: (?:it )?(?:ends inside|is cut off)/],
  ] as const) {
    const reply = await client.call('POST', '/api/v1/models', { body: { engine: 'llama', name: 'bad', path } });
    assert.equal(reply.status, 400, path);
    assert.match(reply.text, words);
  }
  const taken = await client.call('POST', '/api/v1/models', { body: { engine: 'llama', name: 'by-path', path: 'mine/tiny.gguf' } });
  assert.deepEqual([taken.status, /by-path.* is there already/.test(taken.text)], [409, true]);
});

test("an org's own model is nobody else's; the machine's is everybody's", async () => {
  const { superAdmin, stranger, user } = app.people;
  const remote = { engine: 'remote', settings: { kind: 'openai', model: 'gpt', baseUrl: 'https://example.com/v1', secret: 'OPENAI_KEY' } };
  const own = await superAdmin.client.expect(201, 'POST', '/api/v1/models', { ...remote, name: 'ours', owner: 'org' });
  const shared = await superAdmin.client.expect(201, 'POST', '/api/v1/models', { ...remote, name: 'shared' });
  const names = async (client: typeof user.client): Promise<unknown[]> =>
    itemsOf(await client.expect(200, 'GET', '/api/v1/models?engine=remote')).map((model) => model['name']);
  assert.deepEqual(await names(user.client), ['shared', 'ours']);
  assert.deepEqual(await names(stranger.client), ['shared']);
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PATCH', '', { name: 'theirs' }],
    ['DELETE', '', undefined],
    ['GET', '/estimate', undefined],
  ] as const)
    assert.equal((await stranger.client.call(method, `/api/v1/models/${String(own['id'])}${path}`, { body })).status, 404, `${method} ${path}`);
  await superAdmin.client.call('DELETE', `/api/v1/models/${String(shared['id'])}`);
  assert.deepEqual(await names(user.client), ['ours']);
  const away = await superAdmin.client.expect(201, 'POST', '/api/v1/models', { ...remote, name: 'away' });
  assert.deepEqual(asObject(away['runtime'])['backends'], [{ url: 'https://example.com/v1', isUp: true, inFlight: 0 }]);
  const shown = await user.client.expect(200, 'GET', `/api/v1/models/${String(away['id'])}`);
  assert.deepEqual([asObject(shown['runtime'])['state'], asObject(shown['runtime'])['backends']], ['loaded', undefined]);
  await superAdmin.client.call('DELETE', `/api/v1/models/${String(away['id'])}`);
});

test('a download runs, is paused, resumed and cancelled over the API, and its events are heard in its room', async () => {
  const { superAdmin, user } = app.people;
  hub.repo('acme/tiny', { 'tiny.gguf': tiny });
  const started = await superAdmin.client.expect(201, 'POST', '/api/v1/models/downloads', { repo: 'acme/tiny', name: 'fetched' });
  const done = await ended(String(started['id']));
  assert.deepEqual([done['status'], done['bytesDone'], done['modelName']], ['completed', tiny.length, 'fetched']);
  const heard = await user.client.expect(200, 'GET', `/api/v1/events?room=download_job:${String(started['id'])}&after=0.0`);
  assert.equal(itemsOf(heard).at(-1)?.['event_type'], 'download:job:completed');
  const again = await superAdmin.client.expect(200, 'POST', '/api/v1/models/downloads', { repo: 'acme/tiny', name: 'fetched' });
  assert.equal(again['id'], started['id']);
  hub.file('/slow.bin', Buffer.alloc(400_000, 1));
  hub.behave('/slow.bin', { bytesPerS: 50_000 });
  const slow = String((await superAdmin.client.expect(201, 'POST', '/api/v1/models/downloads', { url: `${hub.url}/slow.bin`, engine: 'service' }))['id']);
  assert.equal((await superAdmin.client.expect(200, 'POST', `/api/v1/models/downloads/${slow}/pause`))['status'], 'paused');
  assert.equal((await user.client.call('POST', `/api/v1/models/downloads/${slow}/resume`)).status, 403);
  const resumed = await superAdmin.client.expect(200, 'POST', `/api/v1/models/downloads/${slow}/resume`);
  assert.ok(['queued', 'running'].includes(String(resumed['status'])));
  const coming = itemsOf(await user.client.expect(200, 'GET', '/api/v1/models')).find((model) => model['downloadId'] === slow);
  assert.equal(coming?.['status'], 'downloading');
  assert.equal((await superAdmin.client.call('DELETE', `/api/v1/models/${String(coming?.['id'])}`)).status, 204);
  assert.equal((await ended(slow))['status'], 'cancelled');
});

test('an instance that is cancelled stops the download that its step began, and nothing of it is left; one that a person began goes on', async () => {
  const { client } = app.people.superAdmin;
  const content = Buffer.alloc(400_000, 7);
  const download = async (path: string): Promise<{ readonly id: string; cancel(): Promise<void> }> => {
    const nodes = [{ key: 'bring', type: 'model.download', params: { url: `${hub.url}${path}` } }];
    const workflow = await client.expect(201, 'POST', '/api/v1/workflows', { name: `bring ${path}`, nodes, edges: [], settings: { notify: [] } });
    const instance = String((await client.expect(201, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances`, {}))['id']);
    const status = async (): Promise<unknown> => (await client.expect(200, 'GET', `/api/v1/instances/${instance}`))['status'];
    for (;;) {
      const [step] = itemsOf(await client.expect(200, 'GET', `/api/v1/instances/${instance}/steps`));
      const found = itemsOf(await client.expect(200, 'GET', '/api/v1/models/downloads')).find((one) => asObject(one['source'])['url'] === `${hub.url}${path}`);
      // The step follows it, and something of it lies on disk.
      if (found !== undefined && step?.['status'] === 'running' && Number(found['bytesDone']) > 0)
        return {
          id: String(found['id']),
          async cancel() {
            await client.expect(200, 'POST', `/api/v1/instances/${instance}/cancel`);
            while ((await status()) !== 'cancelled') await app.clock.sleep(20);
          },
        };
      assert.ok(['running', 'pending', 'queued'].includes(String(await status())));
      await app.clock.sleep(20);
    }
  };
  const partsOf = (id: string): string => join(app.workspace, 'models', '.store', 'downloads', id);
  hub.file('/own.bin', content);
  hub.behave('/own.bin', { bytesPerS: 40_000 });
  const own = await download('/own.bin');
  assert.ok(existsSync(partsOf(own.id)));
  await own.cancel();
  assert.equal((await ended(own.id))['status'], 'cancelled');
  while (hub.open > 0 || existsSync(partsOf(own.id))) await app.clock.sleep(20);
  hub.file('/theirs.bin', content);
  hub.behave('/theirs.bin', { bytesPerS: 40_000 });
  const begun = String((await client.expect(201, 'POST', '/api/v1/models/downloads', { url: `${hub.url}/theirs.bin`, engine: 'service' }))['id']);
  const theirs = await download('/theirs.bin');
  assert.equal(theirs.id, begun);
  await theirs.cancel();
  assert.equal((await client.expect(200, 'GET', `/api/v1/models/downloads/${begun}`))['status'], 'running');
  await client.expect(200, 'POST', `/api/v1/models/downloads/${begun}/cancel`);
});

test('an estimate tells what a model takes, of one here and of one that is elsewhere, by its header alone', async () => {
  const { superAdmin, user } = app.people;
  const large = Buffer.concat([tinyGguf({ seed: 5, layers: 6 }), Buffer.alloc(1_000_000)]);
  hub.repo('acme/large', { 'large.gguf': large });
  hub.asked.length = 0;
  const remote = await superAdmin.client.expect(200, 'GET', '/api/v1/models/estimate?repo=acme/large&context=512&parallel=1');
  assert.equal(remote['layers'], 7);
  assert.ok(hub.asked.every((one) => one.path.startsWith('/api/') || one.range !== undefined));
  const started = await superAdmin.client.expect(201, 'POST', '/api/v1/models/downloads', { repo: 'acme/large' });
  await ended(String(started['id']));
  const here = await user.client.expect(200, 'GET', `/api/v1/models/${String(started['modelId'])}/estimate?context=512&parallel=1`);
  assert.deepEqual({ ...here, device: null, fit: null }, { ...remote, device: null, fit: null });
  const doubled = await user.client.expect(200, 'GET', `/api/v1/models/${String(started['modelId'])}/estimate?context=1024&parallel=1`);
  assert.equal(asObject(doubled['vram'])['cache'], 2 * Number(asObject(here['vram'])['cache']));
});
