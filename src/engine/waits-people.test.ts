/** Steps that wait for a person: approvals, manual starts, debug mode; over crashes, and of several people at once. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import type { GraphEdge, GraphNode } from '../contract/graph.ts';
import type { Role } from '../contract/values.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { body, node, set } from '../test/graph-nodes.ts';
import { refused } from '../test/refused.ts';

let harness: EngineHarness;
before(async () => {
  harness = await engineHarness();
});
after(() => harness.close());

const waiting = (nodes: readonly GraphNode[], edges: readonly GraphEdge[] = [], path?: string): Promise<string> =>
  harness.startWaiting({ nodes: [...nodes], edges: [...edges] }, path);

describe('approval', () => {
  const decide = (id: string, command: 'approve' | 'reject', who: string, more: { role?: Role; comment?: string; form?: Json; path?: string } = {}) =>
    harness.engine.commandStep({
      orgId: harness.orgId,
      id,
      path: more.path ?? 'wait',
      command,
      by: { userId: `user_${who}`, name: who, email: `${who}@example.com`, role: more.role ?? 'user' },
      comment: more.comment,
      form: more.form,
      requestId: 'req_decide',
    });
  const form = { type: 'object', properties: { price: { type: 'number', minimum: 0 } }, required: ['price'], additionalProperties: false };

  it('goes on with who decided, why, and what was filled in; a form that does not fit is refused', async () => {
    const id = await waiting(
      [node('wait', 'approval', { title: 'Publish?', form }), set('yes', { price: '{{ steps.wait.output.form.price }}' }), set('no', {})],
      [
        { from: 'wait.approved', to: 'yes' },
        { from: 'wait.rejected', to: 'no' },
      ],
    );
    const shown = (await harness.steps(id))['wait']?.waitReason;
    assert.deepEqual([shown?.kind, (shown?.data as { title: string } | undefined)?.title], ['approval', 'Publish?']);
    assert.equal((await harness.instance(id)).waiting?.kind, 'approval');
    for (const bad of [undefined, {}, { price: '7' }, { price: -1 }, { price: 1, more: 2 }, 'x', []])
      await assert.rejects(decide(id, 'approve', 'ada', bad === undefined ? {} : { form: bad }), refused('invalid_body', /the form does not fit its schema/));
    await assert.rejects(decide(id, 'approve', 'ada', { form: { price: 1, note: 'x'.repeat(70_000) } }), refused('too_large', /65536/));
    assert.equal(await decide(id, 'approve', 'ada', { form: { price: 7 }, comment: 'fair' }), 'advancing');
    assert.equal((await harness.ended(id)).status, 'completed');
    const steps = await harness.steps(id);
    const at = new Date(harness.clock.now()).toISOString();
    assert.deepEqual(steps['wait']?.output, {
      approved: true,
      form: { price: 7 },
      comment: 'fair',
      decisions: [{ userId: 'user_ada', name: 'ada', decision: 'approve', comment: 'fair', form: { price: 7 }, at }],
    });
    assert.deepEqual([steps['wait']?.reason, steps['yes']?.output, steps['no']?.status], ['approved by ada: fair', { price: 7 }, 'skipped']);
    await assert.rejects(decide(id, 'reject', 'bob'), refused('illegal_transition'));
  });

  it('counts each of several approvers once, over a crash, and keeps the end of the wait', async () => {
    const id = await waiting([node('wait', 'approval', { title: 'Go?', approvers: { count: 2 }, timeoutMs: 60_000, onTimeout: 'reject' })]);
    const until = (await harness.steps(id))['wait']?.waitReason?.until;
    await harness.clock.advance(30_000);
    await decide(id, 'approve', 'ada');
    const wait = (await harness.steps(id))['wait'];
    assert.deepEqual([wait?.status, wait?.waitReason?.until, wait?.waitReason?.message], ['waiting', until, 'waits for approvals, 1 of 2 given: Go?']);
    await harness.takeOver();
    await assert.rejects(decide(id, 'approve', 'ada'), refused('illegal_transition', /decided already/));
    await decide(id, 'approve', 'bob');
    assert.equal((await harness.ended(id)).status, 'completed');
    const output = (await harness.steps(id))['wait']?.output as { decisions: { name: string }[] };
    assert.deepEqual(
      output.decisions.map(({ name }) => name),
      ['ada', 'bob'],
    );
  });

  it('is decided by the time as it was asked, whatever was approved before', async () => {
    const params = { title: 'Go?', approvers: { count: 2 }, timeoutMs: 60_000 };
    const ids = [];
    for (const onTimeout of ['reject', 'approve', 'fail']) ids.push(await waiting([node('wait', 'approval', { ...params, onTimeout })]));
    const [rejected = '', approved = '', failed = ''] = ids;
    await decide(rejected, 'approve', 'ada');
    await harness.clock.advance(60_001);
    for (const id of ids) await harness.ended(id);
    const outputOf = async (id: string): Promise<unknown> => (await harness.steps(id))['wait']?.output;
    assert.equal(((await outputOf(rejected)) as { approved: boolean; timedOut: boolean }).approved, false);
    assert.deepEqual(await outputOf(approved), { approved: true, form: null, comment: null, decisions: [], timedOut: true });
    assert.equal((await harness.instance(failed)).error?.code, 'timeout');
  });

  it('tells those who may not decide who may, and one who decides at the same time that it is over', async () => {
    const id = await waiting([node('wait', 'approval', { title: 'Go?', approvers: { roles: ['admin'] } })]);
    await assert.rejects(decide(id, 'approve', 'ada'), refused('forbidden', /the role admin/));
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map((who) => decide(id, who < 'c' ? 'approve' : 'reject', who, { role: 'admin' })));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await harness.ended(id)).status, 'completed');
  });

  it('asks once an item inside a map', async () => {
    const id = await waiting(
      [node('each', 'map', { items: ['x', 'y'], body: body([node('ask', 'approval', { title: 'Item {{ item }}?' })]) })],
      [],
      'each[1]/ask',
    );
    await harness.until(async () => (await harness.steps(id))['each[0]/ask']?.status === 'waiting');
    await decide(id, 'approve', 'ada', { path: 'each[1]/ask' });
    await harness.takeOver();
    await decide(id, 'reject', 'ada', { path: 'each[0]/ask' });
    assert.deepEqual(
      ((await harness.ended(id)).output as { items: { approved: boolean }[] }).items.map(({ approved }) => approved),
      [false, true],
    );
  });

  it('keeps who started the instance from deciding, also in a workflow that it called', async () => {
    const child = await harness.publish({ nodes: [node('wait', 'approval', { title: 'Go?', selfApproval: false })] });
    const parent = await harness.publish({ nodes: [node('call', 'workflow.call', { workflowId: child })] });
    const { id } = await harness.engine.startInstance({
      orgId: harness.orgId,
      workflowId: parent,
      startedBy: 'manual',
      starter: 'user_ada',
      requestId: 'req_s',
    });
    let childId = '';
    await harness.until(
      async () => (childId = (await harness.steps(id))['call']?.waitReason?.instanceId ?? '') !== '' && (await harness.instance(childId)).status === 'waiting',
    );
    await assert.rejects(decide(childId, 'approve', 'ada'), refused('forbidden', /started/));
    await decide(childId, 'approve', 'bob');
    assert.equal((await harness.ended(id)).status, 'completed');
  });
});

describe('debug mode', () => {
  const chain = {
    nodes: [set('a', {}), set('b', {}), set('c', {})],
    edges: [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
    ],
  };
  const debugged = async (): Promise<string> => {
    const workflowId = await harness.publish(chain);
    const { id } = await harness.engine.startInstance({ orgId: harness.orgId, workflowId, startedBy: 'manual', debug: true, requestId: 'req_d' });
    await harness.until(async () => (await harness.instance(id)).waiting?.kind === 'debug_pause');
    return id;
  };

  it('is turned off by resume, durably, and what follows runs by itself', async () => {
    const id = await debugged();
    await harness.engine.commandInstance({ orgId: harness.orgId, id, command: 'resume', debug: false, requestId: 'req_r' });
    assert.equal((await harness.ended(id)).status, 'completed');
    assert.equal((await harness.instance(id)).debug, undefined);
  });

  it('goes step by step by the command start, which says who', async () => {
    const id = await debugged();
    const by = { userId: 'user_ada', name: 'Ada', email: 'ada@example.com', role: 'user' as const };
    const start = (path: string) => harness.engine.commandStep({ orgId: harness.orgId, id, path, command: 'start', by, requestId: 'req_s' });
    await start('a');
    await harness.until(async () => (await harness.steps(id))['b']?.status === 'waiting');
    await assert.rejects(start('a'), refused('illegal_transition'));
    await harness.takeOver();
    await start('b');
    await harness.until(async () => (await harness.steps(id))['c']?.status === 'waiting');
    await start('c');
    assert.equal((await harness.ended(id)).status, 'completed');
  });

  it('can be begun in an instance that runs, and is then kept over a crash', async () => {
    const id = await waiting([node('wait', 'wait.timer', { durationMs: 5_000 }), set('then', {})], [{ from: 'wait', to: 'then' }]);
    await harness.engine.commandInstance({ orgId: harness.orgId, id, command: 'resume', debug: true, requestId: 'req_r' });
    await harness.takeOver();
    await harness.clock.advance(5_001);
    await harness.until(async () => (await harness.steps(id))['then']?.waitReason?.kind === 'debug_pause');
    await harness.engine.commandInstance({ orgId: harness.orgId, id, command: 'resume', requestId: 'req_r2' });
    assert.equal((await harness.ended(id)).status, 'completed');
  });
});

it('a manual step and a debugged instance wait for a person, also over a crash', async () => {
  const workflowId = await harness.publish({ nodes: [node('go', 'noop', {}, { start: 'manual' })] });
  const id = await harness.start(workflowId);
  await harness.until(async () => (await harness.instance(id)).status === 'waiting', 'the wait');
  assert.equal((await harness.instance(id)).waiting?.kind, 'manual_trigger');
  await harness.engine.commandStep({ orgId: harness.orgId, id, path: 'go', command: 'start', requestId: 'req_g' });
  assert.equal((await harness.ended(id)).status, 'completed');

  const chain = await harness.publish({ nodes: [node('a', 'noop'), node('b', 'noop')], edges: [{ from: 'a', to: 'b' }] });
  const { id: debugged } = await harness.engine.startInstance({
    orgId: harness.orgId,
    workflowId: chain,
    startedBy: 'manual',
    requestId: 'req_e',
    debug: true,
  });
  await harness.until(async () => (await harness.instance(debugged)).waiting?.kind === 'debug_pause', 'the first pause');
  await harness.engine.commandInstance({ orgId: harness.orgId, id: debugged, command: 'resume', requestId: 'req_r' });
  await harness.until(async () => (await harness.steps(debugged))['b']?.status === 'waiting', 'the second pause');
  await harness.takeOver();
  await harness.engine.commandInstance({ orgId: harness.orgId, id: debugged, command: 'resume', requestId: 'req_r2' });
  assert.equal((await harness.ended(debugged)).status, 'completed');
});
