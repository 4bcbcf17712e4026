/** What people do to single steps, retries, timeouts, concurrency, logs: on a real database. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { fail } from '../kernel/fail.ts';
import { createLogger } from '../kernel/log.ts';
import { defineNode, inPort, NodeError, outPort } from '../nodes/kit.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { listAttempts, readStepLog } from '../store/steps.ts';

/** Fails as often as asked, then gives how often it was tried. */
const tries = new Map<string, number>();
const flaky = defineNode({
  type: 'test.flaky',
  version: 1,
  title: 'Flaky',
  summary: 'For tests.',
  docs: '',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({ failures: z.number(), code: z.string().default('busy'), final: z.boolean().default(false) }),
  example: { failures: 1 },
  runs: 'inline',
  pure: false,
  run(params, context) {
    const count = (tries.get(context.idempotencyKey) ?? 0) + 1;
    tries.set(context.idempotencyKey, count);
    context.log(`attempt ${context.attempt}`);
    if (count <= params.failures) throw new NodeError(params.code, `not yet (${count})`, { final: params.final });
    return { kind: 'output', output: { count, attempt: context.attempt, key: context.idempotencyKey } };
  },
});

let open = 0;
let mostOpen = 0;
/** Runs until it is aborted. */
const slow = defineNode({
  type: 'test.slow',
  version: 1,
  title: 'Slow',
  summary: 'For tests.',
  docs: '',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({ turns: z.number().optional() }),
  example: {},
  runs: 'inline',
  pure: false,
  async run(params, context) {
    open++;
    mostOpen = Math.max(mostOpen, open);
    try {
      if (params.turns === undefined)
        await new Promise((_resolve, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason as Error), { once: true }));
      for (let turn = 0; turn < (params.turns ?? 0); turn++) await new Promise((resolve) => setImmediate(resolve));
      return { kind: 'output', output: 'done' };
    } finally {
      open--;
    }
  },
});

/** Throws what it was given: a node type with a fault, or a room that refuses. */
const crashing = defineNode({
  type: 'test.crashing',
  version: 1,
  title: 'Crashing',
  summary: 'For tests.',
  docs: '',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({ text: z.string(), refused: z.boolean().default(false) }),
  example: { text: 'x' },
  runs: 'inline',
  pure: false,
  run(params) {
    if (params.refused) fail('disk_full', `no room for ${params.text}`);
    throw new Error(`can't take ${params.text}`);
  },
});

let h: EngineHarness;
const logged: string[] = [];
before(async () => {
  h = await engineHarness({ types: [flaky, slow, crashing], log: createLogger({ level: 'info', destination: { write: (line) => void logged.push(line) } }) });
});
after(() => h.close());

const ids = (id: string) => ({ orgId: h.orgId, id, requestId: 'req_step' });

test('a failed attempt is tried again after its pause, and every attempt is kept', async () => {
  const id = await h.start(
    await h.publish({ nodes: [{ key: 'f', type: 'test.flaky', params: { failures: 2 }, retry: { maxAttempts: 3, backoffMs: 1_000, factor: 2, jitter: 0 } }] }),
  );
  await h.until(async () => (await h.steps(id))['f']?.status === 'waiting');
  const waiting = (await h.steps(id))['f'];
  assert.match(waiting?.waitReason?.message ?? '', /attempt 1 of 3 failed \(busy\)/);
  assert.equal((await h.instance(id)).status, 'running');
  await h.clock.advance(1_000);
  await h.until(async () => (await h.steps(id))['f']?.attempt === 2 && (await h.steps(id))['f']?.status === 'waiting');
  await h.clock.advance(1_999);
  assert.equal((await h.steps(id))['f']?.status, 'waiting');
  await h.clock.advance(1);
  assert.deepEqual((await h.ended(id)).output, { count: 3, attempt: 3, key: `${id}/f/1` });
  const attempts = await listAttempts(h.db.database.engine, { orgId: h.orgId, instanceId: id, path: 'f', before: undefined, limit: 10 });
  assert.deepEqual(
    attempts.map((one) => [one.generation, one.attempt, one.status, one.error?.code]),
    [
      [1, 3, 'completed', undefined],
      [1, 2, 'failed', 'busy'],
      [1, 1, 'failed', 'busy'],
    ],
  );
  const log = await readStepLog(h.db.database.engine, { orgId: h.orgId, instanceId: id, path: 'f', limit: 100 });
  assert.deepEqual(
    log.map((one) => one.line),
    ['attempt 1', 'attempt 2', 'attempt 3'],
  );
  const types = (await h.events(id)).map((event) => event.type);
  assert.deepEqual(types.filter((type) => type === 'engine:step:retrying').length, 2);
});

test('a final failure, and a class that the policy does not name, are not tried again', async () => {
  const final = await h.run({ nodes: [{ key: 'f', type: 'test.flaky', params: { failures: 1, final: true }, retry: { maxAttempts: 3 } }] });
  assert.deepEqual([final.instance.status, final.steps['f']?.attempt], ['failed', 1]);
  const other = await h.run({ nodes: [{ key: 'f', type: 'test.flaky', params: { failures: 1, code: 'broken' }, retry: { maxAttempts: 3, on: ['busy'] } }] });
  assert.deepEqual([other.instance.status, other.steps['f']?.attempt], ['failed', 1]);
});

test('a step that takes too long is timed out and its signal aborted', async () => {
  const id = await h.start(await h.publish({ nodes: [{ key: 's', type: 'test.slow', timeoutMs: 5_000 }] }));
  await h.until(() => open === 1);
  await h.clock.advance(300);
  await h.until(async () => (await h.steps(id))['s']?.status === 'running');
  await h.clock.advance(4_700);
  const instance = await h.ended(id);
  assert.equal(instance.error?.code, 'timeout');
  assert.equal((await h.steps(id))['s']?.status, 'timed_out');
  assert.equal(open, 0);
});

test('cancel ends what runs, and its late result is dropped', async () => {
  const id = await h.start(
    await h.publish({
      nodes: [
        { key: 's', type: 'test.slow' },
        { key: 'then', type: 'noop' },
      ],
      edges: [{ from: 's', to: 'then' }],
    }),
  );
  await h.until(() => open === 1);
  await h.engine.commandInstance({ ...ids(id), command: 'cancel' });
  assert.equal(open, 0);
  assert.equal((await h.instance(id)).status, 'cancelled');
  const steps = await h.steps(id);
  assert.equal(steps['s']?.status, 'cancelled');
  assert.equal(steps['then'], undefined);
  await h.engine.commandInstance({ ...ids(id), command: 'retry' });
  await h.until(() => open === 1);
  await h.engine.commandInstance({ ...ids(id), command: 'cancel' });
});

test('no more steps run at once than the workflow allows', async () => {
  mostOpen = 0;
  const nodes = Array.from({ length: 20 }, (_, index) => ({ key: `s${index}`, type: 'test.slow', params: { turns: 5 } }));
  const { instance } = await h.run({ nodes, settings: { maxConcurrentSteps: 3 } });
  assert.equal(instance.status, 'completed');
  assert.equal(mostOpen, 3);
});

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
  assert.equal(tries.get(`${again.id}/f/1`), undefined);
  await assert.rejects(h.engine.rerunInstance({ orgId: h.orgId, instanceId: id, from: 'nobody', version: 'same', requestId: 'r' }), /has no step "nobody"/);
});

test('an output over the limit of a row is kept as an artifact, and steps after it read it all the same', async () => {
  const { instance, steps } = await h.run(
    {
      nodes: [
        { key: 'a', type: 'noop', params: { output: { text: '{{ input.text }}' } } },
        { key: 'b', type: 'noop', params: { output: '{{ $length(steps.a.output.text) }}' }, condition: 'steps.a.output.text != ""' },
      ],
      edges: [{ from: 'a', to: 'b', when: '$length(steps.a.output.text) > 5' }],
    },
    { text: 'x'.repeat(300_000) },
  );
  assert.equal(instance.output, 300_000);
  const kept = steps['a']?.output as { $artifact: { bytes: number } } | undefined;
  assert.equal(kept?.$artifact.bytes, 300_011);
});

test('a node that crashes fails its step, not its neighbours', async () => {
  const { instance } = await h.run({ nodes: [{ key: 'a', type: 'test.flaky', params: { failures: '{{ input.bad }}' } }] }, { bad: 'text' });
  assert.equal(instance.error?.code, 'bad_params');
});

test('endless and exploding expressions fail their step within their limits', async () => {
  for (const source of ['($f := function($x){ $f($x+1) }; $f(1))', '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /^(a+)+$/)']) {
    const id = await h.start(await h.publish({ nodes: [{ key: 'a', type: 'noop', params: { output: `{{ ${source} }}` } }] }));
    assert.equal(await h.engine.waitEnded(id, 1e9, new AbortController().signal), true);
    assert.equal((await h.instance(id)).error?.code, 'expression_limit');
  }
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

test('what a crashed node says is masked, in the step and in the log of Studio; a refusal of a room is no crash', async () => {
  h.secrets.set('CANARY', 'canary-7d1f');
  const crash = await h.run({ nodes: [{ key: 'a', type: 'test.crashing', params: { text: '{{ secrets.CANARY }}' } }] });
  assert.deepEqual([crash.instance.error?.code, crash.instance.error?.message], ['node_crashed', "can't take ***"]);
  assert.match(logged.join(''), /a node crashed/);
  const refusal = await h.run({ nodes: [{ key: 'a', type: 'test.crashing', params: { text: '{{ secrets.CANARY }}', refused: true } }] });
  assert.deepEqual([refusal.instance.error?.code, refusal.instance.error?.message], ['disk_full', 'no room for ***']);
  assert.doesNotMatch(logged.join(''), /canary-7d1f/);
});

test('a database that is away for a moment fails no step', async () => {
  let isAway = true;
  const { secrets } = h;
  const get = secrets.get.bind(secrets);
  secrets.get = (name) => {
    if (name === 'FAR' && isAway) {
      isAway = false;
      throw Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
    }
    return get(name);
  };
  secrets.set('FAR', 'far-away');
  const id = await h.start(await h.publish({ nodes: [{ key: 'a', type: 'noop', params: { output: '{{ secrets.FAR }}' } }] }));
  await h.until(() => !isAway);
  await h.clock.advance(250);
  assert.deepEqual([(await h.ended(id)).status, (await h.ended(id)).output], ['completed', '***']);
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
