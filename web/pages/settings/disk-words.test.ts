import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dueWords } from './disk-words.ts';

test('a preview says how many of how many would go, and what that frees', () => {
  assert.equal(dueWords({ of: 1_200, rows: 3, bytes: 4 * 1024 ** 2 }), 'Would delete 3 of 1,200, frees 4.0 MiB.');
  assert.equal(dueWords({ of: 2, rows: 0, bytes: 0 }), 'Nothing of 2 would be deleted.');
});
