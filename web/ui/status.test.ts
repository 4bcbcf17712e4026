import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceStatuses, jobStatuses, queueStates, serviceStates, stepStatuses } from '../../src/contract/values.ts';
import { statusLook, statusTable } from './status.ts';

test('every status of the contract has a word of its own', () => {
  for (const status of [...instanceStatuses, ...stepStatuses, ...jobStatuses, ...queueStates, ...serviceStates]) {
    assert.notEqual(statusTable[status].word, '', status);
  }
});

test('two statuses of one hue that can stand in one list differ in shape or word', () => {
  const seen = Object.values(statusTable).map((look) => `${look.hue}/${look.shape}/${look.word}`);
  assert.equal(new Set(seen).size, seen.length);
});

test('a hue always comes with one shape, except where the words tell apart', () => {
  const shapes = new Map<string, Set<string>>();
  for (const look of Object.values(statusTable)) shapes.set(look.hue, (shapes.get(look.hue) ?? new Set()).add(look.shape));
  for (const [hue, set] of shapes) assert.equal(set.size, 1, hue);
});

test('an unknown status keeps its own spelling', () => {
  assert.equal(statusLook('hibernating').word, 'hibernating');
  assert.equal(statusLook('constructor').word, 'constructor');
});
