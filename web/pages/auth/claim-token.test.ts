import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimToken } from './claim-token.ts';

test('the token is read after the #, else in the query, else it is empty', () => {
  assert.equal(claimToken('http://h/p/claim#token=abc-_1'), 'abc-_1');
  assert.equal(claimToken('http://h/claim?token=q'), 'q');
  assert.equal(claimToken('http://h/claim'), '');
});
