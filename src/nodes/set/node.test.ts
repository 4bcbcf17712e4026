import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { set } from './node.ts';

test('gives the evaluated values', () => {
  assert.deepEqual(set.run({ values: { a: 1, b: [null] } }, nodeContext()), { kind: 'output', output: { a: 1, b: [null] } });
});

test('takes an object only', () => assert.equal(set.params.safeParse({ values: [1] }).success, false));
