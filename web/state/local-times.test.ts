/** Times inside sentences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localTimes } from './local-times.ts';

const now = Date.parse('2026-11-21T12:00:00Z');

test('a time of today is a time of day', () => {
  assert.equal(localTimes('waits until 2026-11-21T13:20:06.141Z, then goes on', now, 'UTC'), 'waits until 13:20:06, then goes on');
});

test('a time of another day has its date', () => {
  assert.match(localTimes('until 2027-01-02T00:00:00Z', now, 'UTC'), /2027.*00:00:00$/);
});

test('what is no time stays', () => {
  assert.equal(localTimes('exit code 2026-13-99T99:99:99Z', now, 'UTC'), 'exit code 2026-13-99T99:99:99Z');
});
