import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { branchIf } from './node.ts';

test('leaves by the port that the condition names, with a reason', () => {
  for (const [condition, port] of [
    [true, 'true'],
    [1, 'true'],
    ['no', 'true'],
    [[0], 'true'],
    [false, 'false'],
    [null, 'false'],
    [0, 'false'],
    ['', 'false'],
    [[], 'false'],
    [{}, 'false'],
  ] as const) {
    assert.deepEqual(branchIf.run({ condition }, nodeContext()), {
      kind: 'output',
      output: { result: port === 'true' },
      port,
      reason: `the condition gave ${JSON.stringify(condition)}`,
    });
  }
});

test('a pinned or edited output stands for a port', () => {
  assert.equal(branchIf.portOf?.({ result: false }), 'false');
  assert.equal(branchIf.portOf?.('nonsense'), undefined);
});
