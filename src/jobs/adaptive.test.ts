/** The number of slots as a queue goes on: simulated machines, three seconds a turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adapt, ADAPT_EVERY_MS, BASE_SLOTS, createPulse } from './adaptive.ts';

interface Load {
  readonly turns: number;
  /** Jobs that come in a turn. */
  readonly comeEach: number;
  readonly runsMs: number;
  /** Whether the attempt that ends at this time fails. */
  readonly fails?: (nowMs: number, number: number) => boolean;
  /** How long a process takes to start, with so many running. */
  readonly startMs?: (running: number, nowMs: number) => number;
}

/** A queue with its slots, turn by turn. @returns the slots after each turn */
function simulate(load: Load): number[] {
  const pulse = createPulse();
  let [slots, depth, number] = [BASE_SLOTS, 0, 0];
  let running: number[] = [];
  return Array.from({ length: load.turns }, (_, turn) => {
    const nowMs = turn * ADAPT_EVERY_MS;
    depth += load.comeEach;
    for (const endsAt of running) if (endsAt <= nowMs) pulse.ended(load.fails?.(nowMs, number++) ?? false, nowMs);
    running = running.filter((endsAt) => endsAt > nowMs);
    while (running.length < slots && depth > 0) {
      depth--;
      running.push(nowMs + load.runsMs);
      pulse.began(load.startMs?.(running.length, nowMs) ?? 5, nowMs);
    }
    slots = adapt({ slots, depth, ...pulse.read(nowMs) });
    return slots;
  });
}

const last = (slots: readonly number[]): number => slots.at(-1) ?? 0;

test('a deep queue on a sound machine gets all the slots there may be, two at a time', () => {
  const slots = simulate({ turns: 60, comeEach: 200, runsMs: 3_000 });
  assert.deepEqual(slots.slice(0, 3), [6, 8, 10]);
  assert.equal(last(slots), 32);
});

test('long jobs do not bring it down', () => {
  const slots = simulate({ turns: 2_000, comeEach: 2, runsMs: 30 * 60_000 });
  assert.ok(Math.min(...slots) >= BASE_SLOTS);
  assert.equal(last(slots), 32);
});

test('errors bring it down to one slot, and it recovers when they stop, also in a queue that is not deep', () => {
  const slots = simulate({ turns: 200, comeEach: 4, runsMs: 3_000, fails: (nowMs) => nowMs < 100 * ADAPT_EVERY_MS });
  assert.equal(slots[99], 1);
  assert.ok(last(slots) >= BASE_SLOTS);
});

test('one failure among many changes nothing', () => {
  const slots = simulate({ turns: 200, comeEach: 200, runsMs: 3_000, fails: (_, number) => number % 10 === 0 });
  assert.equal(last(slots), 32);
});

test('a machine that is slow to start processes beyond so many of them settles near that number', () => {
  const slots = simulate({ turns: 400, comeEach: 200, runsMs: 3_000, startMs: (running) => (running > 12 ? 5_000 : 50) });
  assert.ok(slots.slice(100).every((count) => count <= 16));
  assert.ok(slots.slice(100).reduce((sum, count) => sum + count, 0) / 300 >= 4);
});

test('an idle queue goes back to where it began', () => {
  const pulse = createPulse();
  let slots = 32;
  for (let turn = 0; turn < 20; turn++) slots = adapt({ slots, depth: 0, ...pulse.read(turn * ADAPT_EVERY_MS) });
  assert.equal(slots, BASE_SLOTS);
});

test('whatever happens it stays between 1 and 32', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const slots = simulate({
      turns: 300,
      comeEach: seed % 60,
      runsMs: (seed % 7) * 2_000 + 1,
      fails: (nowMs, number) => (number * seed + nowMs) % 11 < seed % 5,
    });
    assert.ok(slots.every((count) => Number.isInteger(count) && count >= 1 && count <= 32));
  }
});
