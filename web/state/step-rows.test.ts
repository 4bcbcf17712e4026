import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { rowName, stepRows } from './step-rows.ts';
import type { Unfolded } from './step-rows.ts';
import { sampleStep as step } from './step-sample.ts';

const counts = { total: 3, counts: { completed: 2, failed: 1 }, count: 3 };
const all: Unfolded = { kind: 'items', counts, size: 3, only: undefined, indexes: undefined };
const containers = new Set(['each', 'inner']);

test('a map unfolds to its items in their order, an item to its steps, and a map in an item likewise', () => {
  const open = new Map<string, Unfolded>([
    ['each', all],
    ['each[1]', { kind: 'steps', steps: [step('each[1]/draw'), step('each[1]/inner')] }],
    ['each[1]/inner', { ...all, size: 1 }],
  ]);
  const rows = stepRows([step('a'), step('each')], { open, containers, counts: new Map() });
  deepEqual(
    rows.map((row) => [row.kind, row.path, row.depth, row.kind === 'tools' ? row.counts.total : row.fold]),
    [
      ['step', 'a', 0, undefined],
      ['step', 'each', 0, 'open'],
      ['tools', 'each', 1, 3],
      ['item', 'each[0]', 1, 'closed'],
      ['item', 'each[1]', 1, 'open'],
      ['step', 'each[1]/draw', 2, undefined],
      ['step', 'each[1]/inner', 2, 'open'],
      ['tools', 'each[1]/inner', 3, 3],
      ['item', 'each[1]/inner[0]', 3, 'closed'],
      ['item', 'each[2]', 1, 'closed'],
    ],
  );
});

test('only the items that were asked for are listed, and the rows of a long map are made once', () => {
  const failed = new Map<string, Unfolded>([['each', { ...all, only: 'failed', indexes: [7, 4_711] }]]);
  const paths = stepRows([step('each')], { open: failed, containers, counts: new Map() }).map((row) => row.path);
  deepEqual(paths, ['each', 'each', 'each[7]', 'each[4711]']);
  const open = new Map([['each', { ...all, size: 100_000 }]]);
  const [first, again] = [0, 1].map(() => stepRows([step('each')], { open, containers, counts: new Map() }));
  equal(first?.length, 100_002);
  equal(first?.[50_000], again?.[50_000]);
});

test('below its map a row is named by the end of its path', () => {
  deepEqual([rowName('each[2]/draw', 2), rowName('each[2]', 1), rowName('a', 0)], ['draw', '[2]', 'a']);
});
