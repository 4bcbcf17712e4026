import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import type { GraphNode } from '../contract/graph.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { testNode } from '../test/test-node.ts';

/** What ran, with the key it was handed. */
const ran: { value: Json; key: string }[] = [];

const counted = testNode({
  type: 'test.counted',
  params: z.strictObject({ value: z.json() }),
  run(params, context) {
    ran.push({ value: params.value, key: context.idempotencyKey });
    return { kind: 'output', output: { value: params.value, run: ran.length } };
  },
});

let harness: EngineHarness;
before(async () => {
  harness = await engineHarness({ types: [counted] });
});
after(() => harness.close());

function counting(policy: Partial<GraphNode>, value: Json = '{{ input.value }}'): GraphNode {
  return { key: 'a', type: 'test.counted', params: { value }, ...policy };
}

test('a step whose params were seen before is cached, and says whose result it has', async () => {
  const workflowId = await harness.publish({ nodes: [counting({ cache: { ttlS: 60 } })] });
  const first = await harness.start(workflowId, { value: 'x' });
  const { output } = await harness.ended(first);
  await harness.until(async () => (await harness.db.database.engine.query('select 1 from step_cache')).rows.length === 1, 'it is kept');
  const second = await harness.start(workflowId, { value: 'x' });
  assert.deepEqual((await harness.ended(second)).output, output);
  const { a } = await harness.steps(second);
  assert.equal(a?.status, 'cached');
  assert.match(a?.reason ?? '', new RegExp(`the result of a in ${first}`));
  assert.equal(ran.length, 1);
  const other = await harness.start(workflowId, { value: 'y' });
  assert.deepEqual((await harness.ended(other)).output, { value: 'y', run: 2 });
  await harness.clock.advance(61_000);
  const late = await harness.start(workflowId, { value: 'x' });
  assert.deepEqual((await harness.ended(late)).output, { value: 'x', run: 3 });
});

test('a key of its own decides what is the same', async () => {
  const workflowId = await harness.publish({ nodes: [counting({ cache: { ttlS: 60, key: 'input.customer' } })] });
  const first = await harness.ended(await harness.start(workflowId, { value: 1, customer: 'c' }));
  await harness.until(async () => (await harness.db.database.engine.query('select 1 from step_cache')).rows.length >= 3, 'it is kept');
  const second = await harness.ended(await harness.start(workflowId, { value: 2, customer: 'c' }));
  assert.deepEqual(second.output, first.output);
});

test('a map is cached as a whole', async () => {
  const body = { nodes: [counting({ key: 'inner' }, '{{ item }}')], edges: [] } as unknown as Json;
  const workflowId = await harness.publish({ nodes: [{ key: 'each', type: 'map', params: { items: [7, 8], body }, cache: { ttlS: 60 } }] });
  const first = await harness.ended(await harness.start(workflowId));
  const before = ran.length;
  await harness.until(
    async () => (await harness.db.database.engine.query(`select 1 from step_cache where step_path = 'each'`)).rows.length === 1,
    'it is kept',
  );
  const id = await harness.start(workflowId);
  assert.deepEqual((await harness.ended(id)).output, first.output);
  assert.equal((await harness.steps(id))['each']?.status, 'cached');
  assert.equal(ran.length, before);
});

test('an idempotency key of its own reaches the node; an empty one is refused', async () => {
  await harness.run({ nodes: [counting({ idempotencyKey: 'order-{{ input.order }}' }, 1)] }, { order: 7 });
  assert.equal(ran.at(-1)?.key, 'order-7');
  const { instance } = await harness.run({ nodes: [counting({ idempotencyKey: '{{ input.nothing }}' }, 1)] });
  assert.equal(instance.error?.code, 'bad_key');
});
