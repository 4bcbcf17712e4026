import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containersOf, countShares, countsText, countedStatuses } from './body-counts.ts';

test('maps and loops are found at every depth', () => {
  const inner = { key: 'inner', type: 'loop', params: { body: { nodes: [{ key: 'leaf', type: 'noop' }], edges: [] } } };
  const nodes = [
    { key: 'outer', type: 'map', params: { items: [], body: { nodes: [inner], edges: [] } } },
    { key: 'plain', type: 'set', params: { values: { body: 1 } } },
  ];
  assert.deepEqual([...containersOf({ nodes: nodes as never })], ['outer', 'inner']);
  assert.equal(containersOf(undefined).size, 0);
});

test('counts are said in words, what went wrong first', () => {
  assert.equal(countsText({ total: 10_003, counts: { completed: 10_000, failed: 1, running: 2 }, count: null }), '1 failed, 2 running, 10,000 completed');
  assert.equal(countsText({ total: 12, counts: { completed: 11, failed: 1 }, count: 10_000 }), '1 failed, 11 completed of 10,000');
  assert.equal(countsText({ total: 0, counts: {}, count: null }), 'no item yet');
  assert.equal(countsText({ total: 0, counts: {}, count: 3 }), 'none of 3 yet');
});

test('statuses are counted, what went wrong first', () => {
  assert.deepEqual(countedStatuses({ total: 4, counts: { completed: 3, failed: 1 }, count: 9 }), [
    ['failed', 1],
    ['completed', 3],
  ]);
});

test('the shares of the items fill the whole, the most telling first', () => {
  assert.deepEqual(countShares({ total: 4, counts: { completed: 3, failed: 1 }, count: 4 }), [
    { status: 'failed', from: 0, to: 0.25 },
    { status: 'completed', from: 0.25, to: 1 },
  ]);
  assert.deepEqual(countShares({ total: 0, counts: {}, count: 9 }), []);
});
