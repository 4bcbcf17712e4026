import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { clampRange, isWhole, panRange, shareOf, zoomRange } from './range.ts';

const whole = { from: 0, to: 1_000 };

test('zooming keeps the point under the pointer where it is', () => {
  const near = zoomRange(whole, whole, { factor: 0.5, around: 250, least: 1 });
  deepEqual(near, { from: 125, to: 625 });
  deepEqual(zoomRange(near, whole, { factor: 0.5, around: 250, least: 1 }), { from: 187.5, to: 437.5 });
});

test('zooming out ends at the whole, zooming in at the least width', () => {
  deepEqual(zoomRange({ from: 100, to: 900 }, whole, { factor: 4, around: 500, least: 1 }), whole);
  const least = zoomRange({ from: 10, to: 20 }, whole, { factor: 0.01, around: 15, least: 5 });
  equal(least.to - least.from, 5);
});

test('panning stops at the ends and keeps the width', () => {
  deepEqual(panRange({ from: 0, to: 100 }, whole, 0.5), { from: 50, to: 150 });
  deepEqual(panRange({ from: 0, to: 100 }, whole, -3), { from: 0, to: 100 });
  deepEqual(panRange({ from: 850, to: 950 }, whole, 2), { from: 900, to: 1_000 });
  deepEqual(clampRange({ from: -5, to: 2_000 }, whole), whole);
});

test('what lies outside of the window has no share of it', () => {
  deepEqual(shareOf({ from: 0, to: 50 }, { from: 0, to: 100 }), { from: 0, to: 0.5 });
  deepEqual(shareOf({ from: 50, to: 500 }, { from: 0, to: 100 }), { from: 0.5, to: 1 });
  equal(shareOf({ from: 200, to: 300 }, { from: 0, to: 100 }), undefined);
  equal(isWhole({ from: 0, to: 1_000 }, whole), true);
  equal(isWhole({ from: 1, to: 1_000 }, whole), false);
});
