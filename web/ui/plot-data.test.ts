import assert from 'node:assert/strict';
import { test } from 'node:test';
import { align, stack } from './plot-data.ts';

test('series stand on one axis, without a value where one has none', () => {
  const { xs, ys } = align([
    [
      { x: 1, y: 10 },
      { x: 3, y: 30 },
    ],
    [
      { x: 3, y: 5 },
      { x: 2, y: null },
    ],
  ]);
  assert.deepEqual(xs, [1, 2, 3]);
  assert.deepEqual(ys, [
    [10, null, 30],
    [null, null, 5],
  ]);
});

test('points too far apart are not joined', () => {
  const { xs, ys } = align([[0, 1, 9, 10].map((x) => ({ x, y: x }))], 2);
  assert.deepEqual(xs, [0, 1, 5, 9, 10]);
  assert.deepEqual(ys, [[0, 1, null, 9, 10]]);
});

test('a stack adds up; one that has nothing adds nothing, and a moment of which nothing is known stays open', () => {
  assert.deepEqual(
    stack([
      [1, null, null],
      [2, 3, null],
    ]),
    [
      [1, 0, null],
      [3, 3, null],
    ],
  );
  assert.deepEqual(stack([]), []);
});
