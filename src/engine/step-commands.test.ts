/** What people do to single steps and to what has ended: complete, skip, cancel, edit the result, retry, rerun, delete. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createLogger } from '../kernel/log.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { flakyNode } from '../test/flaky-node.ts';

const flaky = flakyNode();
let h: EngineHarness;
before(async () => {
  h = await engineHarness({ types: [flaky.type] });
});
after(() => h.close());

const ids = (id: string) => ({ orgId: h.orgId, id, requestId: 'req_step' });

test('a waiting step can be completed, skipped and cancelled by hand', async () => {
  const workflow = await h.publish({
    nodes: [
      { key: 'wait', type: 'wait.timer', params: { durationMs: 1e9 } },
      { key: 'then', type: 'noop', params: { output: '{{ steps.wait.output }}' } },
    ],
    edges: [{ from: 'wait', to: 'then' }],
  });
  const startWaiting = async (): Promise<string> => {
    const id = await h.start(workflow);
    await h.until(async () => (await h.instance(id)).status === 'waiting');
    return id;
  };
  const completed = await startWaiting();
  assert.equal(await h.engine.commandStep({ ...ids(completed), path: 'wait', command: 'complete', output: { by: 'hand' } }), 'advancing');
  assert.deepEqual((await h.ended(completed)).output, { by: 'hand' });

  const skipped = await startWaiting();
  assert.equal(await h.engine.commandStep({ ...ids(skipped), path: 'wait', command: 'skip' }), 'advancing');
  assert.equal((await h.ended(skipped)).output, null);
  assert.equal((await h.steps(skipped))['wait']?.status, 'skipped');

  const cancelled = await startWaiting();
  await h.engine.commandStep({ ...ids(cancelled), path: 'wait', command: 'cancel' });
  const instance = await h.ended(cancelled);
  assert.deepEqual([instance.status, instance.error?.step], ['failed', 'wait']);
  await assert.rejects(
    h.engine.commandStep({ ...ids(cancelled), path: 'wait', command: 'complete' }),
    /step wait is cancelled; complete applies to waiting steps/,
  );
  await assert.rejects(h.engine.commandStep({ ...ids(cancelled), path: 'nobody', command: 'retry' }), /has no step "nobody"/);
});

test('a step that has not begun can be skipped, and what follows goes on', async () => {
  const id = await h.start(
    await h.publish({
      nodes: [
        { key: 'wait', type: 'wait.timer', params: { durationMs: 1e9 } },
        { key: 'b', type: 'template', params: { text: '{{ secrets.NEVER }}' } },
        { key: 'c', type: 'noop', params: { output: 'c' } },
      ],
      edges: [
        { from: 'wait', to: 'b' },
        { from: 'b', to: 'c' },
      ],
    }),
  );
  await h.until(async () => (await h.instance(id)).status === 'waiting');
  await h.engine.commandStep({ ...ids(id), path: 'b', command: 'skip' });
  await h.until(async () => (await h.steps(id))['c']?.status === 'completed');
  await h.engine.commandStep({ ...ids(id), path: 'wait', command: 'complete' });
  assert.deepEqual([(await h.ended(id)).status, (await h.ended(id)).output], ['completed', 'c']);
});

test('an edited result of the step that failed lets the instance go on', async () => {
  const { id } = await h.run({
    nodes: [
      { key: 'f', type: 'test.flaky', params: { failures: 99 } },
      { key: 'then', type: 'noop', params: { output: '{{ steps.f.output.fixed }}' } },
    ],
    edges: [{ from: 'f', to: 'then' }],
  });
  assert.equal(await h.engine.commandStep({ ...ids(id), path: 'f', command: 'result', output: { fixed: 7 } }), 'advancing');
  const instance = await h.ended(id);
  assert.deepEqual([instance.status, instance.output], ['completed', 7]);
  assert.equal((await h.steps(id))['f']?.generation, 2);
});

test('an edited result of a step whose successors have run changes it alone', async () => {
  const { id, instance } = await h.run({
    nodes: [
      { key: 'a', type: 'noop', params: { output: 1 } },
      { key: 'b', type: 'noop', params: { output: '{{ steps.a.output }}' } },
    ],
    edges: [{ from: 'a', to: 'b' }],
  });
  assert.equal(await h.engine.commandStep({ ...ids(id), path: 'a', command: 'result', output: 5 }), 'isolated');
  const after = await h.instance(id);
  assert.deepEqual([after.status, after.output, after.endedAt], ['completed', 1, instance.endedAt]);
  const steps = await h.steps(id);
  assert.deepEqual([steps['a']?.output, steps['a']?.generation, steps['b']?.generation], [5, 2, 1]);
  const sequences = (await h.events(id)).map((event) => event.sequence);
  assert.deepEqual(
    sequences,
    sequences.map((_, index) => index + 1),
  );
  assert.equal(after.seq, sequences.length);
});

test('a retried step of a completed instance runs alone, and the instance ends again', async () => {
  const { id } = await h.run({
    nodes: [
      { key: 'f', type: 'test.flaky', params: { failures: 0 } },
      { key: 'b', type: 'noop', params: { effect: true } },
    ],
    edges: [{ from: 'f', to: 'b' }],
  });
  assert.equal(await h.engine.commandStep({ ...ids(id), path: 'f', command: 'retry' }), 'isolated');
  assert.equal((await h.ended(id)).status, 'completed');
  const steps = await h.steps(id);
  assert.deepEqual([steps['f']?.generation, steps['f']?.status, steps['b']?.generation], [2, 'completed', 1]);
});

test('rerun from a step takes over what came before', async () => {
  const { id } = await h.run(
    {
      nodes: [
        { key: 'f', type: 'test.flaky', params: { failures: 0 } },
        { key: 'b', type: 'noop', params: { output: '{{ steps.f.output.count & input.x }}' } },
      ],
      edges: [{ from: 'f', to: 'b' }],
    },
    { x: 'a' },
  );
  const again = await h.engine.rerunInstance({ orgId: h.orgId, instanceId: id, from: 'b', version: 'same', input: { x: 'b' }, requestId: 'r' });
  const instance = await h.ended(again.id);
  assert.deepEqual([instance.status, instance.output, instance.rerunOf], ['completed', '1b', id]);
  const steps = await h.steps(again.id);
  assert.deepEqual([steps['f']?.status, steps['f']?.reason], ['cached', `taken over from ${id}`]);
  assert.equal(flaky.tries.get(`${again.id}/f/1`), undefined);
  await assert.rejects(h.engine.rerunInstance({ orgId: h.orgId, instanceId: id, from: 'nobody', version: 'same', requestId: 'r' }), /has no step "nobody"/);
});

test('an ended instance can be deleted with all its rows, a live one not', async () => {
  const { id } = await h.run({ nodes: [{ key: 'a', type: 'log', params: { message: 'hi' } }] });
  await h.engine.deleteInstance({ orgId: h.orgId, id, requestId: 'r' });
  await assert.rejects(h.instance(id), /no instance/);
  const { rows } = await h.db.database.engine.query(`select 1 from steps where instance_id = $1 union all select 1 from step_logs where instance_id = $1`, [
    id,
  ]);
  assert.equal(rows.length, 0);
  const live = await h.start(await h.publish({ nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 1e9 } }] }));
  await assert.rejects(h.engine.deleteInstance({ orgId: h.orgId, id: live, requestId: 'r' }), /cancel it first/);
});

test('an instance that ends and is reopened by many at once stays one instance in memory', async () => {
  const lines: string[] = [];
  const own = await engineHarness({ log: createLogger({ level: 'error', destination: { write: (line) => void lines.push(line) } }) });
  try {
    const id = await own.start(
      await own.publish({
        nodes: [
          { key: 'pause', type: 'wait.timer', params: { durationMs: 30_000 } },
          { key: 'last', type: 'noop' },
        ],
        edges: [{ from: 'pause', to: 'last' }],
      }),
    );
    await own.until(async () => (await own.instance(id)).status === 'waiting', 'the wait');
    const commands = ['complete', 'skip', 'cancel', 'retry', 'result'] as const;
    await Promise.allSettled(
      Array.from({ length: 300 }, async (_, index) => {
        // As calls arrive: not in one turn.
        for (let turn = 0; turn < index * 4; turn++) await new Promise((resolve) => setImmediate(resolve));
        await own.engine.commandStep({
          orgId: own.orgId,
          id,
          path: 'pause',
          command: commands[index % 5] ?? 'retry',
          output: index,
          requestId: `req_${index}`,
        });
      }),
    );
    await own.engine.commandStep({ orgId: own.orgId, id, path: 'pause', command: 'cancel', requestId: 'req_last' }).catch(() => undefined);
    // A second one of it would wake by its timer, and find that its rows have moved.
    await own.clock.advance(60_000);
    await own.engine.commandStep({ orgId: own.orgId, id, path: 'pause', command: 'retry', requestId: 'req_after' });
    await own.clock.advance(60_000);
    await own.ended(id);
    assert.deepEqual(lines, []);
  } finally {
    await own.close();
  }
});
