import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../../src/contract/instances.ts';
import { rowName, stepRows } from './step-rows.ts';

const step = (path: string): Step => ({
  key: path.slice(path.lastIndexOf('/') + 1),
  path,
  generation: 1,
  status: 'completed',
  attempt: 1,
  input: null,
  output: null,
  queuedAt: null,
  startedAt: null,
  endedAt: null,
  seq: 1,
});

test('a map unfolds to its items in their order, an item to its steps, and what is left is named', () => {
  const open = new Map([
    ['each', { steps: [step('each[10]'), step('each[2]')], next: 'n' }],
    ['each[2]', { steps: [step('each[2]/draw')], next: null }],
  ]);
  const rows = stepRows([step('a'), step('each')], { open, containers: new Set(['each']), counts: new Map() });
  deepEqual(
    rows.map((row) => [row.kind, row.path, row.depth, row.kind === 'step' ? row.fold : row.shown]),
    [
      ['step', 'a', 0, undefined],
      ['step', 'each', 0, 'open'],
      ['step', 'each[2]', 1, 'open'],
      ['step', 'each[2]/draw', 2, undefined],
      ['step', 'each[10]', 1, 'closed'],
      ['more', 'each', 1, 2],
    ],
  );
});

test('below its map a row is named by the end of its path', () => {
  deepEqual([rowName('each[2]/draw', 2), rowName('each[2]', 1), rowName('a', 0)], ['draw', '[2]', 'a']);
});
