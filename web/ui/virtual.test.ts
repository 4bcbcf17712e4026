import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scrollTo, windowOf } from './virtual.ts';

const list = { count: 1_000, rowPx: 28, heightPx: 280, spare: 2 };

test('only what is in sight and a little more is drawn, and the heights add up', () => {
  const seen = windowOf({ ...list, scrollPx: 28 * 100 });
  assert.deepEqual([seen.first, seen.end], [98, 113]);
  assert.equal(seen.abovePx + seen.belowPx + (seen.end - seen.first) * 28, 28_000);
});

test('a list that shrank below the scroll position still draws its last rows', () => {
  const seen = windowOf({ ...list, count: 5, scrollPx: 28 * 100 });
  assert.deepEqual([seen.first, seen.end, seen.abovePx, seen.belowPx], [0, 5, 0, 0]);
});

test('an empty list draws nothing', () => {
  assert.deepEqual(windowOf({ ...list, count: 0, scrollPx: 0 }), { first: 0, end: 0, abovePx: 0, belowPx: 0 });
});

test('a row in sight moves nothing, others come by the nearest edge', () => {
  const at = { rowPx: 28, scrollPx: 280, heightPx: 280 };
  assert.equal(scrollTo({ ...at, index: 12 }), 280);
  assert.equal(scrollTo({ ...at, index: 3 }), 84);
  assert.equal(scrollTo({ ...at, index: 25 }), 448);
});
