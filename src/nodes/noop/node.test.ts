import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { noop } from './node.ts';

test('gives its output, or an empty object', () => {
  assert.deepEqual(noop.run({ output: [1] }, nodeContext()), { kind: 'output', output: [1] });
  assert.deepEqual(noop.run({}, nodeContext()), { kind: 'output', output: {} });
});

test('is pure unless it stands for an effect', () => {
  assert.ok(typeof noop.pure === 'function');
  assert.equal(noop.pure({}), true);
  assert.equal(noop.pure({ effect: true }), false);
});
