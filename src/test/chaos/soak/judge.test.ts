import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { findGrowth, findKept, slopeOf, warm, type SoakSample } from './judge.ts';

const MIB = 2 ** 20;
const MINUTE = 60_000;

function sampleAt(minute: number, more: Partial<SoakSample> = {}): SoakSample {
  const still = { descriptors: 40, handles: 20, sockets: 4, processes: 16, zombies: 0, childrenBytes: 60 * MIB, tempFiles: 0 };
  return { ...still, atMs: minute * MINUTE, rssBytes: 180 * MIB, heapBytes: 60 * MIB, databaseBytes: 20 * MIB, healthMs: 2, ...more };
}

/** Noise as a collector makes it, the same each time. */
const wobble = (minute: number): number => ((minute * 37) % 11) * MIB;
const hour = (grows: number): SoakSample[] =>
  Array.from({ length: 120 }, (_, index) => sampleAt(index / 2, { rssBytes: 180 * MIB + wobble(index) + (grows * MIB * index) / 120 }));

test('memory that goes up and down is no leak, memory that goes up is', () => {
  deepEqual(findGrowth(hour(0)), []);
  const [fault, ...others] = findGrowth(hour(20));
  ok(fault?.startsWith('RSS grows by ') === true);
  deepEqual(others, []);
});

test('the slope comes with its uncertainty, and few samples have none', () => {
  const slope = slopeOf(hour(20).map((one) => ({ atMs: one.atMs, value: one.rssBytes })));
  ok(slope !== undefined && Math.abs(slope.perHour - 20 * MIB) < slope.give && slope.give > 0);
  equal(slopeOf([{ atMs: 0, value: 1 }]), undefined);
});

test('what fills up at the beginning does not count', () => {
  const samples = Array.from({ length: 120 }, (_, index) => sampleAt(index / 2, { rssBytes: (100 + Math.min(80, index * 2)) * MIB }));
  deepEqual(findGrowth(samples), []);
  equal(warm(samples)[0]?.atMs, 20 * MINUTE);
});

test('what is not given back is named', () => {
  const faults = findKept({ before: sampleAt(0), rest: sampleAt(61, { descriptors: 90, zombies: 2, tempFiles: 9 }) });
  deepEqual(findKept({ before: sampleAt(0), rest: sampleAt(61) }), []);
  deepEqual(faults, ['descriptors: 90 when all was over, 40 before', 'tempFiles: 9 when all was over, 0 before', '2 zombies when all was over']);
});
