import { deepEqual, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { findNeedless, isClean, judge, type Execution, type Expected, type Found, type FoundStep, type History } from './history.ts';

const step: FoundStep = { path: 'a', generation: 1, status: 'completed', execution: 'e1', endedAt: 20 };
const found: Found = {
  id: 'inst_1',
  workflow: 'chain',
  input: { run: 'r1' },
  status: 'completed',
  output: 'done',
  error: undefined,
  steps: [step, { path: 'end', generation: 1, status: 'completed', execution: undefined, endedAt: 100 }],
  sequences: [1, 2, 3],
};
const first: Execution = { id: 'e1', run: 'r1', step: 'a', key: 'inst_1/a/1', at: 10, isRefused: false };
const expected: Expected = { statuses: ['completed'], output: 'done', steps: { a: 'completed', end: 'completed' } };
const good: History = {
  acknowledged: [{ run: 'r1', instanceId: 'inst_1' }],
  executions: [first],
  blows: [{ target: 'studio', at: 50, until: 80 }],
  found: [found],
  acts: [],
  faults: [],
  broken: [],
  expect: () => expected,
};

/** The step ran at these moments; its recorded end is after all of them. */
function ranAt(...times: readonly number[]): Pick<History, 'executions' | 'found'> {
  return {
    executions: times.map((at, index) => ({ ...first, id: `e${index + 1}`, at })),
    found: [{ ...found, steps: [{ ...step, endedAt: 1_000 }, ...found.steps.slice(1)] }],
  };
}

test('a history in which everything ended as promised is clean', () => {
  ok(isClean(judge(good)));
});

test('a run that was never acknowledged may exist, and a step that was not recorded may run again across a death', () => {
  ok(isClean(judge({ ...good, ...ranAt(10, 90), acknowledged: [] })));
});

test('an acknowledged run that is gone is lost', () => {
  match(judge({ ...good, found: [] }).lost[0] ?? '', /inst_1 was acknowledged and is gone/);
});

test('two instances of one run, and two results of one step, are duplicates', () => {
  match(judge({ ...good, found: [found, { ...found, id: 'inst_2' }] }).duplicated[0] ?? '', /r1 became inst_1 and inst_2/);
  match(judge({ ...good, found: [{ ...found, steps: [...found.steps, step] }] }).duplicated[0] ?? '', /2 results of a#1/);
});

test('a step that ran again without a death between is a duplicate, also when only Redis died or something was frozen', () => {
  deepEqual(judge({ ...good, ...ranAt(10, 40) }).duplicated, ['inst_1/a/1 ran again after 30 ms, with no death between']);
  for (const target of ['redis', 'freeze-studio', 'freeze-postgres'] as const)
    deepEqual(judge({ ...good, ...ranAt(10, 40), blows: [{ target, at: 20, until: 30 }] }).duplicated.length, 1);
});

test('an effect that arrives while what was killed is not back yet may happen again, once for each death', () => {
  ok(isClean(judge({ ...good, ...ranAt(60, 70) })));
  deepEqual(judge({ ...good, ...ranAt(60, 70, 75) }).duplicated.length, 1);
  deepEqual(judge({ ...good, ...ranAt(160, 170) }).duplicated.length, 1);
  const twice = { ...good, blows: [...good.blows, { target: 'postgres', at: 100, until: 120 } as const] };
  ok(isClean(judge({ ...twice, ...ranAt(40, 90, 130) })));
});

test('a step never runs again once its result is recorded, whatever died', () => {
  deepEqual(judge({ ...good, executions: [first, { ...first, id: 'e2', at: 90 }] }).duplicated, ['inst_1/a/1 ran again as e2, 70 ms after its recorded end']);
});

test('what was refused is tried again without anything having died', () => {
  const refused = { ...first, id: 'e0', at: 5, isRefused: true };
  deepEqual(findNeedless({ executions: [refused, first], blows: [] }), []);
  deepEqual(findNeedless({ executions: [first, { ...refused, at: 15 }], blows: [] }).length, 1);
});

test('an instance that has not ended is stuck', () => {
  deepEqual(judge({ ...good, found: [{ ...found, status: 'running' }] }).stuck, ['inst_1 (chain) is running']);
});

test('a result that nobody computed, or that was refused, is wrong', () => {
  match(judge({ ...good, executions: [] }).wrong[0] ?? '', /e1, which nobody computed/);
  match(judge({ ...good, executions: [{ ...first, isRefused: true }] }).wrong[0] ?? '', /e1, which nobody computed/);
  match(judge({ ...good, executions: [{ ...first, key: 'inst_1/a/2' }] }).wrong[0] ?? '', /e1, which nobody computed/);
});

test('another end than the model says is wrong: status, output, a step, a step too many, one left live, a gap in the events', () => {
  match(judge({ ...good, found: [{ ...found, output: 'else' }] }).wrong[0] ?? '', /output "else"/);
  match(judge({ ...good, found: [{ ...found, status: 'failed' }] }).wrong[0] ?? '', /\(chain\) is failed/);
  match(judge({ ...good, found: [{ ...found, steps: [step] }] }).wrong[0] ?? '', /end not there, not completed/);
  match(
    judge({ ...good, found: [{ ...found, steps: [...found.steps, { ...step, path: 'b', execution: undefined }] }] }).wrong[0] ?? '',
    /has b, which its model/,
  );
  match(
    judge({ ...good, found: [{ ...found, steps: [step, { ...step, path: 'end', execution: undefined, status: 'waiting' }] }] }).wrong[0] ?? '',
    /end is waiting/,
  );
  match(judge({ ...good, found: [{ ...found, sequences: [1, 3] }] }).wrong[0] ?? '', /events 1,3/);
});

test('what was cancelled and acknowledged as such stays so; one that was refused may complete', () => {
  const model = { ...good, expect: (): Expected => ({ ...expected, statuses: ['completed', 'cancelled'] }) };
  match(judge({ ...model, acts: [{ instanceId: 'inst_1', name: 'cancel', status: 200 }] }).wrong[0] ?? '', /was cancelled, acknowledged, and is completed/);
  ok(isClean(judge({ ...model, acts: [{ instanceId: 'inst_1', name: 'cancel', status: 409 }] })));
});

test('faults of answers and broken rules are told as they are', () => {
  deepEqual(judge({ ...good, faults: ['500'], broken: ['two owners'] }), {
    lost: [],
    duplicated: [],
    stuck: [],
    wrong: [],
    faults: ['500'],
    broken: ['two owners'],
  });
});
