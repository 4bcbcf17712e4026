import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { branchSwitch } from './node.ts';

const params = {
  value: { b: 1, a: 2 },
  cases: [
    { port: 'same', equals: { a: 2, b: 1 } },
    { port: 'large', when: true },
  ],
};

test('takes the first case that fits', () => {
  assert.deepEqual(branchSwitch.run(params, nodeContext()), {
    kind: 'output',
    output: { port: 'same', reason: 'case 1 fits: the value equals {"a":2,"b":1}' },
    port: 'same',
    reason: 'case 1 fits: the value equals {"a":2,"b":1}',
  });
  assert.deepEqual(branchSwitch.run({ ...params, value: 1 }, nodeContext()), {
    kind: 'output',
    output: { port: 'large', reason: 'case 2 fits: its condition is true' },
    port: 'large',
    reason: 'case 2 fits: its condition is true',
  });
});

test('takes the default when no case fits, and no port without one', () => {
  const cases = [{ port: 'one', equals: 1 }];
  assert.deepEqual(branchSwitch.run({ value: 2, cases, default: 'other' }, nodeContext()), {
    kind: 'output',
    output: { port: 'other', reason: 'no case fits: the default' },
    port: 'other',
    reason: 'no case fits: the default',
  });
  assert.deepEqual(branchSwitch.run({ value: 2, cases }, nodeContext()), {
    kind: 'output',
    output: { port: null, reason: 'no case fits' },
    port: '',
    reason: 'no case fits',
  });
});

test('its ports are those of its cases', () => {
  assert.deepEqual(branchSwitch.portsOf?.({ cases: [{ port: 'a' }, { port: 'b' }, { port: 'a' }], default: 'c' }), ['a', 'b', 'c']);
  assert.deepEqual(branchSwitch.portsOf?.({ cases: 'nonsense' }), []);
});

test('a case has exactly one of equals and when', () => {
  assert.equal(branchSwitch.params.safeParse({ cases: [{ port: 'a' }] }).success, false);
  assert.equal(branchSwitch.params.safeParse({ cases: [{ port: 'a', equals: 1, when: true }] }).success, false);
});
