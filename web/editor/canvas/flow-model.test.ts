import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import type { Graph } from '../scope.ts';
import { createFacts, createFlowEdges, createFlowNodes } from './flow-model.ts';
import { createPlaces } from './places.ts';

const type = (name: string, outputs: readonly string[]): NodeTypeView => ({
  ...{ type: name, version: 1, title: name, summary: '', category: 'flow', runs: 'inline', pure: true, queue: null, dynamicOutputs: false, requires: 'user' },
  ...{ params: {}, docs: '', example: {} },
  inputs: [{ name: 'in', title: 'In', kind: 'any' }],
  outputs: outputs.map((port) => ({ name: port, title: port, kind: 'json' })),
});
const types = new Map([type('noop', ['out']), type('branch.if', ['true', 'false'])].map((each) => [each.type, each]));
const graph: Graph = {
  nodes: [
    { key: 'check', type: 'branch.if', position: { x: 0, y: 0 } },
    { key: 'next', type: 'noop', position: { x: 300, y: 0 } },
    { key: 'odd', type: 'nobody', position: { x: 300, y: 200 } },
  ],
  edges: [
    { from: 'check.true', to: 'next' },
    { from: 'check.gone', to: 'odd' },
    { from: 'check', to: 'nowhere' },
  ],
  comments: [{ id: 'note-1', text: 'x', position: { x: 0, y: -100 } }],
};
const nothing = { nodes: new Set<string>(), edges: new Set<`${string}>${string}`>(), comments: new Set<string>() };

function model() {
  const facts = createFacts();
  const places = createPlaces();
  const nodes = createFlowNodes();
  const edges = createFlowEdges();
  return (of: Graph, more: { readonly selected?: typeof nothing; readonly dragged?: ReadonlyMap<string, { x: number; y: number }> } = {}) => {
    const known = facts(of, types);
    const input = { graph: of, types, facts: known, places: places(of, types, known), selected: nothing, dragged: new Map(), isOverview: false, ...more };
    return { nodes: nodes(input), edges: edges(input) };
  };
}

test('comments come first, below the cards; edges to nowhere are not drawn, those of an unknown port are', () => {
  const { nodes, edges } = model()(graph);
  assert.deepEqual(
    nodes.map((node) => node.id),
    ['comment:note-1', 'check', 'next', 'odd'],
  );
  assert.deepEqual(
    edges.map((edge) => [edge.id, edge.sourceHandle]),
    [
      ['check.true>next', 'true'],
      ['check.gone>odd', 'gone'],
    ],
  );
});

test('what did not change is the same object as before', () => {
  const make = model();
  const before = make(graph);
  const after = make({ ...graph, nodes: graph.nodes.map((node) => (node.key === 'next' ? { ...node, name: 'Other' } : node)) });
  assert.deepEqual(
    after.nodes.map((node, index) => node === before.nodes[index]),
    [true, true, false, true],
  );
  assert.deepEqual(
    after.edges.map((edge, index) => edge === before.edges[index]),
    [true, true],
  );
});

test('dragging one card makes one new object', () => {
  const make = model();
  const before = make(graph);
  const after = make(graph, { dragged: new Map([['odd', { x: 5, y: 6 }]]) });
  assert.deepEqual(
    after.nodes.map((node, index) => node === before.nodes[index]),
    [true, true, true, false],
  );
  assert.deepEqual(after.nodes[3]?.position, { x: 5, y: 6 });
});

test('a graph without places is laid out from left to right', () => {
  const bare: Graph = {
    nodes: [
      { key: 'a', type: 'noop' },
      { key: 'b', type: 'noop' },
    ],
    edges: [{ from: 'a', to: 'b' }],
    comments: [],
  };
  const [a, b] = model()(bare).nodes;
  assert.ok(a !== undefined && b !== undefined && a.position.x + 216 < b.position.x);
});
