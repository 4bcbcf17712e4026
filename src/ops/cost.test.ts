import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shareCosts, type HeldUse, type MachineRun } from './cost.ts';

const HOUR = 3_600_000;
const run = (more: Partial<MachineRun> = {}): MachineRun => ({ startMs: 0, endMs: 10 * HOUR, perHour: 2, gpus: 2, slots: 8, ...more });
const use = (key: string, from: number, to: number, more: Partial<HeldUse> = {}): HeldUse => ({
  key,
  startMs: from * HOUR,
  endMs: to * HOUR,
  gpus: 0,
  ...{ slots: 1, isJob: true },
  ...more,
});
const all = { sinceMs: 0, untilMs: 10 * HOUR };
const costOf = (shares: readonly { key: string | null; cost: number }[]): [string | null, number][] =>
  shares.map(({ key, cost }) => [key, Math.round(cost * 1e6) / 1e6]);

test('a job pays for the devices it held, for as long as it held them; the rest stays with nobody', () => {
  const { total, attributed, shares, hours } = shareCosts(
    [run()],
    [use('a', 0, 1, { gpus: 2 }), use('b', 2, 4, { gpus: 0.5 }), use('c', 3, 4, { gpus: 0.25 })],
    all,
  );
  deepEqual(costOf(shares), [
    ['a', 2],
    ['b', 1],
    ['c', 0.25],
  ]);
  deepEqual([hours, total, attributed], [10, 20, 3.25]);
});

test('without devices a job pays for its slots', () => {
  deepEqual(costOf(shareCosts([run({ gpus: 0 })], [use('a', 0, 4), use('b', 0, 4, { slots: 3 })], all).shares), [
    ['b', 3],
    ['a', 1],
  ]);
});

test('a model pays for what it holds, and what it held while nobody used it stands apart; without devices it pays for its part of the machine', () => {
  const model = { gpus: 0.5, slots: 0, part: 0.25, busy: 0.25, isJob: false };
  const { attributed, idle, shares } = shareCosts([run()], [use('a', 0, 1, { gpus: 1 }), use('model', 0, 4, model)], all);
  deepEqual(costOf(shares), [
    ['model', 2],
    ['a', 1],
  ]);
  deepEqual([attributed, idle, shares[0]?.idleCost, shares[0]?.jobs, shares[1]?.idleCost], [3, 1.5, 1.5, 0, 0]);
  deepEqual(costOf(shareCosts([run({ gpus: 0, slots: 0 })], [use('model', 0, 4, model)], all).shares), [['model', 2]]);
});

test('each hour has the price of its time, and one without a price costs nothing that is known', () => {
  const runs = [run({ endMs: HOUR }), run({ startMs: HOUR, endMs: 2 * HOUR, perHour: 4 }), run({ startMs: 2 * HOUR, endMs: 3 * HOUR, perHour: null })];
  const { total, hours, pricedHours, shares } = shareCosts(runs, [use('a', 0, 3, { gpus: 2 })], all);
  deepEqual([total, hours, pricedHours, costOf(shares)], [6, 3, 2, [['a', 6]]]);
});

test('what was held for more than there is, is cut alike; what lies outside of the time asked for does not count', () => {
  const { shares, attributed } = shareCosts([run()], [use('a', 0, 20, { gpus: 2 }), use('b', 0, 20, { gpus: 2 })], { sinceMs: 9 * HOUR, untilMs: 11 * HOUR });
  deepEqual(costOf(shares), [
    ['a', 1],
    ['b', 1],
  ]);
  equal(attributed, 2);
});

test('whatever ran: nobody pays for more than the machine cost, and nothing is negative', () => {
  const time = fc.integer({ min: 0, max: 100 });
  const uses = fc.array(fc.record({ from: time, hours: time, gpus: fc.float({ min: 0, max: 4, noNaN: true }), slots: fc.integer({ min: 0, max: 9 }) }), {
    maxLength: 30,
  });
  const runs = fc.array(fc.record({ hours: time, perHour: fc.option(fc.integer({ min: 0, max: 9 })), gpus: fc.integer({ min: 0, max: 4 }) }), { maxLength: 5 });
  fc.assert(
    fc.property(uses, runs, (held, ran) => {
      let at = 0;
      const list = ran.map(({ hours, perHour, gpus }) => run({ startMs: at * HOUR, endMs: (at += hours) * HOUR, perHour, gpus }));
      const { total, attributed, shares } = shareCosts(
        list,
        held.map((one, index) => use(String(index), one.from, one.from + one.hours, { gpus: one.gpus, slots: one.slots })),
        { sinceMs: 0, untilMs: 400 * HOUR },
      );
      ok(attributed <= total + 1e-6, `${attributed} of ${total}`);
      ok(shares.every(({ cost }) => cost >= 0));
    }),
  );
});
