import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Step } from '../../src/contract/instances.ts';
import type { LastOutput } from '../../src/contract/test-runs.ts';
import { followedResults, itemsOf, largeOf, prefixOf, rememberedResults } from './last-results.ts';

const last: LastOutput = {
  key: 'read',
  path: 'read',
  status: 'completed',
  output: [1, 2],
  isLeftOut: false,
  bytes: 5,
  instanceId: 'inst_1',
  isTest: false,
  endedAt: null,
};
const step = (path: string, more: Partial<Step> = {}): Step => ({
  ...{ key: path, path, generation: 1, status: 'completed', attempt: 1, input: null, output: null, queuedAt: null, startedAt: null, endedAt: null, seq: 4 },
  ...more,
});
const run = { instanceId: 'inst_2', isTest: true, counts: {}, answered: new Set<string>(), outputs: new Map() };

describe('last results', () => {
  it('tell what the server remembers of the nodes that are there', () => {
    const found = rememberedResults([last, { ...last, key: 'gone' }], new Set(['read']));
    assert.deepEqual([...found.keys()], ['read']);
    assert.equal(found.get('read')?.items, 2);
    assert.equal(rememberedResults([{ ...last, isLeftOut: true, output: null }], new Set(['read'])).get('read')?.output, undefined);
  });
  it('take the followed run, but not what only stood in for a node', () => {
    const steps = new Map([step('a', { output: { n: 1 } }), step('b')].map((each) => [each.path, each]));
    const found = followedResults(new Set(['a', 'b', 'c']), '', { ...run, steps, answered: new Set(['b']) });
    assert.deepEqual([...found.keys()], ['a']);
    assert.deepEqual(found.get('a')?.output, { n: 1 });
  });
  it('hold an output that was read only while its step did not change', () => {
    const steps = new Map([['a', step('a')]]);
    const read = (seq: number): unknown =>
      followedResults(new Set(['a']), '', { ...run, steps, outputs: new Map([['a', { seq, output: 7 }]]) }).get('a')?.output;
    assert.equal(read(4), 7);
    assert.equal(read(3), undefined);
  });
  it('are those of one item inside a body', () => {
    assert.equal(prefixOf(['each', 'inner'], 3), 'each[0]/inner[3]/');
    const steps = new Map([['each[1]/a', step('each[1]/a')]]);
    assert.equal(followedResults(new Set(['a']), prefixOf(['each'], 1), { ...run, steps }).get('a')?.path, 'each[1]/a');
  });
  it('count lists and the items of maps, and know what is kept as a file', () => {
    assert.deepEqual([itemsOf([1]), itemsOf({ items: [1, 2], failed: 0 }), itemsOf({}), itemsOf(3)], [1, 2, undefined, undefined]);
    assert.deepEqual(largeOf({ $artifact: { id: 'art_1', bytes: 9, sha256: 'x' } }), { id: 'art_1', bytes: 9 });
    assert.equal(largeOf({ a: 1 }), undefined);
  });
});
