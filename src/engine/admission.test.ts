import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import type { Definition } from '../contract/graph.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';

let harness: EngineHarness;
before(async () => {
  harness = await engineHarness();
});
after(() => harness.close());

/** A workflow whose instances run until their timer ends. */
function limited(settings: Definition['settings']): Promise<string> {
  return harness.publish({ nodes: [{ key: 'work', type: 'wait.timer', params: { durationMs: 10_000 } }], edges: [], settings });
}

async function statuses(ids: readonly string[]): Promise<string[]> {
  return Promise.all(ids.map(async (id) => (await harness.instance(id)).status));
}

async function start(workflowId: string, inputs: readonly Json[]): Promise<string[]> {
  const ids: string[] = [];
  for (const input of inputs) ids.push(await harness.start(workflowId, input));
  return ids;
}

test('one more than may run at once waits, says why, and starts when one ends', async () => {
  const ids = await start(await limited({ concurrency: { limit: 2, policy: 'queue' } }), [{}, {}, {}]);
  assert.deepEqual(await statuses(ids), ['waiting', 'waiting', 'pending']);
  const [, , last = ''] = ids;
  assert.match((await harness.instance(last)).waiting?.message ?? '', /at most 2 run at once/);
  await harness.clock.advance(10_000);
  await harness.until(async () => (await harness.instance(last)).status === 'waiting', 'the third starts');
  assert.deepEqual(
    (await harness.events(last)).slice(0, 2).map((event) => event.type),
    ['engine:instance:created', 'engine:instance:started'],
  );
  await harness.clock.advance(10_000);
  assert.equal((await harness.ended(last)).status, 'completed');
});

test('each key has places of its own, and the important come first', async () => {
  const workflowId = await limited({ concurrency: { limit: 1, key: 'input.customer', policy: 'queue' } });
  const ids = await start(workflowId, [{ customer: 'a' }, { customer: 'b' }, { customer: 'a' }]);
  const { id: urgent } = await harness.engine.startInstance({
    orgId: harness.orgId,
    workflowId,
    input: { customer: 'a' },
    priority: 100,
    startedBy: 'manual',
    requestId: 'r',
  });
  assert.deepEqual(await statuses([...ids, urgent]), ['waiting', 'waiting', 'pending', 'pending']);
  await harness.clock.advance(10_000);
  await harness.until(async () => (await harness.instance(urgent)).status === 'waiting', 'the urgent one starts');
  assert.equal((await harness.instance(ids[2] ?? '')).status, 'pending');
});

test('with cancel-new one too many is cancelled and says so; with cancel-old the oldest gives way', async () => {
  const ids = await start(await limited({ concurrency: { limit: 1, policy: 'cancel-new' } }), [{}, {}]);
  assert.deepEqual(await statuses(ids), ['waiting', 'cancelled']);
  assert.equal((await harness.instance(ids[1] ?? '')).error?.code, 'limit_reached');

  const others = await start(await limited({ concurrency: { limit: 1, policy: 'cancel-old' } }), [{}, {}]);
  await harness.until(async () => (await harness.instance(others[1] ?? '')).status === 'waiting', 'the new one starts');
  assert.deepEqual(await statuses(others), ['cancelled', 'waiting']);
  assert.equal((await harness.instance(others[0] ?? '')).error?.code, 'gave_way');
});

test('a rate lets so many start in a while, and the others as it allows', async () => {
  const ids = await start(await limited({ rateLimit: { limit: 2, perS: 60 } }), [{}, {}, {}]);
  assert.deepEqual(await statuses(ids), ['waiting', 'waiting', 'pending']);
  await harness.clock.advance(59_000);
  assert.deepEqual(await statuses(ids.slice(2)), ['pending']);
  await harness.clock.advance(2_000);
  await harness.until(async () => (await harness.instance(ids[2] ?? '')).status === 'waiting', 'the third starts');
});

test('what waits for its turn waits on after a crash, and a place that a crash left is free again', async () => {
  const workflowId = await limited({ concurrency: { limit: 1, policy: 'queue' } });
  const ids = await start(workflowId, [{}, {}]);
  await harness.takeOver();
  assert.deepEqual(await statuses(ids), ['waiting', 'pending']);
  await harness.clock.advance(10_000);
  await harness.until(async () => (await harness.instance(ids[1] ?? '')).status === 'waiting', 'the second starts');
  // The place of one that ended without a word: its release is lost with the process.
  await harness.db.database.engine.query(`update admissions set released_at = null where instance_id = $1`, [ids[0]]);
  const [third = ''] = await start(workflowId, [{}]);
  await harness.until(async () => {
    await harness.clock.advance(1_000);
    return (await harness.instance(third)).status !== 'pending';
  }, 'the third starts');
});

test('a place that was given right before a crash is taken up first, however important who waits is', async () => {
  const workflowId = await limited({ concurrency: { limit: 1, policy: 'queue' } });
  const [first = '', second = ''] = await start(workflowId, [{}, {}]);
  harness.engine.crash();
  // The first has ended, the second was let in: the crash came before it could begin.
  await harness.db.database.engine.query(`update instances set status = 'cancelled', ended_at = now() where id = $1`, [first]);
  await harness.db.database.engine.query(`update admissions set instance_id = $2 where instance_id = $1`, [first, second]);
  await harness.boot();
  const request = { orgId: harness.orgId, workflowId, input: {}, priority: 100, startedBy: 'manual', requestId: 'r' };
  const { id: urgent } = await harness.engine.startInstance(request);
  await harness.until(async () => (await harness.instance(second)).status === 'waiting', 'the second begins');
  assert.equal((await harness.instance(urgent)).status, 'pending');
});

test('one that is retried goes past the limit, and counts', async () => {
  const workflowId = await limited({ concurrency: { limit: 1, policy: 'queue' } });
  const [first = ''] = await start(workflowId, [{}]);
  await harness.engine.commandInstance({ orgId: harness.orgId, id: first, command: 'cancel', requestId: 'r' });
  const [second = ''] = await start(workflowId, [{}]);
  await harness.engine.commandInstance({ orgId: harness.orgId, id: first, command: 'retry', requestId: 'r' });
  const [third = ''] = await start(workflowId, [{}]);
  await harness.until(async () => (await harness.instance(first)).status === 'waiting', 'both run');
  await harness.engine.commandInstance({ orgId: harness.orgId, id: second, command: 'cancel', requestId: 'r' });
  await harness.clock.advance(2_000);
  assert.deepEqual(await statuses([first, second, third]), ['waiting', 'cancelled', 'pending']);
  await harness.engine.commandInstance({ orgId: harness.orgId, id: first, command: 'cancel', requestId: 'r' });
  await harness.until(async () => (await harness.instance(third)).status === 'waiting', 'the third starts');
});

test('with cancel-new nobody is one too many because a place was not given back yet', async () => {
  const workflowId = await limited({ concurrency: { limit: 1, policy: 'cancel-new' } });
  const [first = ''] = await start(workflowId, [{}]);
  await harness.engine.commandInstance({ orgId: harness.orgId, id: first, command: 'cancel', requestId: 'r' });
  await harness.db.database.engine.query(`update admissions set released_at = null where instance_id = $1`, [first]);
  const ids = await start(workflowId, [{}, {}]);
  assert.deepEqual(await statuses(ids), ['waiting', 'cancelled']);
});

test('a pending instance can be cancelled, or started by hand', async () => {
  const workflowId = await limited({ concurrency: { limit: 1, policy: 'queue' } });
  const ids = await start(workflowId, [{}, {}, {}]);
  const [, second = '', third = ''] = ids;
  await harness.engine.commandInstance({ orgId: harness.orgId, id: second, command: 'cancel', requestId: 'r' });
  await harness.engine.commandInstance({ orgId: harness.orgId, id: third, command: 'start', requestId: 'r' });
  await harness.until(async () => (await harness.instance(third)).status === 'waiting', 'it runs');
  assert.deepEqual(await statuses(ids), ['waiting', 'cancelled', 'waiting']);
});

test('a batch keeps to the limit', async () => {
  const workflowId = await limited({ concurrency: { limit: 3, policy: 'queue' } });
  const ids = await harness.engine.startBatch({
    orgId: harness.orgId,
    workflowId,
    inputs: Array.from({ length: 8 }, () => ({})),
    startedBy: 'manual',
    requestId: 'r',
  });
  await harness.until(async () => (await statuses(ids)).filter((status) => status === 'waiting').length === 3, 'three run');
  assert.equal((await statuses(ids)).filter((status) => status === 'pending').length, 5);
});
