/** What a start answers: the engine says it from memory, and it has to be what the rows say. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import type { ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { publish } from '../../test/runs.ts';

let app: TestApp;
let api: ApiClient;
before(async () => {
  app = await startApp();
  api = app.people.user.client;
});
after(() => app.close());

/** Starts one, waiting for its end a second at most, and compares the answer with what is then read. @returns the answer */
async function startAndRead(workflowId: string, body: Record<string, unknown>, status: string): Promise<Record<string, unknown>> {
  const answer = await api.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=1`, { body });
  const said = JSON.parse(answer.text) as Record<string, unknown>;
  assert.equal(said['status'], status, answer.text);
  const read = await api.expect(200, 'GET', `/api/v1/instances/${String(said['id'])}`);
  assert.deepEqual({ ...said, cursor: '' }, { ...read, cursor: '' });
  return said;
}

const values: readonly Json[] = [
  null,
  [],
  {},
  '',
  'ü🎉\u0001\u001f "quoted" \\ \u2028',
  { 'b b': 1, a: [0.1, 1e21, -5, 2 ** 53, 5e-324, true, false, null], aa: { ä: '' } },
  'x'.repeat(20_000),
];

test('the answer for an instance that ended is what its row says, whatever went in and came out', async () => {
  const workflowId = await publish(api, { nodes: [{ key: 'echo', type: 'noop', params: { effect: true, output: '{{ input.value }}' } }] });
  for (const value of values) {
    const said = await startAndRead(workflowId, { input: { value }, labels: { zz: '1', a: 'ü' }, priority: 7 }, 'completed');
    assert.deepEqual(said['output'], value);
  }
});

test('the answer for one that failed holds its error as it is read', async () => {
  const workflowId = await publish(api, { nodes: [{ key: 'echo', type: 'fail', params: { message: 'Out of {{ input.value }}' } }] });
  const said = await startAndRead(workflowId, { input: { value: 1 } }, 'failed');
  assert.equal((said['error'] as { message: string }).message, 'Out of 1');
});

test('the answer for one that waits says for what', async () => {
  const nodes = [
    { key: 'first', type: 'noop', params: { effect: true } },
    { key: 'wait', type: 'wait.timer', params: { durationMs: 1e9 } },
  ];
  const workflowId = await publish(api, { nodes, edges: [{ from: 'first', to: 'wait' }] });
  const [waiting, paused] = await Promise.all([startAndRead(workflowId, {}, 'waiting'), startAndRead(workflowId, { debug: true }, 'waiting')]);
  assert.equal((waiting['waiting'] as { kind: string }).kind, 'timer');
  assert.equal((paused['waiting'] as { kind: string }).kind, 'debug_pause');
});

test('the answer for one that its limits hold back says so', async () => {
  const settings = { concurrency: { limit: 1, policy: 'queue' } };
  const workflowId = await publish(api, { nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 1e9 } }], settings });
  await startAndRead(workflowId, {}, 'waiting');
  const said = await startAndRead(workflowId, {}, 'pending');
  assert.equal((said['waiting'] as { kind: string }).kind, 'limit');
});

test('the answer comes with the number of the last event', async () => {
  const workflowId = await publish(api, { nodes: [{ key: 'echo', type: 'noop', params: { effect: true } }] });
  const said = await startAndRead(workflowId, {}, 'completed');
  const events = (await api.expect(200, 'GET', `/api/v1/instances/${String(said['id'])}/events`))['items'] as { sequence: number }[];
  assert.equal(events.at(-1)?.sequence, said['seq']);
});

test('a second try of the same start is answered with what the first made', async () => {
  const workflowId = await publish(api, { nodes: [{ key: 'echo', type: 'noop', params: { effect: true } }] });
  const headers = { 'idempotency-key': 'started-once' };
  const [first, second] = [
    await api.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=1`, { body: {}, headers }),
    await api.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=1`, { body: {}, headers }),
  ];
  assert.equal(first.text, second.text);
});
