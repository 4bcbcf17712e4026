/** Workflows that call workflows: what goes in, what comes out, and what ends with what. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { node, set } from '../test/graph-nodes.ts';

let harness: EngineHarness;
before(async () => {
  harness = await engineHarness();
});
after(() => harness.close());

test('a called workflow gives its output, and its failure is the failure of the step', async () => {
  const child = await harness.publish({ nodes: [set('twice', { v: '{{ input.v * 2 }}' })] });
  const { id, instance, steps } = await harness.run({ nodes: [node('call', 'workflow.call', { workflowId: child, input: { v: 21 } })] });
  assert.deepEqual(instance.output, { v: 42 }, JSON.stringify(instance.error));
  const childId = /result of (inst_\w+)/.exec(steps['call']?.reason ?? '')?.[1] ?? '';
  assert.deepEqual((await harness.instance(childId)).parent, { instanceId: id, path: 'call', generation: 1 });

  const bad = await harness.publish({ nodes: [node('no', 'fail', { message: 'never', code: 'never' })] });
  const { instance: failed } = await harness.run({ nodes: [node('call', 'workflow.call', { workflowId: bad })] });
  const details = failed.error?.details as { code: string } | undefined;
  assert.deepEqual([failed.status, failed.error?.code, details?.code], ['failed', 'child_failed', 'never']);
});

test('a called workflow is handed no secrets: its input would show them', async () => {
  harness.secrets.set('CANARY', 'canary-51ad');
  const child = await harness.publish({ nodes: [node('show', 'noop', { output: '{{ input }}' })] });
  const { id, instance } = await harness.run({ nodes: [node('call', 'workflow.call', { workflowId: child, input: { key: '{{ secrets.CANARY }}' } })] });
  assert.equal(instance.error?.code, 'secret_use', JSON.stringify(instance));
  assert.doesNotMatch(JSON.stringify([instance, await harness.steps(id), await harness.events(id)]), /canary-51ad/);
});

test('cancelling the caller cancels what it called, also after a crash', async () => {
  const child = await harness.publish({ nodes: [node('long', 'wait.timer', { durationMs: 86_400_000 })] });
  const id = await harness.start(await harness.publish({ nodes: [node('call', 'workflow.call', { workflowId: child })] }));
  await harness.until(async () => (await harness.steps(id))['call']?.status === 'waiting', 'the call');
  const childId = (await harness.steps(id))['call']?.waitReason?.instanceId ?? '';
  await harness.takeOver();
  await harness.engine.commandInstance({ orgId: harness.orgId, id, command: 'cancel', requestId: 'req_c' });
  assert.equal((await harness.ended(childId)).status, 'cancelled');
});

test('workflows that call themselves are stopped at the limit of depth', async () => {
  const id = await harness.publish({ nodes: [node('one', 'noop')] });
  const definition = { nodes: [node('again', 'workflow.call', { workflowId: '{{ workflow.id }}' })], edges: [] };
  await harness.engine.publishWorkflow({
    orgId: harness.orgId,
    userId: harness.userId,
    role: 'super_admin',
    requestId: 'req_d',
    workflowId: id,
    name: 'Deep',
    definition,
    ifMatch: '*',
  });
  const instance = await harness.ended(await harness.start(id));
  assert.deepEqual([instance.status, instance.error?.code], ['failed', 'child_failed']);
});
