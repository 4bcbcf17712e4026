import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCardResults } from './card-results.ts';
import type { StepResult } from './last-results.ts';

const result = (key: string, more: Partial<StepResult> = {}): StepResult => ({
  ...{ key, path: key, instanceId: 'inst_1', isTest: true, status: 'completed', startedAt: '2026-01-01T00:00:00.000Z', endedAt: '2026-01-01T00:00:01.200Z' },
  ...{ items: undefined, error: undefined, output: 1, seq: 1 },
  ...more,
});

test('a card says how long it took and how many things came of it, or why it failed', () => {
  const cards = createCardResults()(
    new Map([
      ['a', result('a', { items: 3 })],
      ['b', result('b', { status: 'failed', error: { code: 'timeout', message: 'too slow' } })],
    ]),
  );
  assert.deepEqual([cards.get('a')?.line, cards.get('b')?.line], ['1.2 s · 3 items', 'timeout: too slow']);
});

test('news of one node leave the others as they are', () => {
  const make = createCardResults();
  const before = make(
    new Map([
      ['a', result('a')],
      ['b', result('b')],
    ]),
  );
  const after = make(
    new Map([
      ['a', result('a', { output: 2, seq: 2 })],
      ['b', result('b', { status: 'running', endedAt: null })],
    ]),
  );
  assert.equal(after.get('a'), before.get('a'));
  assert.notEqual(after.get('b'), before.get('b'));
});
