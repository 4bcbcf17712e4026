import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { template } from './node.ts';

test('gives a text, whatever its only expression gave', () => {
  assert.deepEqual(template.run({ text: 'Hello' }, nodeContext()), { kind: 'output', output: { text: 'Hello' } });
  assert.deepEqual(template.run({ text: { a: 1 } }, nodeContext()), { kind: 'output', output: { text: '{"a":1}' } });
  assert.deepEqual(template.run({ text: null }, nodeContext()), { kind: 'output', output: { text: '' } });
});
