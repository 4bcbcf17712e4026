/** Test runs as durable as any instance: after a crash they go on with what they ran, whatever became of the draft and the versions meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../kernel/ids.ts';
import { engineHarness } from '../test/engine.ts';

test('a test run goes on after a crash with the definition it began with', async (t) => {
  const h = await engineHarness();
  t.after(() => h.close());
  await h.boot();
  const workflowId = await h.publish({ nodes: [{ key: 'published', type: 'noop', params: { output: 'the version' } }] });
  const id = newId('inst');
  await h.engine.startTestRun({
    ...{ id, isNew: true, orgId: h.orgId, userId: h.userId, role: 'super_admin', requestId: 'req_test', workflowId },
    definition: {
      nodes: [
        { key: 'before', type: 'noop', params: { output: 'never asked' } },
        { key: 'wait', type: 'wait.timer', params: { durationMs: 1_000 } },
        { key: 'end', type: 'noop', params: { output: '{{ steps.before.output }}' } },
      ],
      edges: [
        { from: 'before', to: 'wait' },
        { from: 'wait', to: 'end' },
      ],
    },
    run: { kind: 'all' },
    pinned: { before: 'pinned' },
  });
  await h.until(async () => (await h.instance(id)).status === 'waiting', 'it waits');
  await h.takeOver();
  await h.clock.advance(2_000);
  const instance = await h.ended(id);
  assert.deepEqual([instance.status, instance.output, instance.isTest], ['completed', 'pinned', true]);
});
