import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expressionPath, jsonRows } from './json.ts';

const shut = { toggled: new Set<string>(), openDepth: 0 };

test('branches open down to the given depth and a toggle turns one over', () => {
  const value = { a: { b: 1 }, c: [true] };
  assert.deepEqual(
    jsonRows(value, { ...shut, openDepth: 1 }).map((row) => [row.path, row.text]),
    [
      ['$', '{2}'],
      ['$.a', '{1}'],
      ['$.c', '[1]'],
    ],
  );
  assert.deepEqual(
    jsonRows(value, { openDepth: 1, toggled: new Set(['$.a']) }).map((row) => row.path),
    ['$', '$.a', '$.a.b', '$.c'],
  );
});

test('keys that are no plain words stand in backquotes', () => {
  assert.deepEqual(
    jsonRows({ 'a b': null }, { ...shut, openDepth: 9 }).map((row) => row.path),
    ['$', '$.`a b`'],
  );
});

test('a large array shows a page and says how many are left', () => {
  const rows = jsonRows(
    Array.from({ length: 250 }, (_item, index) => index),
    { ...shut, openDepth: 1 },
  );
  assert.deepEqual([rows.length, rows.at(-1)?.kind, rows.at(-1)?.text], [102, 'more', '150']);
  assert.equal(
    jsonRows(
      Array.from({ length: 250 }, () => 0),
      { ...shut, openDepth: 1, more: new Map([['$', 3]]) },
    ).length,
    251,
  );
});

test('a leaf alone is one row', () => {
  assert.deepEqual(jsonRows('x', shut), [{ path: '$', depth: 0, key: undefined, kind: 'string', text: '"x"', open: false }]);
});

test('a copied path continues an expression', () => {
  assert.equal(expressionPath('$.a[3].b', 'steps.read.output'), 'steps.read.output.a[3].b');
  assert.equal(expressionPath('$.a', ''), 'a');
});
