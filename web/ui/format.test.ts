import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAbsolute, formatBytes, formatCount, formatDuration, formatMs, formatPercent, formatRelative, formatShort } from './format.ts';

test('bytes are whole below a KiB and keep two digits above', () => {
  assert.deepEqual([0, 999, 1_023, 1_024, 10_239, 10_240, 1_048_575, 5 * 1024 ** 3].map(formatBytes), [
    '0 B',
    '999 B',
    '1023 B',
    '1.0 KiB',
    '10 KiB',
    '10 KiB',
    '1.0 MiB',
    '5.0 GiB',
  ]);
});

test('durations never show sixty of a smaller unit', () => {
  assert.deepEqual([0, 340, 2_400, 9_960, 59_400, 59_600, 65_000, 3_599_600, 7_380_000, 273_600_000].map(formatDuration), [
    '0 ms',
    '340 ms',
    '2.4 s',
    '10 s',
    '59 s',
    '1 m 00 s',
    '1 m 05 s',
    '1 h 00 m',
    '2 h 03 m',
    '3 d 04 h',
  ]);
});

test('relative times look both ways and turn into a date after a month', () => {
  const now = Date.UTC(2026, 4, 1);
  assert.equal(formatRelative(now - 2_000, now), 'now');
  assert.equal(formatRelative(now - 65_000, now), '1 m ago');
  assert.equal(formatRelative(now + 7_200_000, now), 'in 2 h');
  assert.equal(formatRelative(Date.UTC(2026, 0, 2, 12), now, 'en-GB'), '2 Jan 2026');
});

test('absolute times name their zone', () => {
  assert.match(formatAbsolute(Date.UTC(2026, 0, 2, 3, 4, 5), { locale: 'en-GB', timeZone: 'UTC' }), /2 Jan 2026.*03:04:05 UTC/);
});

test('latencies keep one digit while they are small', () => {
  assert.deepEqual([0, 0.44, 9.94, 9.96, 13.332].map(formatMs), ['0.0 ms', '0.4 ms', '9.9 ms', '10 ms', '13 ms']);
});

test('counts and shares are words', () => {
  assert.deepEqual([formatCount(1, 'file'), formatCount(1_204, 'file'), formatCount(2, 'entry', 'entries')], ['1 file', '1,204 files', '2 entries']);
  assert.deepEqual([0, 0.004, 0.42, 1].map(formatPercent), ['0 %', '0.4 %', '42 %', '100 %']);
});

test('counts in little space keep two digits', () => {
  assert.deepEqual([0, 940, 1_000, 1_240, 34_400, 999_600, 5_120_000].map(formatShort), ['0', '940', '1.0k', '1.2k', '34k', '1.0M', '5.1M']);
});
