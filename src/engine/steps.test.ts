/** How a step runs: retries, timeouts, limits, large outputs, crashes of its node, a database that is away. What people do to it: step-commands. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { fail } from '../kernel/fail.ts';
import { createLogger } from '../kernel/log.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { flakyNode } from '../test/flaky-node.ts';
import { testNode } from '../test/test-node.ts';
import { listAttempts, readStepLog } from '../store/steps.ts';

let open = 0;
let mostOpen = 0;
/** Runs until it is aborted. */
const slow = testNode({
  type: 'test.slow',
  params: z.strictObject({ turns: z.number().optional() }),
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
const crashing = testNode({
  type: 'test.crashing',
  params: z.strictObject({ text: z.string(), refused: z.boolean().default(false) }),
  run(params) {
    if (params.refused) fail('disk_full', `no room for ${params.text}`);
    throw new Error(`can't take ${params.text}`);
  },
});

let h: EngineHarness;
const logged: string[] = [];
before(async () => {
  h = await engineHarness({
    types: [flakyNode().type, slow, crashing],
    log: createLogger({ level: 'info', destination: { write: (line) => void logged.push(line) } }),
  });
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
