import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { log } from './node.ts';

test('writes one line and gives it', () => {
  const context = nodeContext();
  assert.deepEqual(log.run({ message: 'hi' }, context), { kind: 'output', output: { message: 'hi' } });
  void log.run({ message: { a: 1 } }, context);
  assert.deepEqual(context.lines, ['hi', '{"a":1}']);
});
