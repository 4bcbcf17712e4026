/** Steps that run as jobs, with a queue that the test works by hand. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { setFailpoints } from '../kernel/failpoint.ts';
import { NodeError, type JobEnded } from '../nodes/kit.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { testJobNode } from '../test/test-node.ts';

const job = testJobNode({
  type: 'test.job',
  params: z.strictObject({ argument: z.string() }),
  toCommand: (params) => ({ command: ['echo', params.argument] }),
  toOutput(_params, ended) {
    if (ended.exitCode !== 0) throw new NodeError('exit_code', `exit code ${ended.exitCode}: ${ended.stderr}`);
    return { kind: 'output', output: { said: ended.stdout } };
  },
});
const guarded = testJobNode({ ...job, type: 'test.guarded', requires: 'super_admin' });

let h: EngineHarness;
before(async () => {
  h = await engineHarness({ types: [job, guarded] });
});
after(() => h.close());

const ended = (exitCode: number, stdout = '', stderr = ''): JobEnded => ({ exitCode, stdout, stderr, artifacts: [], result: undefined });
const result = (exitCode: number, stdout = '', stderr = '') => JSON.parse(JSON.stringify(ended(exitCode, stdout, stderr)));

async function jobOf(id: string, path: string, attempt = 1): Promise<string> {
  await h.until(async () => {
    const step = (await h.steps(id))[path];
    return step?.jobId !== undefined && step.attempt === attempt && step.status === 'queued';
  }, `${path} is queued`);
  return (await h.steps(id))[path]?.jobId ?? '';
}

test('a job step queues with its row, runs, and its output goes on', async () => {
  h.secrets.set('TOKEN', 'hush-hush');
  const id = await h.start(
    await h.publish({
      nodes: [
        { key: 'j', type: 'test.job', params: { argument: 'say {{ secrets.TOKEN }} {{ input.x }}' } },
        { key: 'then', type: 'noop', params: { output: '{{ steps.j.output.said }}' } },
      ],
      edges: [{ from: 'j', to: 'then' }],
    }),
    { x: 1 },
  );
  const jobId = await jobOf(id, 'j');
  assert.ok(h.woken.includes('studio'));
  const queued = (await h.steps(id))['j'];
  assert.equal(queued?.waitReason?.kind, 'queue');
  assert.deepEqual(queued?.input, { argument: 'say {{ secrets.TOKEN }} 1' });
  const prepared = await h.engine.prepareJob({ instanceId: id, path: 'j', generation: 1, attempt: 1 });
  assert.deepEqual(prepared.spec, { command: ['echo', 'say hush-hush 1'] });
  assert.ok(prepared.redact.includes('hush-hush'));
  await assert.rejects(h.engine.prepareJob({ instanceId: id, path: 'j', generation: 1, attempt: 2 }), /has moved on/);
  h.engine.onJobStarted({ id: jobId, workerId: 'worker_1' });
  await h.until(async () => (await h.steps(id))['j']?.status === 'running');
  await h.endJob(jobId, { status: 'completed', result: result(0, 'it said hush-hush') });
  assert.equal((await h.ended(id)).output, 'it said ***');
  const types = (await h.events(id)).map((event) => event.type);
  assert.deepEqual(types, [
    'engine:instance:created',
    'engine:instance:started',
    'engine:step:queued',
    'engine:step:started',
    'engine:step:completed',
    'engine:step:completed',
    'engine:instance:completed',
  ]);
});

test('a failed job is tried again by a new job, and its end counts once', async () => {
  const id = await h.start(await h.publish({ nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' }, retry: { maxAttempts: 2, backoffMs: 0 } }] }));
  const first = await jobOf(id, 'j');
  await h.endJob(first, { status: 'failed', result: result(3, '', 'no luck') });
  h.engine.onJobEnded(first);
  const second = await jobOf(id, 'j', 2);
  assert.notEqual(first, second);
  await h.endJob(second, { status: 'failed', result: result(4, '', 'still none') });
  const instance = await h.ended(id);
  assert.deepEqual([instance.error?.code, instance.error?.message], ['exit_code', 'exit code 4: still none']);
});

test('a job that ended while the engine was away is found', async () => {
  const id = await h.start(await h.publish({ nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' } }] }));
  const jobId = await jobOf(id, 'j');
  h.engine.crash();
  await h.db.database.engine.query(`update jobs set status = 'completed', result = $2 where id = $1`, [jobId, JSON.stringify(ended(0, 'done'))]);
  await h.boot();
  assert.deepEqual((await h.ended(id)).output, { said: 'done' });
});

test('a job that another process ended is found by the poll', async () => {
  const id = await h.start(await h.publish({ nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' } }] }));
  const jobId = await jobOf(id, 'j');
  await h.db.database.engine.query(`update jobs set status = 'completed', result = $2 where id = $1`, [jobId, JSON.stringify(ended(0, 'done'))]);
  await h.clock.advance(1_000);
  assert.deepEqual((await h.ended(id)).output, { said: 'done' });
});

test('cancelling the instance cancels the job; after a crash in between, the next start does', async () => {
  const id = await h.start(await h.publish({ nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' } }] }));
  const jobId = await jobOf(id, 'j');
  await h.engine.commandInstance({ orgId: h.orgId, id, command: 'cancel', requestId: 'r' });
  await h.until(() => h.cancelled.includes(jobId));
  assert.equal((await h.steps(id))['j']?.status, 'cancelled');
  h.cancelled.length = 0;
  await h.takeOver();
  assert.ok(h.cancelled.includes(jobId), 'its row is still queued: it is cancelled again');
  await h.db.database.engine.query(`update jobs set status = 'cancelled' where id = $1`, [jobId]);
});

test('a crash before the queue is woken loses no job', async () => {
  const restore = setFailpoints((name) => (name === 'job.before_wake' ? new Promise(() => undefined) : undefined));
  const id = await h.start(await h.publish({ nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' } }] }));
  const jobId = await jobOf(id, 'j');
  h.engine.crash();
  restore();
  await h.boot();
  await h.endJob(jobId, { status: 'completed', result: result(0, 'ok') });
  assert.deepEqual((await h.ended(id)).output, { said: 'ok' });
});

test('a job that was cancelled by itself fails its step', async () => {
  const id = await h.start(await h.publish({ nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' } }] }));
  await h.endJob(await jobOf(id, 'j'), { status: 'cancelled', reason: 'cancelled by test' });
  const instance = await h.ended(id);
  assert.deepEqual([instance.status, (await h.steps(id))['j']?.status], ['failed', 'cancelled']);
  assert.match(instance.error?.message ?? '', /cancelled by test/);
});

test('a queue that is not there is a problem of the graph, named with the node', async () => {
  const definition = { nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' }, queue: 'nowhere' }], edges: [] };
  const [problem, ...more] = await h.engine.problemsOf(definition, { orgId: h.orgId, userId: 'user_test', role: 'super_admin' });
  assert.deepEqual([problem?.node, problem?.path, problem?.code, more], ['j', 'nodes[0].queue', 'unknown_queue', []]);
  assert.match(problem?.message ?? '', /"nowhere".*GET \/api\/v1\/queues/);
  await assert.rejects(h.publish(definition), { code: 'invalid_graph' });
});

test('a row that PostgreSQL refuses fails its instance without its words, and the neighbours go on', async () => {
  await h.db.database.engine.query(
    `insert into queues (name, state, slots, max_pending, default_timeout_ms, seq) values ('passing', 'running', 1, 10, 1000, 1)`,
  );
  const bad = await h.publish({ nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' }, queue: 'passing' }] });
  await h.db.database.engine.query(`delete from queues where name = 'passing'`);
  const good = await h.publish({ nodes: [{ key: 'a', type: 'noop', params: { effect: true } }] });
  const [badId, goodId] = await Promise.all([h.start(bad), h.start(good)]);
  assert.equal((await h.ended(goodId)).status, 'completed');
  const instance = await h.ended(badId);
  assert.deepEqual([instance.status, instance.error?.code], ['failed', 'unrecordable']);
  assert.doesNotMatch(JSON.stringify(instance.error), /constraint|jobs_queue/);
});

test('a guarded type runs only while its publisher has the role', async () => {
  const workflow = await h.publish({ nodes: [{ key: 'g', type: 'test.guarded', params: { argument: 'x' } }] });
  const id = await h.start(workflow);
  await h.endJob(await jobOf(id, 'g'), { status: 'completed', result: result(0, 'ok') });
  assert.equal((await h.ended(id)).status, 'completed');
  await h.db.database.engine.query('update users set is_super_admin = false where id = $1', [h.userId]);
  const second = await h.ended(await h.start(workflow));
  assert.deepEqual([second.status, second.error?.code], ['failed', 'forbidden']);
  const { rows } = await h.db.database.engine.query('select 1 from jobs where instance_id = $1', [second.id]);
  assert.equal(rows.length, 0);
});

test('a job that gave way is back in line: the step says so, the attempt goes on, and nothing failed', async () => {
  const id = await h.start(
    await h.publish({ nodes: [{ key: 'j', type: 'test.job', params: { argument: 'x' }, preemptible: true, resources: { cpu: 1 } }], edges: [] }),
  );
  const jobId = await jobOf(id, 'j');
  const { rows } = await h.db.database.engine.query<{ preemptible: boolean }>('select preemptible from jobs where id = $1', [jobId]);
  assert.deepEqual(rows, [{ preemptible: true }]);
  h.engine.onJobRequeued({ id: jobId, reason: 'too early', isPreempted: true });
  h.engine.onJobStarted({ id: jobId, workerId: 'worker_1' });
  await h.until(async () => (await h.steps(id))['j']?.status === 'running');
  h.engine.onJobRequeued({ id: jobId, reason: 'preempted: its room is needed', isPreempted: true });
  await h.until(async () => (await h.steps(id))['j']?.status === 'queued');
  const step = (await h.steps(id))['j'];
  assert.deepEqual(
    [step?.attempt, step?.jobId, step?.startedAt, step?.waitReason],
    [1, jobId, null, { kind: 'preempted', message: 'preempted: its room is needed' }],
  );
  h.engine.onJobStarted({ id: jobId, workerId: 'worker_1' });
  await h.endJob(jobId, { status: 'completed', result: result(0, 'done') });
  await h.ended(id);
  assert.deepEqual(
    (await h.events(id)).map((event) => event.type).filter((type) => type.startsWith('engine:step')),
    ['engine:step:queued', 'engine:step:started', 'engine:step:queued', 'engine:step:started', 'engine:step:completed'],
  );
});
