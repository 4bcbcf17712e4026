import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApiClient, itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { publish, runToEnd } from '../../test/runs.ts';

let app: TestApp;
let api: ApiClient;
before(async () => {
  app = await startApp();
  api = app.people.user.client;
});
after(() => app.close());

test('instances that a filter names are cancelled together, the others stay; a count comes first', async () => {
  const workflowId = await publish(api, { nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 86_400_000 } }] });
  for (const color of ['red', 'red', 'blue']) await api.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances`, { labels: { color } });
  const body = { command: 'cancel', filter: { workflowId, label: 'color:red' } };
  assert.deepEqual(await api.expect(200, 'POST', '/api/v1/instances/batch', { ...body, dryRun: true }), { matched: 2, done: 0, refused: [], more: false });
  assert.deepEqual(await api.expect(200, 'POST', '/api/v1/instances/batch', { ...body, limit: 1 }), { matched: 1, done: 1, refused: [], more: true });
  assert.deepEqual(await api.expect(200, 'POST', '/api/v1/instances/batch', body), { matched: 1, done: 1, refused: [], more: false });
  const left = itemsOf(await api.expect(200, 'GET', `/api/v1/instances?workflowId=${workflowId}&status=waiting`));
  assert.deepEqual(
    left.map((one) => one['labels']),
    [{ color: 'blue' }],
  );
});

test('what failed is retried together; what a command does not apply to is named with the reason', async () => {
  const workflowId = await publish(api, { nodes: [{ key: 'no', type: 'fail', params: { message: 'no' } }] });
  const started = await runToEnd(api, workflowId);
  const reply = await api.expect(200, 'POST', '/api/v1/instances/batch', { command: 'retry', filter: { workflowId } });
  assert.deepEqual(reply, { matched: 1, done: 1, refused: [], more: false });
  const ids = [started];
  const done = await publish(api, { nodes: [{ key: 'ok', type: 'noop' }] });
  ids.push(await runToEnd(api, done));
  const { refused } = await api.expect(200, 'POST', '/api/v1/instances/batch', { command: 'retry', filter: { ids: ids.slice(1), status: ['completed'] } });
  assert.deepEqual(
    (refused as { id: string; code: string }[]).map(({ id, code }) => [id, code]),
    [[ids[1], 'illegal_transition']],
  );
});

test('every id that is named is answered for: the unknown, and what the command does not apply to', async () => {
  const done = await publish(api, { nodes: [{ key: 'ok', type: 'noop' }] });
  const ended = await runToEnd(api, done);
  const waiting = await publish(api, { nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 86_400_000 } }] });
  const open = String((await api.expect(201, 'POST', `/api/v1/workflows/${waiting}/instances`, {}))['id']);
  const filter = { ids: [ended, 'inst_nowhere', open, 'inst_nowhere'] };
  const answer = (reply: Record<string, unknown>): unknown => ({
    ...reply,
    refused: (reply['refused'] as { id: string; code: string }[]).map(({ id, code }) => [id, code]),
  });
  const refused = [
    [ended, 'illegal_transition'],
    ['inst_nowhere', 'not_found'],
  ];
  const ask = async (more: object): Promise<unknown> =>
    answer(await api.expect(200, 'POST', '/api/v1/instances/batch', { command: 'cancel', filter, ...more }));
  assert.deepEqual(await ask({ dryRun: true }), { matched: 1, done: 0, refused, more: false });
  assert.deepEqual(await ask({}), { matched: 1, done: 1, refused, more: false });
});

test('bad filters are refused by name', async () => {
  for (const filter of [{ label: 'nocolon' }, { status: ['gone'] }, { ids: [] }, { unknown: 1 }])
    assert.equal((await api.call('POST', '/api/v1/instances/batch', { body: { command: 'cancel', filter } })).status, 400);
});

test('what has ended is deleted together, what runs stays', async () => {
  const done = await publish(api, { nodes: [{ key: 'ok', type: 'noop' }] });
  for (let at = 0; at < 3; at += 1) await api.expect(200, 'POST', `/api/v1/workflows/${done}/instances?wait=20`, {});
  const waiting = await publish(api, { nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 86_400_000 } }] });
  const open = String((await api.expect(201, 'POST', `/api/v1/workflows/${waiting}/instances`, {}))['id']);
  const body = { command: 'delete', filter: { workflowId: done } };
  assert.deepEqual(await api.expect(200, 'POST', '/api/v1/instances/batch', { ...body, dryRun: true }), { matched: 3, done: 0, refused: [], more: false });
  assert.deepEqual(await api.expect(200, 'POST', '/api/v1/instances/batch', body), { matched: 3, done: 3, refused: [], more: false });
  assert.deepEqual(itemsOf(await api.expect(200, 'GET', `/api/v1/instances?workflowId=${done}`)), []);
  const { refused } = await api.expect(200, 'POST', '/api/v1/instances/batch', { command: 'delete', filter: { ids: [open] } });
  assert.deepEqual(
    (refused as { code: string }[]).map(({ code }) => code),
    ['illegal_transition'],
  );
});

test('a key that may only run instances deletes none', async () => {
  const { key } = await api.expect(201, 'POST', '/api/v1/api-keys', { name: 'runs', scopes: ['instances:run'] });
  const runs = createApiClient(api.url, String(key));
  await runs.expect(200, 'POST', '/api/v1/instances/batch', { command: 'cancel', filter: {}, dryRun: true });
  await runs.expect(403, 'POST', '/api/v1/instances/batch', { command: 'delete', filter: {}, dryRun: true });
});
