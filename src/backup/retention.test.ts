import assert from 'node:assert/strict';
import { test } from 'node:test';
import { thinOut, type Kept } from './retention.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-22T03:00:00.000Z');
/** One a day, `days` back; the id says how many days ago. */
const daily = (days: number): Kept[] =>
  Array.from({ length: days }, (_, ago) => ({ id: String(ago), kind: 'logical', createdAtMs: NOW - ago * DAY_MS, isProven: ago === 40 }));
const kept = (backups: readonly Kept[], keep: Parameters<typeof thinOut>[1]): string[] => {
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
  const sameDay = [0, 1, 2].map((hour) => ({ id: String(hour), kind: 'logical' as const, createdAtMs: NOW + hour * 3_600_000, isProven: false }));
  assert.deepEqual(thinOut(sameDay, { daily: 5, weekly: 5, monthly: 5 }), ['1', '0']);
});

test('a physical backup takes the place of no logical one, nor the other way round', () => {
  const both = daily(3).flatMap((one): Kept[] => [one, { ...one, id: `p${one.id}`, kind: 'physical', createdAtMs: one.createdAtMs + 1 }]);
  assert.deepEqual(kept(both, { daily: 2, weekly: 0, monthly: 0 }), ['0', 'p0', '1', 'p1']);
});
