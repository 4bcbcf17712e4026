/** Filters of lists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesLabels, matchesTerm, matchesWords, toggleTerm, unknownTerms } from './filter.ts';

const filter = { terms: { status: ['failed'], label: ['team:blue sky'] }, words: ['Night'] };

test('toggling adds a value, and takes it away again', () => {
  const both = toggleTerm(filter, 'status', 'running');
  assert.deepEqual(both.terms['status'], ['failed', 'running']);
  assert.equal(toggleTerm(toggleTerm(both, 'status', 'running'), 'status', 'failed').terms['status'], undefined);
});

test('terms that no list knows are named', () => {
  assert.deepEqual(unknownTerms({ terms: { lane: ['a'], status: ['failed'] }, words: [] }, ['status']), ['lane']);
});

test('words match any of the texts, in any case', () => {
  assert.equal(matchesWords(filter, ['inst_1', 'The nightly report']), true);
  assert.equal(matchesWords(filter, ['inst_1']), false);
});

test('labels match by key and value, or by key alone', () => {
  assert.equal(matchesLabels(filter, { team: 'blue sky' }), true);
  assert.equal(matchesLabels(filter, { team: 'red' }), false);
  assert.equal(matchesLabels({ terms: { label: ['team'] }, words: [] }, { team: 'red' }), true);
});

test('an absent term matches everything', () => {
  assert.equal(matchesTerm(filter, 'queue', undefined), true);
  assert.equal(matchesTerm(filter, 'status', 'running'), false);
});
