import assert from 'node:assert/strict';
import { test } from 'node:test';
import { globFault, matchesGlob } from './glob.ts';

test('stars, question marks and braces', () => {
  for (const [pattern, yes, no] of [
    ['**', ['a', 'a/b', ''], []],
    ['*', ['a', 'a.csv', ''], ['a/b']],
    ['*.csv', ['a.csv', '.csv'], ['a.CSV', 'a/b.csv', 'a.csvx']],
    ['**/*.csv', ['a.csv', 'x/y/a.csv'], ['a.txt']],
    ['in/**', ['in/a', 'in/a/b'], ['out/a', 'in']],
    ['?.{csv,tsv}', ['a.csv', 'b.tsv', '😀.csv'], ['ab.csv', '/.csv', 'a.txt']],
    ['a+(b).[c]^$', ['a+(b).[c]^$'], ['aab.c']],
    ['{a,b}{1,2}', ['a1', 'b2'], ['a3', 'ab']],
  ] as const) {
    for (const path of yes) assert.equal(matchesGlob(pattern, path), true, `${pattern} ${path}`);
    for (const path of no) assert.equal(matchesGlob(pattern, path), false, `${pattern} ${path}`);
    assert.equal(globFault(pattern), undefined);
  }
});

test('a pattern that would explode is refused, and a long one is answered', () => {
  assert.match(globFault('{a,b}'.repeat(10)) ?? '', /64/);
  for (const odd of ['{a', 'a}', '{a,{b}}']) assert.match(globFault(odd) ?? '', /braces/);
  assert.equal(matchesGlob('**a'.repeat(60), 'a'.repeat(500)), true);
  assert.equal(matchesGlob('**a'.repeat(60), `${'a'.repeat(500)}b`), false);
});
