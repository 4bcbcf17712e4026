import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { StepOutline } from '../../src/contract/instance-views.ts';
import { compareBodies, comparedRows, compareSteps, deltaText } from './compare.ts';

const at = (ms: number): string => new Date(1_000_000 + ms).toISOString();
const step = (path: string, tookMs: number, status: StepOutline['status'] = 'completed'): StepOutline => ({
  key: path,
  path,
  generation: 1,
  status,
  attempt: 1,
  queuedAt: null,
  startedAt: at(0),
  endedAt: at(tookMs),
  seq: 1,
});

test('steps are paired by path; another status, and steps of one alone, differ', () => {
  const rows = compareSteps([step('a', 10), step('b', 20)], [step('b', 50, 'failed'), step('a', 15), step('c', 1)]);
  deepEqual(
    rows.map((row) => [row.path, row.aMs, row.bMs, row.differs]),
    [
      ['a', 10, 15, false],
      ['b', 20, 50, true],
      ['c', undefined, 1, true],
    ],
  );
});

test('how much longer or shorter it took is said with its sign', () => {
  const ms = (value: number): string => `${value} ms`;
  deepEqual([deltaText(10, 15, ms), deltaText(15, 10, ms), deltaText(5, 5, ms), deltaText(undefined, 5, ms)], ['+5 ms', '−5 ms', '0', '']);
});

test('items of a map are compared one by one below it, in their order; what was not read is not called missing', () => {
  const all = compareBodies({ steps: [step('m[10]', 1), step('m[2]', 5)], isPart: false }, { steps: [step('m[2]', 5, 'failed')], isPart: false });
  deepEqual(
    all.rows.map((row) => [row.path, row.b?.status, row.differs]),
    [
      ['m[2]', 'failed', true],
      ['m[10]', undefined, true],
    ],
  );
  const part = compareBodies({ steps: [step('m[10]', 1), step('m[2]', 5)], isPart: true }, { steps: [step('m[2]', 5)], isPart: false });
  const rows = comparedRows(compareSteps([step('m', 9), step('z', 1)], [step('m', 9), step('z', 1)]), {
    open: new Map([['m', part]]),
    containers: new Set(['m']),
  });
  deepEqual(
    rows.map((row) => [row.kind, row.path, row.depth, row.kind === 'step' ? row.fold : row.count]),
    [
      ['step', 'm', 0, 'open'],
      ['step', 'm[2]', 1, 'closed'],
      ['note', 'm …', 1, 1],
      ['step', 'z', 0, undefined],
    ],
  );
});
