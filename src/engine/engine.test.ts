/** The engine on a real database: what runs, in which order, and what is recorded. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { engineHarness, type EngineHarness } from '../test/engine.ts';

let h: EngineHarness;
before(async () => {
  h = await engineHarness();
});
after(() => h.close());

const chain = (...keys: string[]): { from: string; to: string }[] => keys.slice(1).map((to, index) => ({ from: keys[index] ?? '', to }));

test('a chain runs to its end, and its output is that of the last node', async () => {
  const { instance, steps, id } = await h.run(
    {
      nodes: [
        { key: 'a', type: 'set', params: { values: { name: '{{ input.name }}', n: '{{ input.n }}' } } },
        { key: 'b', type: 'template', params: { text: 'Hello {{ steps.a.output.name }}' } },
        { key: 'c', type: 'set', params: { values: { text: '{{ steps.b.output.text }}', sum: '{{ steps.a.output.n + 1 }}' } } },
      ],
      edges: chain('a', 'b', 'c'),
    },
    { name: 'Ada', n: 2 },
  );
  assert.equal(instance.status, 'completed');
  assert.deepEqual(instance.output, { text: 'Hello Ada', sum: 3 });
  assert.deepEqual(steps['a']?.input, { values: { name: 'Ada', n: 2 } });
  const events = await h.events(id);
  assert.deepEqual(
    events.map((event) => event.sequence),
    events.map((_, index) => index + 1),
  );
  assert.deepEqual(
    events.map((event) => event.type),
    [
      'engine:instance:created',
      'engine:instance:started',
      'engine:step:completed',
      'engine:step:completed',
      'engine:step:completed',
      'engine:instance:completed',
    ],
  );
  assert.equal(instance.seq, events.length);
});

test('a branch runs one way, skips the other with a reason, and joins', async () => {
  const { instance, steps } = await h.run(
    {
      nodes: [
        { key: 'check', type: 'branch.if', params: { condition: '{{ input.n > 1 }}' } },
        { key: 'yes', type: 'set', params: { values: { way: 'yes' } } },
        { key: 'no', type: 'set', params: { values: { way: 'no' } } },
        { key: 'join', type: 'merge', params: {} },
      ],
      edges: [
        { from: 'check.true', to: 'yes' },
        { from: 'check.false', to: 'no' },
        { from: 'yes', to: 'join' },
        { from: 'no', to: 'join' },
      ],
    },
    { n: 2 },
  );
  assert.deepEqual(instance.output, { from: ['yes'] });
  assert.equal(steps['no']?.status, 'skipped');
  assert.equal(steps['no']?.reason, 'no path from check led here');
  assert.equal(steps['check']?.reason, 'the condition gave true');
});

test('an effect is durable before what depends on it starts', async () => {
  const { instance, steps } = await h.run({
    nodes: Array.from({ length: 10 }, (_, index) => ({ key: `s${index}`, type: 'noop', params: { effect: true } })),
    edges: chain(...Array.from({ length: 10 }, (_, index) => `s${index}`)),
  });
  assert.equal(instance.status, 'completed');
  assert.equal(Object.keys(steps).length, 10);
});

test('a failure fails the instance, names the step, and retry goes on from there', async () => {
  const definition = {
    nodes: [
      { key: 'a', type: 'noop', params: { effect: true } },
      { key: 'b', type: 'set', params: { values: { x: '{{ secrets.LATE }}' } } },
      { key: 'c', type: 'noop', params: { output: { done: true } } },
    ],
    edges: chain('a', 'b', 'c'),
  };
  const { id, instance } = await h.run(definition);
  assert.equal(instance.status, 'failed');
  assert.equal(instance.error?.step, 'b');
  assert.equal(instance.error?.code, 'secret_missing');
  h.secrets.set('LATE', 'very-secret');
  await h.engine.commandInstance({ orgId: h.orgId, id, command: 'retry', requestId: 'req_2' });
  const again = await h.ended(id);
  assert.equal(again.status, 'completed');
  const steps = await h.steps(id);
  assert.equal(steps['a']?.generation, 1);
  assert.equal(steps['b']?.generation, 2);
  assert.deepEqual(steps['b']?.output, { x: '***' });
  assert.deepEqual(steps['b']?.input, { values: { x: '{{ secrets.LATE }}' } });
  const { rows } = await h.db.database.engine.query(
    `select 1 from outbox where payload like '%very-secret%' union all select 1 from steps where coalesce(input, '') || coalesce(output, '') like '%very-secret%'`,
  );
  assert.equal(rows.length, 0);
});

test('an error branch handles a failure; continue lets it through', async () => {
  const { instance, steps } = await h.run({
    nodes: [
      { key: 'bad', type: 'template', params: { text: '{{ secrets.NONE }}' } },
      { key: 'handle', type: 'set', params: { values: { code: '{{ steps.bad.error.code }}' } } },
      { key: 'normal', type: 'noop' },
      { key: 'soft', type: 'template', onError: 'continue', params: { text: '{{ secrets.NONE }}' } },
      { key: 'after', type: 'noop', params: { output: 1 } },
    ],
    edges: [
      { from: 'bad.error', to: 'handle' },
      { from: 'bad', to: 'normal' },
      { from: 'soft', to: 'after' },
    ],
  });
  assert.equal(instance.status, 'completed');
  assert.deepEqual(instance.output, { handle: { code: 'secret_missing' }, after: 1 });
  assert.equal(steps['normal']?.status, 'skipped');
  assert.equal(steps['soft']?.status, 'failed');
});

test('conditions, disabled nodes and pinned outputs are heeded', async () => {
  const { steps, instance } = await h.run(
    {
      nodes: [
        { key: 'off', type: 'noop', disabled: true },
        { key: 'pinned', type: 'branch.if', params: { condition: false }, mock: { result: true } },
        { key: 'never', type: 'noop', condition: 'input.n > 5' },
        { key: 'yes', type: 'noop', params: { output: 'yes' } },
        { key: 'closed', type: 'noop' },
      ],
      edges: [
        { from: 'off', to: 'pinned' },
        { from: 'pinned.true', to: 'yes' },
        { from: 'pinned', to: 'never' },
        { from: 'yes', to: 'closed', when: '{{ steps.yes.output = "no" }}' },
      ],
    },
    { n: 1 },
  );
  assert.equal(instance.status, 'completed');
  assert.equal(steps['off']?.status, 'skipped');
  assert.equal(steps['pinned']?.reason, 'the output is pinned');
  assert.match(steps['never']?.reason ?? '', /condition is false/);
  assert.equal(steps['yes']?.output, 'yes');
  assert.equal(steps['closed']?.status, 'skipped');
});

test('a timer waits durably, and the instance says for what', async () => {
  const id = await h.start(
    await h.publish({
      nodes: [
        { key: 'wait', type: 'wait.timer', params: { durationMs: 3_600_000 } },
        { key: 'then', type: 'noop' },
      ],
      edges: chain('wait', 'then'),
    }),
  );
  await h.until(async () => (await h.instance(id)).status === 'waiting');
  const waiting = await h.instance(id);
  assert.equal(waiting.waiting?.kind, 'timer');
  assert.match(waiting.waiting?.message ?? '', /step wait: waits until/);
  await h.clock.advance(3_600_000);
  const ended = await h.ended(id);
  assert.equal(ended.status, 'completed');
  assert.deepEqual((await h.steps(id))['wait']?.output, { waitedMs: 3_600_000 });
});

test('stop ends the instance early and cancels what waits; fail fails it', async () => {
  const stopped = await h.run({
    nodes: [
      { key: 'wait', type: 'wait.timer', params: { durationMs: 3_600_000 } },
      { key: 'a', type: 'noop', params: { effect: true } },
      { key: 'enough', type: 'stop', params: { output: { n: 1 } } },
    ],
    edges: chain('a', 'enough'),
  });
  assert.deepEqual([stopped.instance.status, stopped.instance.output, stopped.steps['wait']?.status], ['completed', { n: 1 }, 'cancelled']);
  const failed = await h.run({ nodes: [{ key: 'no', type: 'fail', params: { message: 'No {{ input.what }}', code: 'nothing' } }] }, { what: 'luck' });
  assert.deepEqual([failed.instance.status, failed.instance.error?.code, failed.instance.error?.message], ['failed', 'nothing', 'No luck']);
});

test('pause holds what would start, resume lets it, cancel ends it', async () => {
  const workflow = await h.publish({
    nodes: [
      { key: 'wait', type: 'wait.timer', params: { durationMs: 1_000 } },
      { key: 'then', type: 'noop' },
    ],
    edges: chain('wait', 'then'),
  });
  const id = await h.start(workflow);
  await h.until(async () => (await h.instance(id)).status === 'waiting');
  await h.engine.commandInstance({ orgId: h.orgId, id, command: 'pause', requestId: 'r' });
  await h.clock.advance(1_000);
  await h.until(async () => (await h.steps(id))['wait']?.status === 'completed');
  assert.equal((await h.instance(id)).status, 'paused');
  assert.equal((await h.steps(id))['then'], undefined);
  await h.engine.commandInstance({ orgId: h.orgId, id, command: 'resume', requestId: 'r' });
  assert.equal((await h.ended(id)).status, 'completed');
  await assert.rejects(h.engine.commandInstance({ orgId: h.orgId, id, command: 'cancel', requestId: 'r' }), /is completed; cancel applies to/);

  const other = await h.start(workflow);
  await h.until(async () => (await h.instance(other)).status === 'waiting');
  await h.engine.commandInstance({ orgId: h.orgId, id: other, command: 'cancel', requestId: 'r' });
  assert.equal((await h.instance(other)).status, 'cancelled');
  assert.equal((await h.steps(other))['wait']?.status, 'cancelled');
});

test('a batch starts all in order and each ends', async () => {
  const workflowId = await h.publish({ nodes: [{ key: 'a', type: 'noop', params: { output: '{{ input.n }}', effect: true } }] });
  const ids = await h.engine.startBatch({
    orgId: h.orgId,
    workflowId,
    inputs: Array.from({ length: 200 }, (_, n) => ({ n })),
    startedBy: 'manual',
    requestId: 'r',
  });
  for (const [n, id] of ids.entries()) assert.equal((await h.ended(id)).output, n);
});

test('the output of several last nodes is by key', async () => {
  const { instance } = await h.run({
    nodes: [
      { key: 'a', type: 'noop', params: { output: 1 } },
      { key: 'b', type: 'noop', params: { output: 2 } },
    ],
  });
  assert.deepEqual(instance.output, { a: 1, b: 2 });
});

test('whoever waits is told when the instance has ended', async () => {
  const id = await h.start(await h.publish({ nodes: [{ key: 'a', type: 'noop', params: { effect: true } }] }));
  assert.equal(await h.engine.waitEnded(id, 10_000, AbortSignal.timeout(10_000)), true);
  assert.equal((await h.instance(id)).status, 'completed');
});

test('tries of one request at the same time start one instance, and each is acknowledged when it is durable', async () => {
  const workflowId = await h.publish({ nodes: [{ key: 'a', type: 'wait.timer', params: { durationMs: 60_000 } }], edges: [] });
  const id = 'inst_same_request';
  const tryOnce = async (): Promise<string> => {
    const started = await h.engine.startInstance({ id, orgId: h.orgId, workflowId, startedBy: 'manual', requestId: 'req_test' });
    return (await h.instance(started.id)).id;
  };
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 20 }, tryOnce))), new Set([id]));
  const created = (await h.events(id)).filter((event) => event.type === 'engine:instance:created');
  assert.equal(created.length, 1);
  await h.clock.advance(60_000);
  assert.equal((await h.ended(id)).status, 'completed');
});

test('of several who publish from the same state one wins, and the others are told that theirs is stale', async () => {
  const workflowId = await h.publish({ nodes: [{ key: 'a', type: 'noop' }] });
  const who = { orgId: h.orgId, userId: h.userId, role: 'super_admin', requestId: 'req_test', workflowId, name: 'Test', ifMatch: '"r1"' } as const;
  const tries = [1, 2, 3, 4, 5].map((n) => h.engine.publishWorkflow({ ...who, definition: { nodes: [{ key: `b${n}`, type: 'noop' }], edges: [] } }));
  const ends = (await Promise.allSettled(tries)).map((end) => (end.status === 'fulfilled' ? 'published' : String((end.reason as { code?: string }).code)));
  assert.deepEqual(ends.toSorted(), ['published', 'stale_version', 'stale_version', 'stale_version', 'stale_version']);
});

test('an input is judged by patterns, alternatives and references, and one that would take for ever is refused without holding anybody up', async () => {
  const nodes = [{ key: 'a', type: 'noop' }];
  const inputSchema = {
    type: 'object',
    properties: { code: { type: 'string', pattern: '^(a+)+$' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
    required: ['code'],
  };
  const workflow = await h.publish({ nodes, inputSchema });
  assert.equal((await h.ended(await h.start(workflow, { code: 'aa', next: { code: 'a', next: null } }))).status, 'completed');
  await assert.rejects(h.start(workflow, { code: 'b' }), { code: 'invalid_body', message: /input\.code: .*\^\(a\+\)\+\$/ });
  await assert.rejects(h.start(workflow, { code: `${'a'.repeat(60)}!` }), {
    code: 'invalid_body',
    message: /can't be checked .* ran longer than 1000 ms; simplify the patterns/,
  });
  assert.equal((await h.ended(await h.start(workflow, { code: 'a' }))).status, 'completed');
  const batch = { orgId: h.orgId, workflowId: workflow, startedBy: 'manual', requestId: 'req_test', inputs: [{ code: 'a' }, { code: 'b' }] };
  await assert.rejects(h.engine.startBatch(batch), { code: 'invalid_body', message: /input\.code/ });
  const endless = await h.publish({ nodes, inputSchema: { $ref: '#' } });
  await assert.rejects(h.start(endless, {}), { code: 'invalid_body', message: /can't be checked .*call stack/ });
});
