import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

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
  const { id: workflowId } = await api.expect(201, 'POST', '/api/v1/workflows', { name: 'Seen', ...graph });
  const { id } = await api.expect(200, 'POST', `/api/v1/workflows/${String(workflowId)}/instances?wait=30`, { input: { a: 1 } });
  const view = await api.expect(200, 'GET', `/api/v1/instances/${String(id)}/view`);
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
  assert.deepEqual(view['items'], { each: { total: 3, counts: { completed: 3 } } });
  assert.equal((view['instance'] as Record<string, unknown>)['id'], id);
  await api.expect(404, 'GET', '/api/v1/instances/inst_nowhere/view');
});

test('what a later generation took the place of is among the tries', async () => {
  const { id: workflowId } = await api.expect(201, 'POST', '/api/v1/workflows', { name: 'Twice', nodes: [{ key: 'one', type: 'noop' }], edges: [] });
  const { id } = await api.expect(200, 'POST', `/api/v1/workflows/${String(workflowId)}/instances?wait=30`, {});
  await api.expect(200, 'POST', `/api/v1/instances/${String(id)}/steps/one/result`, { output: { edited: true } });
  const { tries, steps } = await api.expect(200, 'GET', `/api/v1/instances/${String(id)}/view`);
  assert.deepEqual(
    (tries as Record<string, unknown>[]).map((one) => [one['path'], one['generation'], one['attempt'], one['status']]),
    [['one', 1, 1, 'completed']],
  );
  assert.deepEqual((steps as Record<string, unknown>[])[0]?.['generation'], 2);
});
