import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFilter, pagePath, parseFilter, withTerm } from './route.ts';

test('a filter is terms with values and free words, and its text gives it back', () => {
  const text = 'status:running,failed label:env:prod queue:gpu nightly "two words"';
  const filter = parseFilter(text);
  assert.deepEqual(filter, { terms: { status: ['running', 'failed'], label: ['env:prod'], queue: ['gpu'] }, words: ['nightly', 'two words'] });
  assert.deepEqual(parseFilter(formatFilter(filter)), filter);
});

test('what is no term is a word, and nothing makes it fail', () => {
  assert.deepEqual(parseFilter('  :x "open status: http://a/b '), { terms: {}, words: [':x', 'open status: http://a/b '] });
  assert.deepEqual(parseFilter('status:'), { terms: { status: [] }, words: [] });
});

test('setting no values removes a term', () => {
  assert.equal(formatFilter(withTerm(parseFilter('status:failed x'), 'status', [])), 'x');
  assert.equal(formatFilter(withTerm(parseFilter('x'), 'status', ['failed'])), 'status:failed x');
});

test('links to pages are known below the prefix; others are left to the browser', () => {
  const base = new URL('http://studio.test/box/1/');
  assert.equal(pagePath('http://studio.test/box/1/files?dir=a%2F', base), '/files?dir=a%2F');
  assert.equal(pagePath('http://studio.test/box/1', base), '/');
  assert.equal(pagePath('http://studio.test/box/2/files', base), undefined);
  assert.equal(pagePath('http://studio.test/box/1/api/docs', base), undefined);
  assert.equal(pagePath('https://elsewhere.test/box/1/files', base), undefined);
});
