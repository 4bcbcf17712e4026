/** Which change of a definition makes it another: what runs, never how it is drawn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition } from '../contract/graph.ts';
import { structuralHash } from './structural-hash.ts';

test('the structural hash heeds what runs and nothing else', () => {
  const base: Definition = {
    nodes: [
      { key: 'a', type: 'noop', params: { output: { x: 1, y: 2 } } },
      { key: 'b', type: 'noop' },
    ],
    edges: [{ from: 'a', to: 'b' }],
  };
  const cosmetic: Definition = {
    nodes: [
      { key: 'b', type: 'noop', name: 'Bee', position: { x: 1, y: 2 } },
      { key: 'a', type: 'noop', notes: 'n', params: { output: { y: 2, x: 1 } } },
    ],
    edges: [{ from: 'a', to: 'b' }],
    triggers: [],
  };
  assert.equal(structuralHash(base), structuralHash(cosmetic));
  const inside = (x: number): Definition => ({
    ...base,
    nodes: [{ key: 'each', type: 'map', params: { items: [], body: { nodes: [{ key: 'in', type: 'noop', position: { x, y: 0 } }], edges: [] } } }],
  });
  assert.equal(structuralHash(inside(1)), structuralHash(inside(2)), 'a node inside a body may be moved, too');
  assert.notEqual(structuralHash(base), structuralHash({ ...base, edges: [] }));
  assert.notEqual(structuralHash(base), structuralHash({ ...base, nodes: base.nodes.map((node) => ({ ...node, disabled: true })) }));
});
