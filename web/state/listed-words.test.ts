import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { listedWords } from './listed-words.ts';

test('one sentence says how many there are and which of them are listed', () => {
  const long = { listed: 200, hasMore: true, isNarrowed: false } as const;
  equal(listedWords({ ...long, counted: 1_948, span: '24h' }), '1,948 in the last 24 hours; the newest 200 are listed');
  equal(listedWords(long), 'the newest 200 are listed');
  equal(listedWords({ listed: 12, hasMore: false, counted: 3, span: '1h', isNarrowed: false }), '12 instances, 3 in the last hour');
  equal(listedWords({ listed: 12, hasMore: false, counted: 12, span: '1h', isNarrowed: false }), '12 instances');
});

test('a time that the filter names is that of list and chart', () => {
  equal(listedWords({ listed: 200, hasMore: true, counted: 948, span: '24h', isNarrowed: true }), '948 in this time; the newest 200 are listed');
  equal(listedWords({ listed: 1, hasMore: false, counted: 1, span: '24h', isNarrowed: true }), '1 instance');
});
