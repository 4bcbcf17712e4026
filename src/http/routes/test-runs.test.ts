/** Test runs of drafts over the API: which part ran and on what, and that nothing of it shows as a version, counts, or is told. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { until } from '../../test/until.ts';

type Row = Record<string, unknown>;

let app: TestApp;
let api: ApiClient;
let id = '';

const draft = {
  nodes: [
    { key: 'fetch', type: 'set', params: { values: { n: '{{ input.n }}' } } },
    { key: 'twice', type: 'set', params: { values: { n: '{{ steps.fetch.output.n * 2 }}' } } },
    {
      key: 'each',
      type: 'map',
      params: { items: [1, 2], body: { nodes: [{ key: 'inner', type: 'noop', params: { output: '{{ item + steps.twice.output.n }}' } }], edges: [] } },
    },
  ],
  edges: [
    { from: 'fetch', to: 'twice' },
    { from: 'twice', to: 'each' },
  ],
  inputSchema: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
  triggers: [{ key: 'hook', type: 'webhook', params: { auth: 'none' } }],
  settings: { concurrency: { limit: 1 } },
};

before(async () => {
  app = await startApp();
  api = app.people.user.client;
  id = String((await api.expect(201, 'POST', '/api/v1/workflows', { name: 'Drafted', nodes: [{ key: 'old', type: 'noop' }], edges: [] }))['id']);
});
after(() => app.close());

async function run(body: object): Promise<{ readonly instance: Row; readonly steps: Row[]; readonly answered: Row[] }> {
  const { instanceId, answered } = await api.expect(201, 'POST', `/api/v1/workflows/${id}/test-runs`, { definition: draft, run: { kind: 'all' }, ...body });
  const instance = await ended(String(instanceId));
  return { instance, steps: itemsOf(await api.expect(200, 'GET', `/api/v1/instances/${String(instanceId)}/steps`)), answered: answered as Row[] };
}

async function ended(instanceId: string): Promise<Row> {
  return until(`${instanceId} to end`, async () => {
    const instance = await api.expect(200, 'GET', `/api/v1/instances/${instanceId}`);
    return ['completed', 'failed', 'cancelled'].includes(String(instance['status'])) && instance;
  });
}

test('before anything ran, one node that reads another is refused with what to do', async () => {
  const reply = await api.call('POST', `/api/v1/workflows/${id}/test-runs`, { body: { definition: draft, run: { kind: 'node', key: 'twice' } } });
  assert.equal(reply.status, 422);
  assert.match(reply.text, /\\"fetch\\" has given no output yet, and \\"twice\\" reads it; run \\"fetch\\" first, run up to \\"twice\\", or pin an output/);
  assert.equal(itemsOf(await api.expect(200, 'GET', '/api/v1/instances?test=all')).length, 0);
});

test('a draft runs whole, and is no version', async () => {
  const { instance, steps } = await run({ input: { n: 4 } });
  assert.deepEqual([instance['status'], instance['isTest'], instance['startedBy'], Number(instance['version']) < 0], ['completed', true, 'test', true]);
  assert.deepEqual(instance['output'], { items: [9, 10], failed: 0 });
  assert.ok(steps.some((step) => step['path'] === 'each[1]/inner'));
  const workflow = await api.expect(200, 'GET', `/api/v1/workflows/${id}`);
  assert.deepEqual([workflow['version'], workflow['lastInstance'], workflow['triggers'], workflow['hasDraft']], [1, null, [], false]);
  const versions = itemsOf(await api.expect(200, 'GET', `/api/v1/workflows/${id}/versions`));
  assert.deepEqual(
    versions.map((version) => version['version']),
    [1],
  );
  const what = await api.expect(200, 'GET', `/api/v1/workflows/${id}/versions/${String(instance['version'])}`);
  assert.deepEqual((what['definition'] as typeof draft).nodes, draft.nodes);
  assert.equal((await api.call('POST', `/api/v1/workflows/${id}/versions/${String(instance['version'])}/restore`)).status, 400);
});

test('input is held against the schema where the run begins at the start', async () => {
  const reply = await api.call('POST', `/api/v1/workflows/${id}/test-runs`, { body: { definition: draft, run: { kind: 'all' } } });
  assert.equal(reply.status, 400, reply.text);
  assert.match(reply.text, /n/);
});

test('one node runs on what the others gave last, and says so', async () => {
  const { steps, answered, instance } = await run({ run: { kind: 'node', key: 'twice' } });
  const by = new Map(steps.map((step) => [step['key'], step]));
  assert.deepEqual(by.get('twice')?.['output'], { n: 8 });
  assert.equal(by.get('fetch')?.['reason'], 'the output is pinned');
  assert.equal(by.has('each'), false);
  assert.deepEqual(
    answered.map(({ key, by: what }) => [key, what]),
    [['fetch', 'last']],
  );
  assert.equal(instance['status'], 'completed');
});

test('pinned outputs go before what was given last, and what follows a node runs', async () => {
  const { steps, instance } = await run({ run: { kind: 'from', key: 'twice' }, pinned: { fetch: { n: 100 } } });
  assert.deepEqual(steps.find((step) => step['key'] === 'twice')?.['output'], { n: 200 });
  assert.deepEqual(instance['output'], { items: [201, 202], failed: 0 });
});

test('up to a node runs that and nothing after it', async () => {
  const { steps } = await run({ run: { kind: 'upTo', key: 'twice' }, input: { n: 1 } });
  assert.deepEqual(
    steps.map((step) => step['key']),
    ['fetch', 'twice'],
  );
});

test('what does not run may be unfinished; what runs is judged by where it stands in the draft', async () => {
  const unfinished = { ...draft, nodes: [draft.nodes[0], { key: 'later', type: 'http.request', params: {} }, draft.nodes[1], draft.nodes[2]] };
  const { instance } = await run({ definition: unfinished, run: { kind: 'upTo', key: 'twice' }, input: { n: 1 } });
  assert.equal(instance['status'], 'completed');
  const reply = await api.call('POST', `/api/v1/workflows/${id}/test-runs`, { body: { definition: unfinished, run: { kind: 'node', key: 'later' } } });
  assert.equal(reply.status, 422);
  assert.match(reply.text, /"path":"nodes\[1\]\.params/);
});

test('a node in a body, or one that is not there, can not be asked for', async () => {
  for (const [key, says] of [
    ['inner', /stands in the body of another node/],
    ['none', /there is no node/],
  ] as const) {
    const reply = await api.call('POST', `/api/v1/workflows/${id}/test-runs`, { body: { definition: draft, run: { kind: 'node', key } } });
    assert.equal(reply.status, 422);
    assert.match(reply.text, says);
  }
});

test('who may not publish a type may not test it', async () => {
  const definition = { nodes: [{ key: 'run', type: 'command', params: { command: ['true'] } }], edges: [] };
  assert.equal((await api.call('POST', `/api/v1/workflows/${id}/test-runs`, { body: { definition, run: { kind: 'all' } } })).status, 403);
});

test('tests are listed when asked for, and only then', async () => {
  const { id: real } = await api.expect(201, 'POST', `/api/v1/workflows/${id}/instances`, {});
  await ended(String(real));
  const ids = async (query: string): Promise<unknown[]> =>
    itemsOf(await api.expect(200, 'GET', `/api/v1/instances?workflowId=${id}${query}`)).map((one) => one['id']);
  assert.deepEqual(await ids(''), [real]);
  const tests = await ids('&test=true');
  assert.ok(tests.length >= 4 && !tests.includes(real));
  assert.equal((await ids('&test=all')).length, tests.length + 1);
});

test('a workflow that a test calls runs as a test, and its end wakes nobody', async () => {
  const called = await api.expect(201, 'POST', '/api/v1/workflows', {
    name: 'Called',
    nodes: [{ key: 'no', type: 'fail', params: { message: 'no' } }],
    edges: [],
  });
  const hears = await api.expect(201, 'POST', '/api/v1/workflows', {
    name: 'Hears',
    nodes: [{ key: 'a', type: 'noop' }],
    edges: [],
    triggers: [{ key: 'failures', type: 'event', params: { types: ['engine:instance:failed'] } }],
  });
  const definition = { nodes: [{ key: 'call', type: 'workflow.call', params: { workflowId: called['id'], input: {} } }], edges: [] };
  const { instance } = await run({ definition });
  assert.equal(instance['status'], 'failed');
  const [child] = itemsOf(await api.expect(200, 'GET', `/api/v1/instances?workflowId=${String(called['id'])}&test=true`));
  assert.deepEqual([child?.['isTest'], child?.['status'], child?.['version']], [true, 'failed', 1]);
  // A real one, after them in the stream, is heard: so both tests were passed over, not only late.
  const real = await api.expect(201, 'POST', `/api/v1/workflows/${String(called['id'])}/instances`, {});
  const started = await until('an instance of who hears it', async () => {
    const found = itemsOf(await api.expect(200, 'GET', `/api/v1/instances?workflowId=${String(hears['id'])}`));
    return found.length > 0 && found;
  });
  assert.deepEqual(
    started.map((one) => one['startedBy']),
    ['event:failures'],
  );
  assert.equal(((await api.expect(200, 'GET', `/api/v1/instances/${String(started[0]?.['id'])}`))['input'] as Row)['entity_id'], real['id']);
});

test('a test runs again as it was, and stays one', async () => {
  const { instance } = await run({ input: { n: 3 } });
  const again = await api.expect(201, 'POST', `/api/v1/instances/${String(instance['id'])}/rerun`, {});
  assert.deepEqual([again['isTest'], again['version']], [true, instance['version']]);
  assert.deepEqual((await ended(String(again['id'])))['output'], { items: [7, 8], failed: 0 });
  const newest = await api.expect(201, 'POST', `/api/v1/instances/${String(instance['id'])}/rerun`, { version: 'newest' });
  assert.deepEqual([newest['isTest'], newest['version']], [undefined, 1]);
});

test('the last outputs are those of the keys of the draft, of the first item in a body', async () => {
  await api.expect(200, 'PUT', `/api/v1/workflows/${id}/draft`, { definition: draft });
  const reply = await api.expect(200, 'GET', `/api/v1/workflows/${id}/last-outputs`);
  const by = new Map(itemsOf(reply).map((item) => [item['key'], item]));
  assert.deepEqual([by.get('twice')?.['output'], by.get('inner')?.['path'], by.get('inner')?.['output']], [{ n: 6 }, 'each[0]/inner', 7]);
  assert.deepEqual([by.get('twice')?.['isTest'], by.get('twice')?.['isLeftOut']], [true, false]);
  assert.equal(by.has('old'), false);
});

test('another org neither tests nor looks', async () => {
  const stranger = app.people.stranger.client;
  assert.equal(
    (await stranger.call('POST', `/api/v1/workflows/${id}/test-runs`, { body: { definition: draft, run: { kind: 'all' }, input: { n: 1 } } })).status,
    404,
  );
  assert.equal((await stranger.call('GET', `/api/v1/workflows/${id}/last-outputs`)).status, 404);
});
