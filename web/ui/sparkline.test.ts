import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sparklinePoints } from './sparkline.ts';

test('a series fills the width and stays inside the height', () => {
  const [line] = sparklinePoints([0, 5, 10], { width: 100, height: 22 });
  assert.equal(line?.points, '0,21 50,11 100,1');
  assert.equal(line?.area, '0,22 0,21 50,11 100,1 100,22');
});

test('a gap breaks the line, and a lone value is still seen', () => {
  assert.deepEqual(
    sparklinePoints([1, null, 1], { width: 10, height: 12, max: 1 }).map((line) => line.points),
    ['0,1 2,1', '10,1 12,1'],
  );
});

test('no values draw nothing', () => {
  assert.deepEqual(sparklinePoints([], { width: 10, height: 10 }), []);
});
