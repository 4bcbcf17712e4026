/** A fault of the engine itself fails one instance, and its neighbours go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import type { NodeResult } from '../nodes/kit.ts';
import { engineHarness } from '../test/engine.ts';
import { testNode } from '../test/test-node.ts';

/** Gives what no node may: the engine has no way to go on from it. */
const nonsense = testNode({
  type: 'test.nonsense',
  params: z.strictObject({ isLate: z.boolean() }),
  run(params) {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const result = { kind: 'output', output: circle } as unknown as NodeResult;
    return params.isLate ? Promise.resolve(result) : result;
  },
});

for (const isLate of [false, true]) {
  test(`a result that can't be written fails its instance, ${isLate ? 'given later' : 'given at once'}`, async () => {
    const h = await engineHarness({ types: [nonsense] });
    const good = await h.publish({ nodes: [{ key: 'a', type: 'noop', params: { effect: true } }] });
    const bad = await h.publish({ nodes: [{ key: 'x', type: 'test.nonsense', params: { isLate } }] });
    const [badId, goodId] = [await h.start(bad), await h.start(good)];
    const failed = await h.ended(badId);
    assert.deepEqual([failed.status, failed.error?.code], ['failed', 'engine_fault']);
    assert.equal((await h.ended(goodId)).status, 'completed');
    assert.equal((await h.ended(await h.start(good))).status, 'completed');
    await h.close();
  });
}
