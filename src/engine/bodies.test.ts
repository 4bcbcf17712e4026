import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import { NodeError } from '../nodes/kit.ts';
import { listSteps } from '../store/steps.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { body, node, set } from '../test/graph-nodes.ts';
import { testNode } from '../test/test-node.ts';

/** How often each thing was done. */
const done = new Map<string, number>();

/** Fails as often as `fails` says, by name. */
const flaky = testNode({
  type: 'test.flaky',
  params: z.strictObject({ name: z.json(), fails: z.json() }),
  async run(params) {
    const name = JSON.stringify(params.name);
    const count = (done.get(name) ?? 0) + 1;
    done.set(name, count);
    await Promise.resolve();
    if (count <= Number(params.fails)) throw new NodeError('flaky', `try ${count} of ${name}`);
    return { kind: 'output', output: { name: params.name, tries: count } };
  },
});

let harness: EngineHarness;
before(async () => {
  harness = await engineHarness({ types: [flaky] });
});
after(() => harness.close());

test('a map runs its body once an item, and its output keeps the order of the items', async () => {
  const { instance, steps } = await harness.run(
    {
      nodes: [
        node('each', 'map', {
          items: '{{ input.names }}',
          concurrency: 2,
          body: body([set('a', { n: '{{ item }}', at: '{{ index }}' }), set('b', { all: '{{ steps.a.output.n & "!" }}' })], [{ from: 'a', to: 'b' }]),
        }),
        set('after', { first: '{{ steps.each.output.items[0].all }}' }),
      ],
      edges: [{ from: 'each', to: 'after' }],
    },
    { names: ['x', 'y', 'z'] },
  );
  assert.deepEqual(instance.output, { first: 'x!' }, JSON.stringify(instance.error));
  assert.deepEqual(steps['each']?.output, { items: [{ all: 'x!' }, { all: 'y!' }, { all: 'z!' }], failed: 0 });
  assert.deepEqual(steps['each[1]/a']?.output, { n: 'y', at: 1 });
  assert.deepEqual([steps['each[1]']?.status, steps['each[1]']?.output], ['completed', { all: 'y!' }]);
});

test('a map whose items all end in the moment they start ends once, and what follows it runs', async () => {
  for (const concurrency of [1, 2, 16]) {
    const { instance, steps } = await harness.run({
      nodes: [
        node('each', 'map', { items: [1, 2], concurrency, body: body([node('same', 'noop', { output: '{{ item }}' })]) }),
        node('after', 'noop', { output: '{{ steps.each.output.items }}' }),
      ],
      edges: [{ from: 'each', to: 'after' }],
    });
    assert.deepEqual(instance.output, [1, 2], `concurrency ${concurrency}`);
    assert.equal(steps['after']?.status, 'completed');
  }
});

test('a map of nothing gives nothing', async () => {
  const { instance } = await harness.run({ nodes: [node('each', 'map', { items: [], body: body([node('one', 'noop')]) })] });
  assert.deepEqual(instance.output, { items: [], failed: 0 });
});

test('items can not hold secrets: they would be kept as they are', async () => {
  harness.secrets.set('CANARY', 'canary-51ad');
  const { id, instance } = await harness.run({
    nodes: [node('each', 'map', { items: ['{{ secrets.CANARY }}', 'x'], body: body([node('show', 'noop', { output: '{{ item }}' })]) })],
  });
  assert.equal(instance.error?.code, 'secret_use');
  assert.doesNotMatch(JSON.stringify([instance, await harness.steps(id), await harness.events(id)]), /canary-51ad/);
});

test('maps nest, and reach out to the item around them', async () => {
  const inner = node('inner', 'map', {
    items: '{{ item }}',
    body: body([set('leaf', { v: '{{ parent.index & "." & index & "=" & item }}', outer: '{{ steps.top.output.t }}' })]),
  });
  const { instance } = await harness.run(
    { nodes: [set('top', { t: 7 }), node('outer', 'map', { items: '{{ input.rows }}', body: body([inner]) })], edges: [{ from: 'top', to: 'outer' }] },
    { rows: [['a', 'b'], ['c']] },
  );
  assert.deepEqual(
    instance.output,
    {
      items: [
        {
          items: [
            { v: '0.0=a', outer: 7 },
            { v: '0.1=b', outer: 7 },
          ],
          failed: 0,
        },
        { items: [{ v: '1.0=c', outer: 7 }], failed: 0 },
      ],
      failed: 0,
    },
    JSON.stringify(instance.error),
  );
});

test('a failed item fails the map, leaves a null, or is named, as it is asked for', async () => {
  const run = async (onItemError: string): Promise<{ status: string; output: Json; error: string | undefined }> => {
    const failing = node('one', 'fail', { message: 'no {{ item }}', code: 'nope' }, { condition: 'item = 2' });
    const { instance } = await harness.run({
      nodes: [
        node('each', 'map', {
          items: [1, 2, 3],
          onItemError,
          concurrency: 1,
          body: body([set('v', { v: '{{ item }}' }), failing], [{ from: 'v', to: 'one' }]),
        }),
      ],
    });
    return { status: instance.status, output: instance.output, error: instance.error?.code };
  };
  assert.deepEqual(await run('fail'), { status: 'failed', output: null, error: 'item_failed' });
  assert.deepEqual(await run('continue'), { status: 'completed', output: { items: [null, null, null], failed: 1 }, error: undefined });
  assert.deepEqual(await run('collect'), {
    status: 'completed',
    output: { items: [null, null, null], failed: 1, errors: [{ index: 1, code: 'nope', message: 'no 2' }] },
    error: undefined,
  });
});

test('a whole item is tried again, in a new generation of its steps', async () => {
  const id = await harness.start(
    await harness.publish({
      nodes: [
        node('each', 'map', {
          items: ['r1', 'r2'],
          itemRetry: { maxAttempts: 3, backoffMs: 1_000, jitter: 0 },
          body: body(
            [set('pre', { p: '{{ item }}' }), node('try', 'test.flaky', { name: '{{ item }}', fails: '{{ item = "r2" ? 1 : 0 }}' })],
            [{ from: 'pre', to: 'try' }],
          ),
        }),
      ],
    }),
  );
  await harness.until(async () => (await harness.steps(id))['each[1]']?.status === 'waiting', 'the pause');
  await harness.clock.advance(1_000);
  const instance = await harness.ended(id);
  const steps = await harness.steps(id);
  assert.deepEqual(
    instance.output,
    {
      items: [
        { name: 'r1', tries: 1 },
        { name: 'r2', tries: 2 },
      ],
      failed: 0,
    },
    JSON.stringify(instance.error),
  );
  assert.deepEqual([steps['each[1]']?.attempt, steps['each[1]/pre']?.generation, steps['each[0]/pre']?.generation], [2, 2, 1]);
});

test('a failed map that is retried goes on with what it has; a single item can be run again', async () => {
  const { id, instance } = await harness.run({
    nodes: [
      node('each', 'map', {
        items: ['s1', 's2', 's3'],
        concurrency: 1,
        body: body([node('try', 'test.flaky', { name: '{{ item }}', fails: '{{ item = "s2" ? 1 : 0 }}' })]),
      }),
      set('after', { n: '{{ $count(steps.each.output.items) }}' }),
    ],
    edges: [{ from: 'each', to: 'after' }],
  });
  assert.deepEqual([instance.status, instance.error?.code], ['failed', 'item_failed']);
  await harness.engine.commandInstance({ orgId: harness.orgId, id, command: 'retry', requestId: 'req_2' });
  const again = await harness.ended(id);
  assert.deepEqual(again.output, { n: 3 }, JSON.stringify(again.error));
  const steps = await harness.steps(id);
  assert.deepEqual([done.get('"s1"'), done.get('"s2"'), done.get('"s3"')], [1, 2, 1]);
  assert.deepEqual([steps['each']?.generation, steps['each[0]']?.generation, steps['each[1]']?.generation], [2, 1, 2]);

  const effect = await harness.engine.commandStep({ orgId: harness.orgId, id, path: 'each[0]', command: 'retry', requestId: 'req_3' });
  assert.equal(effect, 'isolated', 'what follows the map has run already');
  await harness.until(
    async () => (await harness.steps(id))['each']?.status === 'completed' && (await harness.instance(id)).status === 'completed',
    'the item again',
  );
  assert.equal(done.get('"s1"'), 2);
  const last = await harness.steps(id);
  const gathered = last['each']?.output as { items: Json[] } | undefined;
  assert.deepEqual(gathered?.items[0], { name: 's1', tries: 2 });
  assert.equal(last['each']?.generation, 3);
});

test('a loop goes on while its condition holds, and says why it ended', async () => {
  const { instance, steps } = await harness.run({
    nodes: [node('grow', 'loop', { while: 'index = 0 or previous.n < 20', body: body([set('n', { n: '{{ (previous.n ? previous.n : 1) * 3 }}' })]) })],
  });
  assert.deepEqual(instance.output, { iterations: 3, output: { n: 27 } }, JSON.stringify(instance.error));
  assert.match(steps['grow']?.reason ?? '', /false after 3 rounds/);
  assert.deepEqual(steps['grow[2]/n']?.output, { n: 27 });
});

test('a loop that does not end is ended by its limit', async () => {
  const endless = { while: 'true', maxIterations: 5, body: body([node('one', 'noop')]) };
  const { instance } = await harness.run({ nodes: [node('on', 'loop', endless)] });
  assert.deepEqual([instance.status, instance.error?.code], ['failed', 'max_iterations']);
  const { instance: stopped } = await harness.run({ nodes: [node('on', 'loop', { ...endless, onLimit: 'stop' })] });
  assert.deepEqual([stopped.status, stopped.output], ['completed', { iterations: 5, output: {} }]);
});

test('a map goes on after a crash where it was, and runs nothing twice that is recorded', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
  const workflowId = await harness.publish({
    nodes: [
      node('each', 'map', {
        items: names,
        concurrency: 3,
        body: body(
          [node('wait', 'wait.timer', { durationMs: 1_000 }), node('try', 'test.flaky', { name: '{{ item }}', fails: 0 })],
          [{ from: 'wait', to: 'try' }],
        ),
      }),
    ],
  });
  const id = await harness.start(workflowId);
  await harness.until(async () => Object.keys(await harness.steps(id)).length >= 4, 'the first items wait');
  for (let round = 0; round < 12 && !['completed', 'failed'].includes((await harness.instance(id)).status); round++) {
    if (round % 3 === 1) {
      await harness.takeOver();
    }
    await harness.clock.advance(1_000);
    await harness.until(() => harness.engine.stats.running === 0 && harness.engine.stats.ready === 0, 'quiet');
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const instance = await harness.ended(id);
  assert.equal(instance.status, 'completed', JSON.stringify(instance.error));
  assert.deepEqual(
    (instance.output as { items: { name: string }[] }).items.map((item) => item.name),
    names,
  );
});

test('a large map keeps its items and results outside memory, and its output as an artifact', async () => {
  const items = Array.from({ length: 3_000 }, (_, index) => ({ id: index, text: 'x'.repeat(120) }));
  const { id, instance } = await harness.run(
    {
      nodes: [
        node('each', 'map', { items: '{{ input.items }}', concurrency: 200, body: body([set('v', { id: '{{ item.id }}', text: '{{ item.text }}' })]) }),
        set('after', { last: '{{ steps.each.output.items[2999].id }}', failed: '{{ steps.each.output.failed }}' }),
      ],
      edges: [{ from: 'each', to: 'after' }],
    },
    { items },
  );
  assert.deepEqual(instance.output, { last: 2_999, failed: 0 }, JSON.stringify(instance.error));
  const [each] = await listSteps(harness.db.database.engine, { orgId: harness.orgId, instanceId: id, path: 'each', after: 0, limit: 1 });
  assert.ok(Object.hasOwn(each?.output as object, '$artifact'));
  assert.deepEqual(each?.input, { items: { count: 3_000 } });
});
