import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priorityForDrop } from './queue-line.ts';

/** In the order of a line: by priority, then age. */
const line = [
  { id: 'job_2', priority: 80 },
  { id: 'job_1', priority: 50 },
  { id: 'job_3', priority: 50 },
  { id: 'job_4', priority: 0 },
];

test('a job that is dropped on an earlier one stands before it: with its priority when it is older, else with one more', () => {
  assert.equal(priorityForDrop(line, 'job_1', 'job_2'), 80);
  assert.equal(priorityForDrop(line, 'job_4', 'job_3'), 51);
  assert.equal(priorityForDrop(line, 'job_4', 'job_2'), 81);
});

test('a job that is dropped on a later one stands behind it: with its priority when it is younger, else with one less', () => {
  assert.equal(priorityForDrop(line, 'job_2', 'job_1'), 50);
  assert.equal(priorityForDrop(line, 'job_1', 'job_3'), 49);
});

test('what stands there already, or would need a priority beyond the bounds, is not moved', () => {
  assert.equal(priorityForDrop(line, 'job_1', 'job_1'), undefined);
  assert.equal(priorityForDrop(line, 'job_1', 'job_9'), undefined);
  assert.equal(priorityForDrop(line, 'job_3', 'job_4'), undefined);
  assert.equal(
    priorityForDrop(
      [
        { id: 'job_1', priority: 100 },
        { id: 'job_2', priority: 100 },
      ],
      'job_2',
      'job_1',
    ),
    undefined,
  );
});
