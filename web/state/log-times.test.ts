/** Times of a log: which a byte has, how fast it grew, and what people mean. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOverTime, timeMeant, timeOfByte } from './log-times.ts';

const moments = [
  { atMs: 1_000, byte: 0 },
  { atMs: 2_000, byte: 100 },
  { atMs: 9_000, byte: 150 },
];

test('a line has the time of the last moment before it', () => {
  assert.deepEqual(
    [0, 99, 100, 149, 5_000].map((byte) => timeOfByte(moments, byte)),
    [1_000, 1_000, 2_000, 2_000, 9_000],
  );
  assert.equal(timeOfByte([], 5), undefined);
});

test('every byte counts in the part of the time in which it was written', () => {
  assert.deepEqual(bytesOverTime(moments, 200, 4), [150, 0, 0, 50]);
  assert.deepEqual(bytesOverTime([], 0, 2), [0, 0]);
});

test('a time is meant by the clock, from the beginning, from the end, or by its date', () => {
  const firstMs = new Date(2026, 4, 1, 22, 0, 0).getTime();
  const span = { firstMs, lastMs: firstMs + 4 * 3_600_000 };
  const meant = (words: string): number | undefined => timeMeant(words, span);
  assert.equal(meant('22:30'), firstMs + 30 * 60_000);
  assert.equal(meant('23:00:01.5'), firstMs + 3_601_500);
  // It is past midnight by then.
  assert.equal(meant('01:15'), firstMs + 3.25 * 3_600_000);
  assert.equal(meant('+90'), firstMs + 90_000);
  assert.equal(meant('+1.5h'), firstMs + 5_400_000);
  assert.equal(meant('-5m'), span.lastMs - 300_000);
  assert.equal(meant('2026-05-01T20:00:00Z'), Date.parse('2026-05-01T20:00:00Z'));
  for (const words of ['', 'soon', '25:00', '12', '12:61', '+x']) assert.equal(meant(words), undefined, words);
});
