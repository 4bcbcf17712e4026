import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loop } from './node.ts';

test('a hundred rounds at most, and then it fails, unless said otherwise', () => {
  const body = { nodes: [{ key: 'one', type: 'noop' }], edges: [] };
  assert.deepEqual(loop.toBody(loop.params.parse({ body }) as never), { kind: 'loop', maxIterations: 100, onLimit: 'fail' });
  assert.equal(loop.params.safeParse({ body, maxIterations: 0 }).success, false);
});
