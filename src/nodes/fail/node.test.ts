import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { fail } from './node.ts';

test('ends the instance as failed, with code and message', () => {
  assert.deepEqual(fail.run({ message: 'no', code: 'x' }, nodeContext()), { kind: 'end', status: 'failed', code: 'x', message: 'no' });
  assert.deepEqual(fail.run({ message: { a: 1 } }, nodeContext()), { kind: 'end', status: 'failed', code: 'failed', message: '{"a":1}' });
});
