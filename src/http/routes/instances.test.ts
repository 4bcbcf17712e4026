/** Instances over the API: the real engine behind the real routes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { until } from '../../test/until.ts';
import { untilStatus } from '../../test/waiting-instances.ts';

let app: TestApp;
let api: ApiClient;
let workflowId = '';
let waitingWorkflow = '';
before(async () => {
  app = await startApp();
  api = app.people.user.client;
  workflowId = String(
    (
      await api.expect(201, 'POST', '/api/v1/workflows', {
        name: 'Greets',
        nodes: [
          { key: 'hello', type: 'template', params: { text: 'Hello {{ input.name }}' } },
          { key: 'note', type: 'log', params: { message: '{{ steps.hello.output.text }}' } },
        ],
        edges: [{ from: 'hello', to: 'note' }],
        inputSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
      })
    )['id'],
  );
  waitingWorkflow = String(
    (
      await api.expect(201, 'POST', '/api/v1/workflows', {
        name: 'Waits',
        nodes: [
          { key: 'wait', type: 'wait.timer', params: { durationMs: 1e9 } },
          { key: 'end', type: 'noop', params: { output: '{{ steps.wait.output }}' } },
        ],
        edges: [{ from: 'wait', to: 'end' }],
      })
    )['id'],
  );
});
after(() => app.close());

const start = async (workflow: string, body: object = {}, query = ''): Promise<Record<string, unknown>> =>
  api.expect(query === '' ? 201 : 200, 'POST', `/api/v1/workflows/${workflow}/instances${query}`, body);

const waitFor = (id: string, status: string): Promise<void> => untilStatus(api, id, status);

test('with wait, the answer comes as soon as the instance ended', async () => {
  const instance = await start(workflowId, { input: { name: 'Ada' }, labels: { who: 'ada' }, priority: 75 }, '?wait=30');
  assert.equal(instance['status'], 'completed');
  assert.deepEqual(instance['output'], { message: 'Hello Ada' });
  assert.deepEqual(
    [instance['workflowName'], instance['version'], instance['startedBy'], instance['priority'], instance['labels']],
    ['Greets', 1, 'manual', 75, { who: 'ada' }],
  );
  const id = String(instance['id']);

  const steps = (await api.expect(200, 'GET', `/api/v1/instances/${id}/steps`))['items'] as Record<string, unknown>[];
  assert.deepEqual(
    steps.map((step) => [step['key'], step['path'], step['status'], step['generation'], step['attempt']]),
    [
      ['hello', 'hello', 'completed', 1, 1],
      ['note', 'note', 'completed', 1, 1],
    ],
  );
  const log = await api.call('GET', `/api/v1/instances/${id}/steps/note/log`);
  assert.match(log.text, /^\S+Z Hello Ada\n$/);
  const attempts = (await api.expect(200, 'GET', `/api/v1/instances/${id}/steps/note/attempts`))['items'] as Record<string, unknown>[];
  assert.deepEqual(
    attempts.map((attempt) => attempt['status']),
    ['completed'],
  );
  const events = (await api.expect(200, 'GET', `/api/v1/instances/${id}/events`))['items'] as Record<string, unknown>[];
  assert.deepEqual(
    events.map((event) => event['sequence']),
    [1, 2, 3, 4, 5],
  );
  assert.equal(instance['seq'], 5);
  assert.deepEqual(Object.keys(events[0] ?? {}).toSorted(), [
    'contract_version',
    'correlation_id',
    'cursor',
    'emitted_at',
    'entity_id',
    'entity_kind',
    'event_id',
    'event_type',
    'idempotency_key',
    'payload',
    'request_id',
    'room_keys',
    'runtime',
    'sequence',
    'sequence_stream',
  ]);
});

test('an input that does not fit the schema is refused, and nothing starts', async () => {
  const reply = await api.call('POST', `/api/v1/workflows/${workflowId}/instances`, { body: { input: { name: 7 } } });
  assert.equal(reply.status, 400);
  assert.match(reply.text, /input\.name/);
});

test('the list filters by status, workflow, label and time', async () => {
  await start(workflowId, { input: { name: 'Bob' }, labels: { who: 'bob' } }, '?wait=30');
  const find = async (query: string): Promise<number> => ((await api.expect(200, 'GET', `/api/v1/instances?${query}`))['items'] as unknown[]).length;
  assert.equal(await find('label=who:bob'), 1);
  assert.equal(await find(`label=who:bob&status=failed,cancelled`), 0);
  assert.equal(await find(`workflowId=${workflowId}&status=completed`), 2);
  assert.equal(await find('since=2100-01-01T00:00:00Z'), 0);
  assert.equal((await api.call('GET', '/api/v1/instances?status=done')).status, 400);
  assert.equal((await api.call('GET', '/api/v1/instances?label=nocolon')).status, 400);
  const first = await api.expect(200, 'GET', '/api/v1/instances?limit=1');
  const second = await api.expect(200, 'GET', `/api/v1/instances?limit=1&after=${String(first['next'])}`);
  assert.notDeepEqual(first['items'], second['items']);
});

test('the same Idempotency-Key starts one instance', async () => {
  const headers = { 'idempotency-key': 'once-only' };
  const bodies = await Promise.all(
    Array.from({ length: 5 }, () =>
      api.call('POST', `/api/v1/workflows/${workflowId}/instances`, { body: { input: { name: 'K' }, labels: { k: '1' } }, headers }),
    ),
  );
  assert.ok(
    bodies.every((reply) => reply.status === 201 || reply.status === 409),
    bodies.map((reply) => reply.status).join(),
  );
  assert.equal(((await api.expect(200, 'GET', '/api/v1/instances?label=k:1'))['items'] as unknown[]).length, 1);
});

test('a batch starts in one go, in order', async () => {
  const { ids } = await api.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances/batch`, { inputs: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] });
  assert.equal((ids as string[]).length, 3);
  for (const id of ids as string[]) await waitFor(id, 'completed');
  const third = await api.expect(200, 'GET', `/api/v1/instances/${(ids as string[])[2]}`);
  assert.deepEqual(third['input'], { name: 'c' });
  assert.equal((await api.call('POST', `/api/v1/workflows/${workflowId}/instances/batch`, { body: { inputs: [{ name: 'a' }, {}] } })).status, 400);
});

test('pause, resume, complete by hand, rerun, delete', async () => {
  const id = String((await start(waitingWorkflow))['id']);
  await waitFor(id, 'waiting');
  assert.equal((await api.expect(200, 'POST', `/api/v1/instances/${id}/pause`))['status'], 'paused');
  assert.equal((await api.expect(200, 'POST', `/api/v1/instances/${id}/resume`))['status'], 'waiting');
  assert.equal((await api.call('DELETE', `/api/v1/instances/${id}`)).status, 409);
  const completed = await api.expect(200, 'POST', `/api/v1/instances/${id}/steps/wait/complete`, { output: 'now' });
  assert.equal(completed['effect'], 'advancing');
  await waitFor(id, 'completed');
  const rerun = await api.expect(201, 'POST', `/api/v1/instances/${id}/rerun`, { from: 'end' });
  assert.equal(rerun['rerunOf'], id);
  await waitFor(String(rerun['id']), 'completed');
  const refused = await api.call('POST', `/api/v1/instances/${id}/resume`);
  assert.equal(refused.status, 409);
  assert.match(refused.text, /is completed; resume applies to paused instances/);
  assert.equal((await api.call('DELETE', `/api/v1/instances/${id}`)).status, 204);
  assert.equal((await api.call('GET', `/api/v1/instances/${id}`)).status, 404);
});

test('archiving refuses while something lives, or cancels it when asked to', async () => {
  const id = String((await start(waitingWorkflow))['id']);
  await waitFor(id, 'waiting');
  const refused = await api.call('DELETE', `/api/v1/workflows/${waitingWorkflow}`);
  assert.equal(refused.status, 409);
  assert.match(refused.text, new RegExp(id));
  assert.equal((await api.call('DELETE', `/api/v1/workflows/${waitingWorkflow}?cancel=true`)).status, 204);
  assert.equal((await api.expect(200, 'GET', `/api/v1/instances/${id}`))['status'], 'cancelled');
});

test('everything of an instance is hidden from another org', async () => {
  const id = String((await start(workflowId, { input: { name: 'Z' } }, '?wait=30'))['id']);
  const stranger = app.people.stranger.client;
  for (const path of ['', '/steps', '/events', '/steps/note/log', '/steps/note/attempts'])
    assert.equal((await stranger.call('GET', `/api/v1/instances/${id}${path}`)).status, 404, path);
  for (const command of ['pause', 'resume', 'cancel', 'retry', 'start'])
    assert.equal((await stranger.call('POST', `/api/v1/instances/${id}/${command}`)).status, 404, command);
  assert.equal((await stranger.call('POST', `/api/v1/instances/${id}/rerun`, { body: {} })).status, 404);
  assert.equal((await stranger.call('POST', `/api/v1/instances/${id}/steps/note/retry`)).status, 404);
  assert.equal((await stranger.call('DELETE', `/api/v1/instances/${id}`)).status, 404);
  assert.equal((await stranger.call('POST', `/api/v1/workflows/${workflowId}/instances`, { body: { input: { name: 'x' } } })).status, 404);
});

test('a step that waits for a slot says why its queue gives none', async () => {
  const root = app.people.superAdmin.client;
  await root.expect(200, 'PATCH', '/api/v1/queues/resting', { paused: true });
  const workflow = await root.expect(201, 'POST', '/api/v1/workflows', {
    name: 'Rests',
    nodes: [{ key: 'c', type: 'command', params: { command: ['true'] }, queue: 'resting' }],
    edges: [],
  });
  const instance = await root.expect(201, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances`, {});
  const reasonOf = async (): Promise<unknown> => {
    const { items } = await root.expect(200, 'GET', `/api/v1/instances/${String(instance['id'])}/steps`);
    return (items as { waitReason?: unknown }[])[0]?.waitReason;
  };
  const reason = await until('the reason', reasonOf);
  assert.deepEqual(reason, { kind: 'queue_paused', message: 'the queue resting is paused' });
  await root.expect(200, 'POST', `/api/v1/instances/${String(instance['id'])}/cancel`);
});

test('the steps of a map are listed level by level, and its items counted by status', async () => {
  const body = { nodes: [{ key: 'one', type: 'fail', params: { message: 'no' }, condition: 'item = 2' }], edges: [] };
  const made = await api.expect(201, 'POST', '/api/v1/workflows', {
    name: 'Maps',
    nodes: [{ key: 'each', type: 'map', params: { items: [1, 2, 3], onItemError: 'collect', body } }],
    edges: [],
  });
  const { id } = await start(String(made['id']), {}, '?wait=30');
  const pathsUnder = async (under: string): Promise<string[]> =>
    ((await api.expect(200, 'GET', `/api/v1/instances/${String(id)}/steps?under=${encodeURIComponent(under)}`))['items'] as { path: string }[])
      .map(({ path }) => path)
      .toSorted();
  assert.deepEqual(await pathsUnder('/'), ['each']);
  assert.deepEqual(await pathsUnder('each'), ['each[0]', 'each[1]', 'each[2]']);
  assert.deepEqual(await pathsUnder('each[1]'), ['each[1]/one']);
  assert.deepEqual(await pathsUnder("'; drop table steps; --"), []);
  const counted = await api.expect(200, 'GET', `/api/v1/instances/${String(id)}/steps/each/items`);
  assert.deepEqual(counted, { total: 3, counts: { completed: 2, failed: 1 }, count: 3 });
});
