/** Copy and paste of steps as text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { GraphEdge, GraphNode } from '../../../src/contract/graph.ts';
import { allKeys } from '../scope.ts';
import type { Graph } from '../scope.ts';
import { copyText, duplicate, paste, readNodes } from './clipboard.ts';

const empty: Graph = { nodes: [], edges: [], comments: [] };
const all = (graph: Graph): { nodes: Set<string>; comments: Set<string> } => ({
  nodes: new Set(graph.nodes.map((node) => node.key)),
  comments: new Set(graph.comments.map((comment) => comment.id)),
});

/** A graph of up to eight nodes whose params read nodes before them; one may be a map. */
const anyGraph: fc.Arbitrary<Graph> = fc
  .record({ count: fc.integer({ min: 1, max: 8 }), joins: fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 12 }), body: fc.boolean(), notes: fc.nat(3) })
  .map(({ count, joins, body, notes }) => {
    const nodes = Array.from({ length: count }, (_, n): GraphNode => ({
      key: `n${n}`,
      type: 'set',
      position: { x: 100 * n, y: 0 },
      params: { values: { seen: n === 0 ? '{{ input.x }}' : `{{ steps.n${n - 1}.output }}` } },
    }));
    if (body)
      nodes.push({
        key: 'each',
        type: 'map',
        params: { body: { nodes: [{ key: 'inner', type: 'set', params: { values: { a: '{{ steps.n0.output }}' } } }], edges: [] } },
      });
    const pairs = new Map(joins.filter(([a, b]) => a < b && b < count).map(([a, b]): [string, GraphEdge] => [`${a}>${b}`, { from: `n${a}`, to: `n${b}` }]));
    const comments = Array.from({ length: notes }, (_, n) => ({ id: `note-${n}`, text: `note ${n}`, position: { x: n, y: n } }));
    return { nodes, edges: [...pairs.values()], comments };
  });

test('what is pasted is what was copied, but for keys that are taken and its place', () => {
  fc.assert(
    fc.property(anyGraph, (graph) => {
      const text = copyText(graph, all(graph)) ?? '';
      const pasted = paste(empty, text, { taken: new Set() });
      assert.ok('graph' in pasted);
      const back = JSON.parse(JSON.stringify(pasted.graph)) as Graph;
      const unmoved = {
        ...back,
        nodes: back.nodes.map((node, n) => ({ ...node, ...(graph.nodes[n]?.position && { position: graph.nodes[n].position }) })),
        comments: graph.comments,
      };
      assert.deepEqual(unmoved, JSON.parse(JSON.stringify(graph)));
    }),
  );
});

test('pasted beside itself every key and id is unique and the second half is the first by other names', () => {
  fc.assert(
    fc.property(anyGraph, (graph) => {
      const pasted = paste(graph, copyText(graph, all(graph)) ?? '', { taken: allKeys({ nodes: [...graph.nodes] }) });
      assert.ok('graph' in pasted);
      const keys = keyList(pasted.graph);
      assert.equal(new Set(keys).size, keys.length);
      assert.equal(new Set(pasted.graph.comments.map(({ id }) => id)).size, pasted.graph.comments.length);
      const [firstKeys, secondKeys] = [keys.slice(0, keys.length / 2), keys.slice(keys.length / 2)];
      let second = JSON.stringify({ nodes: pasted.graph.nodes.slice(graph.nodes.length).map(unplaced), edges: pasted.graph.edges.slice(graph.edges.length) });
      secondKeys.forEach((key, n) => (second = second.replaceAll(new RegExp(`\\b${key}\\b`, 'g'), `@${n}`)));
      let first = JSON.stringify({ nodes: graph.nodes.map(unplaced), edges: graph.edges });
      firstKeys.forEach((key, n) => (first = first.replaceAll(new RegExp(`\\b${key}\\b`, 'g'), `@${n}`)));
      assert.equal(second, first);
    }),
  );
});

function keyList(graph: Graph): readonly string[] {
  return graph.nodes.flatMap((node) => [node.key, ...allKeysOfBody(node)]);
}

function allKeysOfBody(node: GraphNode): readonly string[] {
  return [...allKeys({ nodes: [node] })].filter((key) => key !== node.key);
}

function unplaced({ position: _position, ...node }: GraphNode): object {
  return node;
}

test('a place moves the whole, a duplicate stands beside, and nothing selected copies nothing', () => {
  const graph: Graph = {
    nodes: [{ key: 'a', type: 'noop', position: { x: 10, y: 20 } }],
    edges: [],
    comments: [{ id: 'note-1', text: 'x', position: { x: 0, y: 0 } }],
  };
  const pasted = paste(graph, copyText(graph, all(graph)) ?? '', { taken: new Set(['a', 'a_2']), at: { x: 500, y: 500 } });
  assert.ok('graph' in pasted);
  assert.deepEqual(pasted.graph.nodes[1], { key: 'a_3', type: 'noop', position: { x: 510, y: 520 } });
  assert.deepEqual(pasted.graph.comments[1], { id: 'note-2', text: 'x', position: { x: 500, y: 500 } });
  assert.deepEqual(duplicate(graph, all(graph), new Set(['a'])).nodes[1]?.position, { x: 42, y: 52 });
  assert.equal(copyText(graph, { nodes: new Set(['ghost']), comments: new Set() }), undefined);
});

test('a definition, an exported document and a fenced text can be pasted too', () => {
  const definition = { nodes: [{ key: 'a', type: 'noop' }], edges: [] };
  const texts = [definition, { studio: 1, kind: 'workflow', name: 'x', definition }].map((value) => JSON.stringify(value));
  for (const text of [...texts, `\`\`\`json\n${texts[0]}\n\`\`\`\n`]) assert.ok('graph' in readNodes(text), text);
});

test('junk and graphs from a newer version are refused in words', () => {
  const fault = (value: unknown): string => {
    const read = readNodes(typeof value === 'string' ? value : JSON.stringify(value));
    return 'fault' in read ? read.fault : 'none';
  };
  assert.match(fault(' '), /nothing to paste/);
  assert.match(fault('SELECT 1'), /no JSON/);
  assert.match(fault('[1]'), /no steps/);
  assert.match(fault({ studio: 'nodes', format: 2, nodes: [] }), /newer Studio \(format 2/);
  assert.match(fault({ studio: 7, definition: { nodes: [] } }), /newer Studio \(format 7/);
  assert.match(fault({ nodes: [{ key: 'a' }] }), /nodes\[0\] needs/);
  assert.match(fault({ nodes: [{ key: 'No Key', type: 'x' }] }), /"No Key" is no key/);
  assert.match(fault({ nodes: [{ key: 'a', type: 'x' }], edges: [{ from: 'a', to: 'b' }] }), /a → b names a step/);
  assert.match(fault(`{"nodes":"${'x'.repeat(4 * 1024 * 1024)}"}`), /the limit is/);
  fc.assert(fc.property(fc.anything(), (value) => typeof fault(JSON.stringify(value) ?? '') === 'string'));
});
