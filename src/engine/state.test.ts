/** The transition table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceStatuses, isTerminalInstance, isTerminalStep, stepStatuses } from '../contract/values.ts';
import { mayMoveInstance, mayMoveStep, requireInstanceState, requireStepState } from './state.ts';

test('an ended step never changes within its generation', () => {
  for (const from of stepStatuses) for (const to of stepStatuses) if (isTerminalStep(from)) assert.equal(mayMoveStep(from, to), false, `${from} to ${to}`);
});

test('an ended instance is only ever reopened', () => {
  for (const from of instanceStatuses)
    for (const to of instanceStatuses) if (isTerminalInstance(from)) assert.equal(mayMoveInstance(from, to), to === 'running', `${from} to ${to}`);
});

test('a refused command names the state and those it applies to', () => {
  assert.throws(() => requireInstanceState('inst_1', 'completed', 'pause'), /inst_1 is completed; pause applies to running, waiting instances/);
  assert.throws(() => requireStepState('a', 'completed', 'skip'), /step a is completed; skip applies to steps that have not ended/);
  requireStepState('a', 'failed', 'retry');
  requireInstanceState('inst_1', 'failed', 'retry');
});
