import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { jsonDiff } from './json-diff.ts';

test('what was added, removed and changed is named by its place', () => {
  const before = { rows: [1, 2], name: 'a', gone: true, deep: { x: { y: 1 } } };
  const after = { rows: [1, 3, 4], name: 'a', deep: { x: { y: 2 } }, 'new key': null };
  deepEqual(
    jsonDiff(before, after).map((change) => [change.path, change.kind, change.before, change.after]),
    [
      ['rows[1]', 'changed', 2, 3],
      ['rows[2]', 'added', undefined, 4],
      ['gone', 'removed', true, undefined],
      ['deep.x.y', 'changed', 1, 2],
      ['["new key"]', 'added', undefined, null],
    ],
  );
});

test('equal values have no difference, values of other kinds differ as a whole', () => {
  deepEqual(jsonDiff({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), []);
  deepEqual(jsonDiff([1], { 0: 1 }), [{ path: '', kind: 'changed', before: [1], after: { 0: 1 } }]);
  deepEqual(jsonDiff(null, null), []);
});

test('a hostile key is a key, and no more than 500 changes are listed', () => {
  deepEqual(
    jsonDiff({}, JSON.parse('{"__proto__": 1}')).map((change) => change.path),
    ['__proto__'],
  );
  equal(
    jsonDiff(
      [],
      Array.from({ length: 9_000 }, (_each, n) => n),
    ).length,
    500,
  );
});
