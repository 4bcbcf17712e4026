/** The timeline's bars. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../../src/contract/instances.ts';
import { axisMarks, byStart, countEarlier, timelineOf } from './timeline.ts';
import { sampleStep as step } from './step-sample.ts';

const at = (ms: number): string => new Date(1_000_000 + ms).toISOString();
/** The timeline with the bars of all of its rows. */
const draw = (steps: Step[], changes: Partial<Parameters<typeof timelineOf>[0]> = {}) => {
  const top = byStart(steps);
  const timeline = timelineOf({
    startedAt: at(0),
    endedAt: at(1_000),
    steps: top,
    nowMs: 1_000_000 + 1_000,
    waitsByNature: (each) => each.key === 'timer',
    tries: new Map(),
    ...changes,
  });
  return { ...timeline, rows: top.map((each) => ({ row: each, bars: timeline.barsOf(each) })) };
};

test('the time on the queue is drawn apart from work', () => {
  const { rows, workMs, waitMs } = draw([step('a', { queuedAt: at(0), startedAt: at(300), endedAt: at(1_000) })]);
  assert.deepEqual(
    rows[0]?.bars.map((bar) => [bar.kind, bar.fromMs, bar.toMs]),
    [
      ['queued', 0, 300],
      ['work', 300, 1_000],
    ],
  );
  assert.equal(workMs, 700);
  assert.equal(waitMs, 300);
});

test('a step that runs grows with the clock', () => {
  const { rows, totalMs } = draw([step('a', { status: 'running', startedAt: at(100) })], { endedAt: null, nowMs: 1_000_000 + 5_000 });
  assert.equal(rows[0]?.bars[0]?.toMs, 5_000);
  assert.equal(totalMs, 5_000);
});

test('a timer waits, it does not work', () => {
  assert.equal(draw([step('timer', { startedAt: at(0), endedAt: at(900) })]).rows[0]?.bars[0]?.kind, 'wait');
});

test('earlier attempts and the pause between them are shown', () => {
  const tries = new Map([['a', [{ attempt: 1, generation: 1, status: 'failed' as const, startedAt: at(0), endedAt: at(200) }]]]);
  const { rows } = draw([step('a', { attempt: 2, startedAt: at(500), endedAt: at(600) })], { tries });
  assert.deepEqual(
    rows[0]?.bars.map((bar) => [bar.kind, bar.fromMs, bar.toMs, bar.attempt]),
    [
      ['work', 0, 200, 1],
      ['backoff', 200, 500, 2],
      ['work', 500, 600, 2],
    ],
  );
});

test('a skipped step has no bar and comes last', () => {
  const { rows } = draw([step('skipped', { status: 'skipped' }), step('a', { startedAt: at(10), endedAt: at(20) })]);
  assert.deepEqual(
    rows.map(({ row }) => row.path),
    ['a', 'skipped'],
  );
  assert.deepEqual(rows[1]?.bars, []);
});

test('clocks that disagree never give a negative bar', () => {
  const { rows } = draw([step('a', { startedAt: at(500), endedAt: at(400) }), step('b', { startedAt: at(-50), endedAt: at(10) })]);
  assert.ok(rows.every((row) => row.bars.every((bar) => bar.toMs >= bar.fromMs && bar.fromMs >= 0)));
});

test('marks of the axis are round and few', () => {
  assert.deepEqual(axisMarks(0, 1_000, 5), [0, 200, 400, 600, 800, 1_000]);
  assert.deepEqual(axisMarks(1_230, 1_270, 4), [1_230, 1_240, 1_250, 1_260, 1_270]);
  assert.ok(axisMarks(0, 10 * 86_400_000, 6).length <= 7);
});

test('a step that waits to be tried again shows the try that failed and the pause so far', () => {
  const waiting = step('a', { status: 'waiting', startedAt: at(0), waitReason: { kind: 'retry', message: 'soon' } });
  const tries = new Map([['a', [{ attempt: 1, generation: 1, status: 'failed' as const, startedAt: at(0), endedAt: at(200) }]]]);
  assert.deepEqual(
    draw([waiting], { tries, endedAt: null }).rows[0]?.bars.map((bar) => [bar.kind, bar.fromMs, bar.toMs]),
    [
      ['work', 0, 200],
      ['backoff', 200, 1_000],
    ],
  );
});

test('an item of a map is drawn by its own time, and counts as no work beside its map', () => {
  const drawn = draw([step('each', { startedAt: at(0), endedAt: at(900) })]);
  assert.deepEqual(drawn.barsOf(step('each[0]', { startedAt: at(100), endedAt: at(700) })), [
    { kind: 'work', fromMs: 100, toMs: 700, status: 'completed', attempt: 1 },
  ]);
  assert.equal(drawn.workMs, 900);
});

test('a generation before the one that stands is drawn apart, where it is asked for, and counts as no work', () => {
  const tries = new Map([
    ['a', [{ attempt: 1, generation: 1, status: 'completed' as const, startedAt: at(0), endedAt: at(200) }]],
    ['b', [{ attempt: 1, generation: 1, status: 'failed' as const, startedAt: at(0), endedAt: at(10) }]],
  ]);
  const again = step('a', { generation: 2, startedAt: at(500), endedAt: at(600) });
  const { rows, workMs } = draw([again], { tries, hasEarlier: true });
  assert.deepEqual(
    rows[0]?.bars.map((bar) => [bar.kind, bar.earlier, bar.fromMs, bar.toMs]),
    [
      ['work', 1, 0, 200],
      ['work', undefined, 500, 600],
    ],
  );
  assert.equal(workMs, 100);
  assert.equal(draw([again], { tries }).rows[0]?.bars.length, 1);
  assert.equal(countEarlier(new Map([again, step('b', {})].map((one) => [one.path, one])), tries), 1);
});
