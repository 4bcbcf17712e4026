/** Search over the API: what is found, by what, and nothing of another org. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { itemsOf } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
let workflowId = '';
let instanceId = '';
before(async () => {
  app = await startApp();
  const { client } = app.people.superAdmin;
  const nodes = [
    { key: 'each', type: 'map', params: { items: [1], body: { nodes: [{ key: 'resize', type: 'noop', name: 'Shrink the picture' }], edges: [] } } },
    { key: 'broken', type: 'fail', params: { message: 'the 100%_sure thing failed' } },
  ];
  const body = { name: 'Thumbnails', description: 'For the shop window', tags: ['Pictures'], nodes, edges: [{ from: 'each', to: 'broken' }] };
  workflowId = String((await client.expect(201, 'POST', '/api/v1/workflows', body))['id']);
  const started = await client.expect(200, 'POST', `/api/v1/workflows/${workflowId}/instances?wait=30`, { labels: { customer: 'acme' } });
  instanceId = String(started['id']);
  await client.expect(201, 'POST', '/api/v1/workflows', { name: 'Of thumbs', nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  await client.call('PUT', '/api/v1/files/in/thumb-1.png', { body: 'x', headers: { 'content-type': 'image/png' } });
  await client.expect(201, 'POST', '/api/v1/jobs', { command: ['true'], name: 'thumbs by hand', labels: { customer: 'acme' } });
  await client.expect(201, 'POST', '/api/v1/models', {
    engine: 'remote',
    owner: 'org',
    name: 'thumb-writer',
    settings: { kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1', model: 'x' },
  });
});
after(() => app.close());

async function find(q: string, more = ''): Promise<string[]> {
  const found = itemsOf(await app.people.user.client.expect(200, 'GET', `/api/v1/search?q=${encodeURIComponent(q)}${more}`));
  return found.map(({ kind, title, matched, detail }) => [kind, title, matched, detail].filter((part) => part !== undefined).join(' | '));
}

test('every kind is found by its name, the beginning of a name first', async () => {
  assert.deepEqual(await find('THUMB'), [
    'workflow | Thumbnails | name',
    'workflow | Of thumbs | name',
    'instance | Thumbnails | workflow',
    'job | thumbs by hand | name',
    'model | thumb-writer | name',
    'file | in/thumb-1.png | path',
  ]);
});

test('a workflow is found by its description, its tags and its nodes, those in bodies included', async () => {
  const only = '&kinds=workflow';
  assert.deepEqual(await find('shop window', only), ['workflow | Thumbnails | description']);
  assert.deepEqual(await find('pictures', only), ['workflow | Thumbnails | tag | Pictures']);
  assert.deepEqual(await find('shrink the', only), ['workflow | Thumbnails | node | Shrink the picture · noop']);
});

test('an instance is found by the beginning of its id, a label and its error', async () => {
  const only = '&kinds=instance';
  assert.deepEqual(await find(instanceId.slice(0, 20), only), ['instance | Thumbnails | id']);
  assert.deepEqual(await find('customer:acme', only), ['instance | Thumbnails | label | customer:acme']);
  assert.deepEqual(await find('customer:acme', '&kinds=job'), ['job | thumbs by hand | label | customer:acme']);
  assert.deepEqual(await find('100%_SURE', only), ['instance | Thumbnails | error | the 100%_sure thing failed']);
});

test('signs of patterns are only signs', async () => {
  for (const q of ['%', '_______', '.*', "'; drop table workflows; --", '\\', '{"a":1}', ':', ':x', 'x:'])
    assert.ok(Array.isArray(await find(q, '&limit=20')), q);
  assert.deepEqual(await find('%humb'), []);
});

test('kinds are in the order asked for, and an unknown one is told', async () => {
  assert.deepEqual(
    (await find('thumb', '&kinds=file,model')).map((hit) => hit.split(' ')[0]),
    ['file', 'model'],
  );
  const reply = await app.people.user.client.call('GET', '/api/v1/search?q=x&kinds=people');
  assert.equal(reply.status, 400);
  assert.match(reply.text, /kinds: \\"people\\" is none of workflow, instance/);
});

test('another org finds nothing of it', async () => {
  for (const q of ['thumb', 'customer:acme', instanceId, '100%_sure', 'shrink'])
    assert.deepEqual(itemsOf(await app.people.stranger.client.expect(200, 'GET', `/api/v1/search?q=${encodeURIComponent(q)}`)), [], q);
});

test('what is archived, and what was only tested, is not found', async () => {
  const { client } = app.people.user;
  const { id } = await client.expect(201, 'POST', '/api/v1/workflows', { name: 'Forgotten', nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  const definition = { nodes: [{ key: 'a', type: 'noop' }], edges: [] };
  await client.expect(201, 'POST', `/api/v1/workflows/${String(id)}/test-runs`, { definition, run: { kind: 'all' } });
  assert.deepEqual(await find('forgotten'), ['workflow | Forgotten | name']);
  await client.expect(204, 'DELETE', `/api/v1/workflows/${String(id)}?cancel=true`);
  assert.deepEqual(await find('forgotten'), []);
});
