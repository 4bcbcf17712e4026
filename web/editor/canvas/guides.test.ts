import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignmentOf, boxOf } from './guides.ts';

const still = { x: 100, y: 100, width: 216, height: 76 };

test('what comes near a side of another falls into its line', () => {
  const snap = alignmentOf({ ...still, x: 105, y: 300 }, [still]);
  assert.deepEqual([snap.dx, snap.dy, snap.guides], [-5, 0, [{ axis: 'x', at: 100, from: 100, to: 376 }]]);
});

test('what is far from every line stays', () => {
  assert.deepEqual(alignmentOf({ ...still, x: 150, y: 340 }, [still]), { dx: 0, dy: 0, guides: [] });
});

test('the nearest of several lines wins', () => {
  assert.equal(
    alignmentOf({ ...still, x: 104 }, [
      { ...still, x: 98 },
      { ...still, x: 105 },
    ]).dx,
    1,
  );
});

test('the box around several holds all of them', () => {
  assert.deepEqual(boxOf([still, { x: 0, y: 150, width: 10, height: 400 }]), { x: 0, y: 100, width: 316, height: 450 });
  assert.equal(boxOf([]), undefined);
});
