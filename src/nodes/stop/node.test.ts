import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { stop } from './node.ts';

test('ends the instance as completed', () => {
  assert.deepEqual(stop.run({ output: 1 }, nodeContext()), { kind: 'end', status: 'completed', output: 1 });
  assert.deepEqual(stop.run({}, nodeContext()), { kind: 'end', status: 'completed', output: undefined });
});
