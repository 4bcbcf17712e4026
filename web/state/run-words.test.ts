import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { Instance, Step } from '../../src/contract/instances.ts';
import { runWords } from './run-words.ts';

const T0 = '2026-01-01T00:00:00.000Z';
const T1 = '2026-01-01T00:00:03.000Z';
const instance = { id: 'inst_1', status: 'running', startedAt: T0, endedAt: null } as Instance;
const step = (key: string, changes: Partial<Step>): [string, Step] => [key, { key, path: key, status: 'running', ...changes } as Step];
const definition = {
  nodes: [
    { key: 'read', type: 'noop', name: 'Read the table' },
    { key: 'each', type: 'map' },
    { key: 'write', type: 'noop' },
  ],
};
const say = (changes: Partial<Instance>, steps: [string, Step][], counts = new Map()) =>
  runWords({ instance: { ...instance, ...changes }, definition, steps: new Map(steps), counts }, (ms) => `${ms} ms`);

test('what goes on is named by the names of the nodes, maps by their items', () => {
  const steps = [step('read', { status: 'completed' }), step('each', {}), step('write', { status: 'queued' })];
  const words = say({}, steps, new Map([['each', { total: 4, counts: { completed: 1, failed: 1, running: 2 }, count: 4 }]]));
  equal(words.headline, 'Running; 1 of 3 steps are done.');
  deepEqual(words.now, ['each: 2 of 4 so far', 'write waits for its turn']);
  equal(words.fraction, 0.5);
});

test('why it waits is said as the step says it, and progress as far as it is', () => {
  const steps = [
    step('read', { waitReason: { kind: 'approval', message: 'waits for Ada' }, status: 'waiting' }),
    step('each', { progress: { fraction: 0.25, message: 'frame 3' } }),
  ];
  deepEqual(say({ status: 'waiting' }, steps).now, ['Read the table: waits for Ada', 'each: 25 %, frame 3']);
});

test('an ended run says how it ended, and nothing goes on in it', () => {
  const ended = say({ status: 'completed', endedAt: T1 }, [step('read', {})]);
  deepEqual([ended.headline, ended.now, ended.fraction], ['Done after 3000 ms.', [], 1]);
  match(say({ status: 'failed', endedAt: T1, error: { code: 'x', message: 'no such file' } }, []).headline, /no such file/);
});
