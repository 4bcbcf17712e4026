import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { publish, runToEnd } from '../../test/runs.ts';

let app: TestApp;
let api: ApiClient;
before(async () => {
  app = await startApp();
  api = app.people.user.client;
});
after(() => app.close());

test('the view of an instance holds its definition, outlines of its steps, past tries and counted items, and no payload', async () => {
  const graph = {
    nodes: [
      { key: 'flaky', type: 'code.js', params: { source: 'throw new Error("no")' }, retry: { maxAttempts: 2, backoffMs: 1 }, onError: 'continue' },
      {
        key: 'each',
        type: 'map',
        params: { items: '{{ [1, 2, 3] }}', body: { nodes: [{ key: 'draw', type: 'set', params: { values: { x: 1 } } }], edges: [] } },
      },
    ],
    edges: [{ from: 'flaky', to: 'each' }],
  };
  const id = await runToEnd(api, await publish(api, graph), { input: { a: 1 } });
  const view = await api.expect(200, 'GET', `/api/v1/instances/${id}/view`);
  assert.deepEqual(
    (view['definition'] as typeof graph).nodes.map((node) => node.key),
    ['flaky', 'each'],
  );
  const steps = view['steps'] as Record<string, unknown>[];
  assert.deepEqual(
    steps.map((step) => [step['path'], step['status'], step['attempt'], 'output' in step, 'input' in step]),
    [
      ['flaky', 'failed', 2, false, false],
      ['each', 'completed', 1, false, false],
    ],
  );
  assert.deepEqual((view['tries'] as Record<string, unknown>[]).map((one) => [one['path'], one['attempt'], one['status']])[0], ['flaky', 1, 'failed']);
  assert.deepEqual(view['items'], { each: { total: 3, counts: { completed: 3 }, count: 3 } });
  assert.equal((view['instance'] as Record<string, unknown>)['id'], id);
  await api.expect(404, 'GET', '/api/v1/instances/inst_nowhere/view');
});

test('what a later generation took the place of is among the tries', async () => {
  const id = await runToEnd(api, await publish(api, { nodes: [{ key: 'one', type: 'noop' }] }));
  await api.expect(200, 'POST', `/api/v1/instances/${id}/steps/one/result`, { output: { edited: true } });
  const { tries, steps } = await api.expect(200, 'GET', `/api/v1/instances/${id}/view`);
  assert.deepEqual(
    (tries as Record<string, unknown>[]).map((one) => [one['path'], one['generation'], one['attempt'], one['status']]),
    [['one', 1, 1, 'completed']],
  );
  assert.deepEqual((steps as Record<string, unknown>[])[0]?.['generation'], 2);
});

const odd = {
  key: 'each',
  type: 'map',
  params: {
    items: '{{ [1..1200] }}',
    onItemError: 'continue',
    body: {
      nodes: [
        { key: 'draw', type: 'set', params: { values: { n: '{{ item }}' } } },
        { key: 'bad', type: 'branch.if', params: { condition: 'index % 500 = 7' } },
        { key: 'no', type: 'fail', params: { message: 'an odd one' } },
      ],
      edges: [
        { from: 'draw', to: 'bad' },
        { from: 'bad.true', to: 'no' },
      ],
    },
  },
};

test('any part of a long map is read by the numbers of its items, with their times and without payloads', async () => {
  const id = await runToEnd(api, await publish(api, { nodes: [odd] }));
  const at = `/api/v1/instances/${id}/steps`;
  const part = itemsOf(await api.expect(200, 'GET', `${at}/each/outlines?items=1199,507,5000`));
  assert.deepEqual(
    part.map((one) => [one['path'], one['status'], 'output' in one, typeof one['startedAt'], typeof one['endedAt']]),
    [
      ['each[1199]', 'completed', false, 'string', 'string'],
      ['each[507]', 'failed', false, 'string', 'string'],
    ],
  );
  const inside = itemsOf(await api.expect(200, 'GET', `${at}/${encodeURIComponent('each[507]')}/outlines`));
  assert.deepEqual(
    inside.map((one) => [one['path'], one['status']]),
    [
      ['each[507]/draw', 'completed'],
      ['each[507]/bad', 'completed'],
      ['each[507]/no', 'failed'],
    ],
  );
  assert.deepEqual(await api.expect(200, 'GET', `${at}/each/items/indexes?status=failed,timed_out`), { indexes: [7, 507, 1007] });
  assert.equal(itemsOf(await api.expect(200, 'GET', `${at}/each/outlines`)).length, 200);
  assert.deepEqual(await api.expect(200, 'GET', `${at}/each/items`), { total: 1200, counts: { completed: 1197, failed: 3 }, count: 1200 });
  assert.deepEqual((await api.expect(200, 'GET', `/api/v1/instances/${id}/view`))['items'], {});
  for (const [path, query] of [
    ['each/outlines', '?items=1,x'],
    ['each/outlines', `?items=${Array.from({ length: 201 }, (_, index) => index).join(',')}`],
    ['each/items/indexes', '?status=odd'],
  ])
    await api.expect(400, 'GET', `${at}/${path}${query}`);
});

test('items under way are running from their first step on, those that have not begun are left out, and others see none of it', async () => {
  const wait = { key: 'ask', type: 'approval', params: { title: 'Go on?' } };
  const workflowId = await publish(api, {
    nodes: [{ key: 'each', type: 'map', params: { items: [1, 2, 3], concurrency: 2, body: { nodes: [wait], edges: [] } } }],
  });
  const id = String((await api.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances?wait=1`, {}))['id']);
  const path = `/api/v1/instances/${id}/steps/each/outlines?items=0,1,2`;
  assert.deepEqual(
    itemsOf(await api.expect(200, 'GET', path)).map((one) => [one['path'], one['status'], one['endedAt']]),
    [
      ['each[0]', 'running', null],
      ['each[1]', 'running', null],
    ],
  );
  await app.people.stranger.client.expect(404, 'GET', path);
  await app.people.stranger.client.expect(404, 'GET', `/api/v1/instances/${id}/steps/each/items/indexes?status=failed`);
});
