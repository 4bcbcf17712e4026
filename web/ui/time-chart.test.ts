import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeTicks } from './time-chart.ts';

test('ticks are round on the clock of the reader', () => {
  const from = Date.UTC(2026, 0, 1, 10, 7);
  const ticks = timeTicks({ fromMs: from, toMs: from + 3_600_000 }, 6, 0).map((tick) => new Date(tick).toISOString().slice(11, 16));
  assert.deepEqual(ticks, ['10:10', '10:20', '10:30', '10:40', '10:50', '11:00']);
  const [first] = timeTicks({ fromMs: from, toMs: from + 86_400_000 }, 6, 5.5 * 3_600_000);
  assert.equal(new Date((first ?? 0) + 5.5 * 3_600_000).toISOString().slice(11, 16), '18:00');
});
