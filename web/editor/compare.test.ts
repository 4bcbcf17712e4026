/** Two definitions over each other, and two texts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Definition, GraphNode } from '../../src/contract/graph.ts';
import { changeItems, overlayOf } from './compare-model.ts';
import { inOrder } from './key-order.ts';
import { diffText, foldSame } from './text-diff.ts';

const nothing = { added: [], removed: [], changed: [] };
const node = (key: string): GraphNode => ({ key, type: 'noop' });
const map = (inner: string): GraphNode => ({ key: 'each', type: 'map', params: { body: { nodes: [{ key: inner, type: 'noop' }], edges: [] } } });
const before: Definition = {
  nodes: [node('a'), node('old'), node('b'), map('in')],
  edges: [
    { from: 'a', to: 'old' },
    { from: 'a', to: 'b' },
  ],
};
const after: Definition = {
  nodes: [node('a'), node('b'), node('new'), map('in')],
  edges: [
    { from: 'a', to: 'b', when: 'x' },
    { from: 'b', to: 'new' },
  ],
};
const diff = {
  isSame: false,
  nodes: {
    added: [{ key: 'new', type: 'noop' }],
    removed: [{ key: 'old', type: 'noop' }],
    changed: [
      { key: 'a', changes: [{ path: 'position.x', before: 1, after: 2 }] },
      {
        key: 'b',
        changes: [
          { path: 'name', after: 'B' },
          { path: 'position', after: { x: 1, y: 1 } },
        ],
      },
      { key: 'in', changes: [{ path: 'notes', after: 'n' }] },
    ],
  },
  edges: { added: [{ from: 'b', to: 'new' }], removed: [{ from: 'a', to: 'old' }], changed: [{ key: 'a → b', changes: [{ path: 'when', after: 'x' }] }] },
  triggers: nothing,
  comments: { ...nothing, added: [{ id: 'note-1', text: 'why', in: 'each' }] },
  settings: [{ path: 'priority', after: 3 }],
  inputSchema: [],
};

test('the overlay holds the nodes and edges of both, each with what became of it', () => {
  const { model, definition } = overlayOf({ before, after, diff, types: new Map() });
  assert.deepEqual(
    model.cards.map((card) => [card.key, card.mark]),
    [
      ['a', 'moved'],
      ['b', 'changed'],
      ['new', 'added'],
      ['each', 'changed'],
      ['old', 'removed'],
    ],
  );
  assert.deepEqual(
    model.links.map((link) => [link.from, link.to, link.mark]),
    [
      ['a', 'b', 'changed'],
      ['b', 'new', 'added'],
      ['a', 'old', 'removed'],
    ],
  );
  assert.equal(definition.nodes.length, 5);
  const sides = overlayOf({ before, after, diff, types: new Map() });
  assert.deepEqual(
    [sides.before, sides.after].map((side) => side.cards.map((card) => card.key)),
    [
      ['a', 'old', 'b', 'each'],
      ['a', 'b', 'new', 'each'],
    ],
  );
});

test('the list names each change, and what only moved comes last', () => {
  assert.deepEqual(
    changeItems(diff).map((item) => `${item.mark} ${item.kind} ${item.title} ${item.node ?? '-'}`),
    [
      'added node new (noop) new',
      'removed node old (noop) old',
      'changed node b b',
      'changed node in in',
      'added edge b → new b',
      'removed edge a → old a',
      'changed edge a → b a',
      'added comment “why” in each -',
      'changed settings settings -',
      'moved node a a',
    ],
  );
});

test('lines that stay, come and go', () => {
  const lines = diffText('a\nb\nc\nd', 'a\nx\nc\nd\ne').map(({ kind, text }) => `${kind[0]}${text}`);
  assert.deepEqual(lines, ['sa', 'rb', 'ax', 'sc', 'sd', 'ae']);
  assert.deepEqual(
    foldSame(diffText('1\n2\n3\n4\n5\n6\n7', '1\n2\n3\n4\n5\n6\nx'), 1).map((line) => ('count' in line ? line.count : line.text)),
    [5, '6', '7', 'x'],
  );
});

test('without what came the first text is left, without what went the second; and no shorter way is missed for equal texts', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 }).map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(text, text, (one, other) => {
      const lines = diffText(one, other);
      assert.equal(
        lines
          .filter((line) => line.kind !== 'added')
          .map((line) => line.text)
          .join('\n'),
        one,
      );
      assert.equal(
        lines
          .filter((line) => line.kind !== 'removed')
          .map((line) => line.text)
          .join('\n'),
        other,
      );
      assert.ok(diffText(one, one).every((line) => line.kind === 'same'));
    }),
  );
});

test('a definition is shown in the order in which people read it, and says the same', () => {
  const stored = {
    edges: [{ to: 'b', from: 'a' }],
    nodes: [{ type: 'map', key: 'm', position: { x: 1, y: 2 }, params: { body: { edges: [], nodes: [{ type: 'noop', key: 'i' }] } }, timeoutMs: 5 }],
  };
  assert.equal(
    JSON.stringify(inOrder(stored)),
    '{"nodes":[{"key":"m","type":"map","params":{"body":{"nodes":[{"key":"i","type":"noop"}],"edges":[]}},"timeoutMs":5,"position":{"x":1,"y":2}}],"edges":[{"from":"a","to":"b"}]}',
  );
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(inOrder(value), value)));
});
