import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../../src/contract/instances.ts';
import { criticalPath } from './critical-path.ts';

const at = (ms: number | null): string | null => (ms === null ? null : new Date(1_000_000 + ms).toISOString());
const step = (key: string, from: number | null, to: number | null, status: Step['status'] = 'completed'): [string, Step] => [
  key,
  { key, path: key, generation: 1, status, attempt: 1, input: null, output: null, queuedAt: null, startedAt: at(from), endedAt: at(to), seq: 1 },
];
const edge = (from: string, to: string) => ({ from, to });

test('the chain goes back from the last step over whatever ended last before it', () => {
  const edges = [edge('a', 'fast'), edge('a', 'slow'), edge('fast.true', 'end'), edge('slow', 'end')];
  const steps = new Map([step('a', 0, 10), step('fast', 10, 20), step('slow', 10, 90), step('end', 90, 95)]);
  deepEqual(criticalPath(edges, steps), ['a', 'slow', 'end']);
});

test('what runs now ends the chain, and what was skipped is not on it', () => {
  const edges = [edge('a', 'b'), edge('a', 'c'), edge('c', 'd')];
  const steps = new Map([step('a', 0, 10), step('b', 12, null, 'running'), step('c', null, 11, 'skipped'), step('d', null, null, 'pending')]);
  deepEqual(criticalPath(edges, steps), ['a', 'b']);
});

test('an instance that has not begun has no chain, and a circle of edges ends', () => {
  deepEqual(criticalPath([], new Map()), []);
  deepEqual(criticalPath([edge('a', 'b'), edge('b', 'a')], new Map([step('a', 0, 5), step('b', 5, 9)])), ['a', 'b']);
});
