import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shiftInto } from './shift-into.ts';
import { startOf } from './start-view.ts';

const pane = { width: 1_000, height: 600 };
const card = (x: number, y: number) => ({ x, y, width: 216, height: 76 });

test('a small graph is shown whole, in the middle, at full size', () => {
  assert.deepEqual(startOf(new Map([['a', card(0, 0)]]), pane), { x: 392, y: 262, zoom: 1 });
});

test('a large graph begins at its beginning, at a size to read', () => {
  const places = new Map(Array.from({ length: 100 }, (_, index) => [`n${index}`, card(index * 300, 0)]));
  const { x, zoom } = startOf(places, pane);
  assert.ok(zoom > 0.6 && x > 0 && x < 200);
});

test('what is in sight moves nothing, what is beyond comes just in, what is too large is left to others', () => {
  const viewport = { x: 0, y: 0, zoom: 1 };
  const size = { clientWidth: 1_000, clientHeight: 600 };
  assert.deepEqual(shiftInto(card(100, 100), viewport, size), { x: 0, y: 0 });
  assert.deepEqual(shiftInto(card(1_000, -50), viewport, size), { x: -264, y: 98 });
  assert.equal(shiftInto({ ...card(0, 0), width: 5_000 }, viewport, size), undefined);
});
