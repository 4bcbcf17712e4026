import assert from 'node:assert/strict';
import { test } from 'node:test';
import { thinOut } from './retention.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-22T03:00:00.000Z');
/** One a day, `days` back; the id says how many days ago. */
const daily = (days: number) => Array.from({ length: days }, (_, ago) => ({ id: String(ago), createdAtMs: NOW - ago * DAY_MS, isProven: ago === 40 }));
const kept = (backups: ReturnType<typeof daily>, keep: Parameters<typeof thinOut>[1]): string[] => {
  const gone = new Set(thinOut(backups, keep));
  return backups.map(({ id }) => id).filter((id) => !gone.has(id));
};

test('the newest of so many days, weeks and months stay, and the newest that was proved', () => {
  // 22 November 2026 is a Sunday: its week began on the 16th.
  assert.deepEqual(kept(daily(100), { daily: 3, weekly: 3, monthly: 3 }), ['0', '1', '2', '7', '14', '22', '40', '53']);
});

test('the newest stays whatever is asked, and the newest proven one', () => {
  assert.deepEqual(kept(daily(50), { daily: 0, weekly: 0, monthly: 0 }), ['0', '40']);
  assert.deepEqual(thinOut([], { daily: 1, weekly: 1, monthly: 1 }), []);
});

test('of several on one day the newest stands for it', () => {
  const sameDay = [0, 1, 2].map((hour) => ({ id: String(hour), createdAtMs: NOW + hour * 3_600_000, isProven: false }));
  assert.deepEqual(thinOut(sameDay, { daily: 5, weekly: 5, monthly: 5 }), ['1', '0']);
});
