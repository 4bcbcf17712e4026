import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chartLines, nearestPoint, timeTicks } from './time-chart.ts';

const frame = { fromMs: 0, toMs: 600_000, width: 100, height: 50, max: 100, gapMs: 90_000 };
const at = (minute: number, value: number | null) => ({ atMs: minute * 60_000, value });

test('a line breaks where nothing is known, and what lies outside the frame is not drawn', () => {
  assert.deepEqual(chartLines([at(-1, 5), at(0, 0), at(1, 50), at(5, 100), at(6, 200), at(11, 5)], frame), ['0,50 10,25', '50,0 60,0']);
});

test('a value that is not known breaks the line only when the next one is far; one alone is a dash', () => {
  assert.deepEqual(chartLines([at(0, 0), at(1, null), at(2, 0)], frame), ['0,50 2,50', '20,50 22,50']);
  assert.deepEqual(chartLines([], frame), []);
});

test('ticks are round on the clock of the reader', () => {
  const from = Date.UTC(2026, 0, 1, 10, 7);
  const ticks = timeTicks({ fromMs: from, toMs: from + 3_600_000 }, 6, 0).map((tick) => new Date(tick).toISOString().slice(11, 16));
  assert.deepEqual(ticks, ['10:10', '10:20', '10:30', '10:40', '10:50', '11:00']);
  const [first] = timeTicks({ fromMs: from, toMs: from + 86_400_000 }, 6, 5.5 * 3_600_000);
  assert.equal(new Date((first ?? 0) + 5.5 * 3_600_000).toISOString().slice(11, 16), '18:00');
});

test('the point under the pointer is the nearest in time', () => {
  assert.equal(nearestPoint([at(0, 1), at(5, 2)], 170_000), 1);
  assert.equal(nearestPoint([], 0), undefined);
});
