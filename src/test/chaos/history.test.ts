import { deepEqual, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { isClean, judge, type Found, type History } from './history.ts';

const found: Found = {
  id: 'inst_1',
  run: 'r1',
  status: 'completed',
  output: 'done',
  error: undefined,
  steps: [
    { path: 'a', generation: 1, status: 'completed', execution: 'e1' },
    { path: 'end', generation: 1, status: 'completed', execution: undefined },
  ],
  sequences: [1, 2, 3],
};

const good: History = {
  acknowledged: [{ run: 'r1', instanceId: 'inst_1' }],
  executions: [{ id: 'e1', run: 'r1', step: 'a', at: 10 }],
  kills: [{ target: 'studio', at: 50, until: 80 }],
  found: [found],
  faults: [],
  outputOf: () => 'done',
};

test('a history in which everything ended as promised is clean', () => {
  ok(isClean(judge(good)));
});

test('a run that was never acknowledged may exist, and one that was may have run a step again across a kill', () => {
  const again = [...good.executions, { id: 'e2', run: 'r1', step: 'a', at: 90 }];
  ok(isClean(judge({ ...good, acknowledged: [], executions: again })));
});

test('an acknowledged run that is gone is lost', () => {
  match(judge({ ...good, found: [] }).lost[0] ?? '', /inst_1 was acknowledged and is gone/);
});

test('two instances of one run, and two results of one step, are duplicates', () => {
  match(judge({ ...good, found: [found, { ...found, id: 'inst_2' }] }).duplicated[0] ?? '', /r1 became inst_1 and inst_2/);
  match(judge({ ...good, found: [{ ...found, steps: [...found.steps, ...found.steps.slice(0, 1)] }] }).duplicated[0] ?? '', /2 results of a#1/);
});

test('a step that ran again without a kill between is a duplicate, also when only Redis died', () => {
  const again = [...good.executions, { id: 'e2', run: 'r1', step: 'a', at: 40 }];
  deepEqual(judge({ ...good, executions: again }).duplicated, ['r1/a ran again after 30 ms, with no kill between']);
  deepEqual(judge({ ...good, executions: again, kills: [{ target: 'redis', at: 20, until: 30 }] }).duplicated.length, 1);
});

test('an effect that arrives while what was killed is not back yet may happen again', () => {
  const late = [
    { id: 'e1', run: 'r1', step: 'a', at: 60 },
    { id: 'e2', run: 'r1', step: 'a', at: 70 },
  ];
  ok(isClean(judge({ ...good, executions: late })));
  const after = late.map((execution) => ({ ...execution, at: execution.at + 100 }));
  deepEqual(judge({ ...good, executions: after }).duplicated.length, 1);
});

test('an instance that has not ended is stuck', () => {
  deepEqual(judge({ ...good, found: [{ ...found, status: 'running' }] }).stuck, ['inst_1 is running']);
});

test('a result that nobody computed, another output, a failure and a gap in the events are wrong', () => {
  match(judge({ ...good, executions: [] }).wrong[0] ?? '', /e1, which nobody computed/);
  match(judge({ ...good, found: [{ ...found, output: 'else' }] }).wrong[0] ?? '', /output "else"/);
  match(judge({ ...good, found: [{ ...found, status: 'failed' }] }).wrong[0] ?? '', /inst_1 is failed/);
  match(judge({ ...good, found: [{ ...found, sequences: [1, 3] }] }).wrong[0] ?? '', /events 1,3/);
});
