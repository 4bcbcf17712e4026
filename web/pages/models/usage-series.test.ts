import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usageAreas } from './usage-series.ts';

const row = (day: string, model: string, tokens: number) => ({ day, model, requests: 1, failed: 0, promptTokens: tokens, completionTokens: 1 });

test('models lie upon each other by day, the largest first, with nothing on days without use', () => {
  const areas = usageAreas([row('2026-01-02', 'small', 9), row('2026-01-01', 'large', 99), row('2026-01-02', 'large', 9)]);
  assert.deepEqual(
    areas.map(({ name, points }) => [name, points.map(({ y }) => y)]),
    [
      ['large', [100, 10]],
      ['small', [0, 10]],
    ],
  );
});

test('of many models the smallest are one area, and nothing is lost', () => {
  const areas = usageAreas(Array.from({ length: 7 }, (_, index) => row('2026-01-01', `m${index}`, index)));
  assert.deepEqual(
    areas.map(({ name, points }) => [name, points[0]?.y]),
    [
      ['m6', 7],
      ['m5', 6],
      ['m4', 5],
      ['m3', 4],
      ['3 more', 6],
    ],
  );
  assert.deepEqual(usageAreas([]), []);
});
