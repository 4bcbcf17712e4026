/** Crashes at every failpoint, takeovers, fencing: after each, one recorded result per step, nothing lost, nothing stuck. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { setFailpoints } from '../kernel/failpoint.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { testNode } from '../test/test-node.ts';

const runs = new Map<string, number>();
/** Counts how often its body ran, by idempotency key. */
const counted = testNode({
  type: 'test.counted',
  params: z.strictObject({ value: z.json().optional() }),
  async run(params, context) {
    runs.set(context.idempotencyKey, (runs.get(context.idempotencyKey) ?? 0) + 1);
    await Promise.resolve();
    return { kind: 'output', output: params.value ?? null };
  },
});

const definition = {
  nodes: [
    { key: 'a', type: 'test.counted', params: { value: '{{ input.n }}' } },
    { key: 'p', type: 'set', params: { values: { twice: '{{ steps.a.output }}' } } },
    { key: 'if', type: 'branch.if', params: { condition: '{{ steps.p.output.twice }}' } },
    { key: 'b', type: 'test.counted', params: { value: '{{ steps.p.output.twice }}' } },
    { key: 'no', type: 'test.counted' },
    { key: 'wait', type: 'wait.timer', params: { durationMs: 1_000 } },
    { key: 'join', type: 'merge', params: {} },
    { key: 'c', type: 'test.counted', params: { value: '{{ steps.b.output }}' } },
  ],
  edges: [
    { from: 'a', to: 'p' },
    { from: 'p', to: 'if' },
    { from: 'if.true', to: 'b' },
    { from: 'if.false', to: 'no' },
    { from: 'a', to: 'wait' },
    { from: 'b', to: 'join' },
    { from: 'no', to: 'join' },
    { from: 'wait', to: 'join' },
    { from: 'join', to: 'c' },
  ],
};

/** Instances that were acknowledged must end as the model says; every other one that is there, too. */
async function check(h: EngineHarness, acknowledged: readonly string[]): Promise<void> {
  const { rows } = await h.db.database.engine.query<{ id: string }>('select id from instances');
  assert.deepEqual(
    acknowledged.filter((id) => !rows.some((row) => row.id === id)),
    [],
    'no acknowledged instance is lost',
  );
  for (const { id } of rows) {
    const instance = await endWithTime(h, id);
    assert.deepEqual([instance.status, instance.output], ['completed', 1], id);
    const steps = await h.steps(id);
    assert.deepEqual(Object.fromEntries(Object.entries(steps).map(([key, step]) => [key, `${step.status} ${step.generation}`])), {
      a: 'completed 1',
      p: 'completed 1',
      if: 'completed 1',
      b: 'completed 1',
      no: 'skipped 1',
      wait: 'completed 1',
      join: 'completed 1',
      c: 'completed 1',
    });
    const events = await h.events(id);
    assert.deepEqual(
      events.map((event) => event.sequence),
      events.map((_, index) => index + 1),
      'sequences have no gap and none comes twice',
    );
    assert.equal(events.filter((event) => event.type === 'engine:step:completed').length, 7, 'each step has one recorded result');
    assert.equal(runs.has(`${id}/no/1`), false, 'a skipped step never ran');
  }
}

async function endWithTime(h: EngineHarness, id: string): ReturnType<EngineHarness['instance']> {
  await h.until(async () => {
    const { status } = await h.instance(id);
    if (status === 'waiting') await h.clock.advance(1_000);
    return status === 'completed' || status === 'failed' || status === 'cancelled';
  }, `${id} ends`);
  return h.instance(id);
}

/** Drops the engine at the n-th passing of a failpoint, then boots another until the work is done. */
async function crashAt(name: string, nth: number): Promise<boolean> {
  const h = await engineHarness({ types: [counted] });
  let passed = 0;
  let hasCrashed = false;
  const restore = setFailpoints((point) => {
    if (point !== name || hasCrashed || ++passed !== nth) return;
    hasCrashed = true;
    h.engine.crash();
    // A dead process answers nothing more.
    return new Promise(() => undefined);
  });
  try {
    const acknowledged: string[] = [];
    const workflow = await h.publish(definition);
    const starts = Array.from({ length: 3 }, () =>
      h.engine.startInstance({ orgId: h.orgId, workflowId: workflow, input: { n: 1 }, startedBy: 'manual', requestId: 'r' }).then(
        ({ id }) => acknowledged.push(id),
        () => undefined,
      ),
    );
    await Promise.race([Promise.allSettled(starts), h.until(() => hasCrashed, 'the crash').catch(() => undefined)]);
    for (let turn = 0; turn < 200 && !hasCrashed; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (turn % 20 === 19) await h.clock.advance(1_000);
      if (turn > 60 && (await h.db.database.engine.query(`select 1 from instances where status <> 'completed'`)).rows.length === 0) break;
    }
    if (!hasCrashed) h.engine.crash();
    await h.boot();
    await check(h, acknowledged);
    const { rows } = await h.db.database.engine.query<{ n: number }>('select count(*)::int as n from owners');
    assert.equal(rows[0]?.n, 1, 'the dead owner is gone');
    return hasCrashed;
  } finally {
    restore();
    await h.close();
  }
}

for (const name of ['journal.before_commit', 'journal.after_commit']) {
  for (const nth of [1, 2, 3, 4, 5, 6]) {
    test(`a crash at ${name}, the ${nth}. time, loses nothing and repeats nothing that is recorded`, async () => {
      const hasCrashed = await crashAt(name, nth);
      assert.ok(hasCrashed || nth > 3, 'the failpoint was reached');
    });
  }
}

test('a crash between the stages of a start leaves the instance whole or not there', async () => {
  for (const nth of [1, 2, 3]) assert.equal(await crashAt('start.staged', nth), true);
});

test('a step whose result is recorded is not run again after a crash', async () => {
  runs.clear();
  const h = await engineHarness({ types: [counted] });
  const id = await h.start(await h.publish(definition), { n: 1 });
  await h.until(async () => (await h.instance(id)).status === 'waiting');
  await h.takeOver();
  await endWithTime(h, id);
  assert.deepEqual([runs.get(`${id}/a/1`), runs.get(`${id}/b/1`), runs.get(`${id}/c/1`)], [1, 1, 1]);
  await h.close();
});

test('a timer that became due while nobody ran fires at once, and only once', async () => {
  const h = await engineHarness();
  const id = await h.start(await h.publish({ nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 60_000 } }] }));
  await h.until(async () => (await h.instance(id)).status === 'waiting');
  h.engine.crash();
  await h.clock.advance(3_600_000);
  await h.boot();
  const instance = await h.ended(id);
  assert.deepEqual(instance.output, { waitedMs: 3_600_000 });
  assert.equal((await h.events(id)).filter((event) => event.type === 'engine:step:completed').length, 1);
  await h.close();
});

test('an owner that was taken for dead commits nothing more, and comes back as a new one', async () => {
  const h = await engineHarness({ types: [counted] });
  const frozen = h.engine;
  const id = await h.start(
    await h.publish({
      nodes: [
        { key: 'wait', type: 'wait.timer', params: { durationMs: 1_000 } },
        { key: 'c', type: 'test.counted' },
      ],
      edges: [{ from: 'wait', to: 'c' }],
    }),
  );
  await h.until(async () => (await h.instance(id)).status === 'waiting');
  // The second process buries the first, which does not know.
  const second = await h.boot({ database: h.db.open() });
  assert.notEqual(frozen.ownerId, second.ownerId);
  await h.clock.advance(1_000);
  const instance = await h.ended(id);
  assert.equal(instance.status, 'completed');
  const events = await h.events(id);
  assert.deepEqual(
    events.map((event) => event.sequence),
    events.map((_, index) => index + 1),
  );
  assert.equal(events.filter((event) => event.type === 'engine:step:completed').length, 2);
  await h.until(async () => {
    await h.clock.advance(5_000);
    return (await h.db.database.engine.query('select 1 from owners')).rows.length >= 1 && frozen.stats.lives === 0;
  }, 'the frozen one lets go');
  await h.close();
});

test('a command for an instance of another process is carried out by its owner', async () => {
  const h = await engineHarness();
  const first = h.engine;
  const id = await h.start(await h.publish({ nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 1e9 } }] }));
  await h.until(async () => (await h.instance(id)).status === 'waiting');
  const second = await h.boot({ isAlone: false, database: h.db.open() });
  assert.equal(second.stats.lives, 0, 'a living owner keeps what it has');
  let isDone = false;
  const cancelled = second.commandInstance({ orgId: h.orgId, id, command: 'cancel', requestId: 'r' }).finally(() => (isDone = true));
  await h.until(async () => {
    await h.clock.advance(100);
    return isDone;
  }, 'the owner answers');
  await cancelled;
  assert.equal((await h.instance(id)).status, 'cancelled');
  assert.equal(first.stats.lives, 0);
  isDone = false;
  const refusal = assert
    .rejects(second.commandInstance({ orgId: h.orgId, id, command: 'pause', requestId: 'r' }), /is cancelled; pause applies/)
    .finally(() => (isDone = true));
  await h.until(async () => {
    await h.clock.advance(100);
    return isDone;
  });
  await refusal;
  await h.close();
});

test('what a dead process held is taken over by one that lives', async () => {
  const h = await engineHarness({ types: [counted] });
  const workflow = await h.publish({
    nodes: [
      { key: 'wait', type: 'wait.timer', params: { durationMs: 30_000 } },
      { key: 'c', type: 'test.counted' },
    ],
    edges: [{ from: 'wait', to: 'c' }],
  });
  const ids = await Promise.all(Array.from({ length: 5 }, () => h.start(workflow)));
  for (const id of ids) await h.until(async () => (await h.instance(id)).status === 'waiting');
  const first = h.engine;
  const second = await h.boot({ isAlone: false, database: h.db.open() });
  first.crash();
  // It says nothing any more: by the database's clock, for longer than three beats.
  await h.db.database.engine.query(`update owners set beat_at = now() - interval '1 minute' where id = $1`, [first.ownerId]);
  await h.clock.advance(5_000);
  await h.until(() => second.stats.lives === 5, 'the second takes over');
  await h.clock.advance(30_000);
  for (const id of ids) assert.equal((await h.ended(id)).status, 'completed');
  await h.close();
});

test('an unusable version fails its instance instead of leaving it for ever', async () => {
  const h = await engineHarness({ types: [counted] });
  const id = await h.start(
    await h.publish({
      nodes: [
        { key: 'wait', type: 'wait.timer', params: { durationMs: 1e9 } },
        { key: 'c', type: 'test.counted' },
      ],
      edges: [{ from: 'wait', to: 'c' }],
    }),
  );
  await h.until(async () => (await h.instance(id)).status === 'waiting');
  h.engine.crash();
  await h.db.database.engine.query(`update workflow_versions set definition = replace(definition::text, 'test.counted', 'test.gone')::jsonb`);
  await h.boot();
  const instance = await h.ended(id);
  assert.deepEqual([instance.status, instance.error?.code], ['failed', 'version_unusable']);
  await h.close();
});
