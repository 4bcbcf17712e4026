import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { merge } from './node.ts';

test('says who led here', () => {
  assert.deepEqual(merge.run({ mode: 'any' }, nodeContext({ from: ['a', 'b'] })), { kind: 'output', output: { from: ['a', 'b'] } });
});

test('n belongs to its mode', () => {
  assert.equal(merge.params.safeParse({ mode: 'n' }).success, false);
  assert.equal(merge.params.safeParse({ mode: 'all', n: 2 }).success, false);
  assert.equal(merge.params.safeParse({ mode: 'n', n: 2 }).success, true);
});
