import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressText } from './progress-line.ts';

test('a line tells the phase, how much of how much, and what it is at; only what is known', () => {
  assert.equal(progressText({ phase: 'rows', doneBytes: 1_073_741_824, totalBytes: 4_294_967_296, at: 'steps' }), 'rows 25 %  1.0 GiB of 4.0 GiB  steps');
  assert.equal(progressText({ phase: 'stop', doneBytes: 0, totalBytes: null, at: null }), 'stop');
  assert.equal(progressText({ phase: 'rows', doneBytes: 2_048, totalBytes: null, at: null }), 'rows  2.0 KiB');
});
