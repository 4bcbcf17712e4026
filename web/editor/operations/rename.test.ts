/** What an expression reads, and a node's key changed wherever it is named. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition } from '../../../src/contract/graph.ts';
import { pathsIn, replacePaths } from './expression-paths.ts';
import { piecesOf, rewriteText } from './expressions.ts';
import { renameNode, whyNotRename } from './rename.ts';

const names = (expression: string): readonly string[] => pathsIn(expression).map((path) => path.names.join('.'));

test('paths from the root are found; strings, comments, fields of items and variables are not', () => {
  assert.deepEqual(names('steps.a.output.x + input.y'), ['steps.a.output.x', 'input.y']);
  assert.deepEqual(names('"steps.a" & \'steps.b\' /* steps.c */ & $string(steps.d)'), ['steps.d']);
  assert.deepEqual(names('steps.a.output.items[steps.b = input.c].(steps.d)'), ['steps.a.output.items']);
  assert.deepEqual(names('$$.steps.a.output & $.input.b & $x.steps.c'), ['steps.a.output', 'input.b']);
  assert.deepEqual(names('[steps.a, {"k": steps.b.output}, (steps.c)]'), ['steps.a', 'steps.b.output', 'steps.c']);
  assert.deepEqual(names('steps.`a`.output and steps."b".error or not (x in y)'), ['steps.a.output', 'steps.b.error', 'not', 'x', 'y']);
  assert.deepEqual(names('steps.a.output ~> $map(function($v) { $v.steps & steps.b })'), ['steps.a.output', 'steps.b']);
});

test('a path is replaced in full or in its first names', () => {
  const replaced = replacePaths('steps.a.output.x & steps.ab.output & "steps.a"', ([, key]) => (key === 'a' ? { text: 'input.a', of: 3 } : undefined));
  assert.equal(replaced, 'input.a.x & steps.ab.output & "steps.a"');
});

test('expressions in a text end where their own braces do', () => {
  assert.deepEqual(
    piecesOf('a {{ {"k": {"l": 1}} }} b {{x}} {{ open').map(({ text }) => text),
    ['a ', ' {"k": {"l": 1}} ', ' b ', 'x', ' {{ open'],
  );
  assert.equal(
    rewriteText('{{ "}}" & x }}-{{y}}', (expression) => `<${expression}>`),
    '{{< "}}" & x >}}-{{<y>}}',
  );
});

test('a node is renamed in edges, params, conditions, keys, bodies and nowhere else', () => {
  const before: Definition = {
    nodes: [
      { key: 'old', type: 'noop' },
      { key: 'older', type: 'noop', notes: 'steps.old' },
      {
        key: 'each',
        type: 'map',
        condition: 'steps.old.output.ok',
        cache: { ttlS: 5, key: 'steps.old.output.id' },
        params: {
          items: '{{ steps.old.output.list }} of steps.old',
          body: {
            nodes: [{ key: 'in', type: 'branch.if', params: { condition: 'steps.old.output.x = item' } }],
            edges: [],
          },
        },
      },
      { key: 'code', type: 'code.js', params: { source: '"{{ steps.old }}"', input: { a: ['{{steps.old.output}}', '{{ steps.older.output }}'] } } },
    ],
    edges: [
      { from: 'old.error', to: 'each', when: 'steps.old.error.code = "steps.old"' },
      { from: 'older', to: 'old' },
    ],
    inputSchema: { type: 'object' },
  };
  const text = JSON.stringify(renameNode(before, 'old', 'fresh'));
  const expected = JSON.stringify(before)
    .replaceAll('steps.old.', 'steps.fresh.')
    .replaceAll('"old', '"fresh')
    .replaceAll('"fresher"', '"older"')
    .replace('{{steps.old}}', '{{steps.fresh}}');
  assert.equal(text, expected);
  assert.equal(renameNode(before, 'old', 'each'), before);
  assert.match(whyNotRename(before, 'old', 'in') ?? '', /there already/);
  assert.match(whyNotRename(before, 'old', 'Bad Key') ?? '', /small letter/);
  assert.equal(whyNotRename(before, 'old', 'old'), undefined);
});
