import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextSelection } from './selecting.ts';

const none = { nodes: new Set<string>(), edges: new Set<`${string}>${string}`>(), comments: new Set<string>() };

test('news of places change no selection', () => {
  assert.equal(nextSelection(none, [{ type: 'position', id: 'a', position: { x: 0, y: 0 } }]), undefined);
});

test('cards and comments are told apart, and a node chosen alone lets go of edges', () => {
  const before = { ...none, nodes: new Set(['b']), edges: new Set(['a>b' as const]) };
  const after = nextSelection(before, [
    { type: 'select', id: 'b', selected: false },
    { type: 'select', id: 'comment:note-1', selected: true },
  ]);
  assert.deepEqual(after, { nodes: new Set(), comments: new Set(['note-1']), edges: new Set() });
});
