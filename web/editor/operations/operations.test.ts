/** Adding, joining, changing, removing and arranging what stands on a canvas. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { GraphNode } from '../../../src/contract/graph.ts';
import type { Graph } from '../scope.ts';
import { align, distribute, moveItems, nudge, placed, tidy } from './arrange.ts';
import { addComment, setComment } from './comments.ts';
import { connect, insertOnEdge, setEdge, whyNotConnect } from './edges.ts';
import { freshKeys, newKey, plainKey } from './keys.ts';
import { addNode, patchNode, removeItems } from './nodes.ts';
import { typeNamed, types } from './test-types.ts';

const at = (key: string, x = 0, y = 0, type = 'noop'): GraphNode => ({ key, type, position: { x, y } });
const graph: Graph = {
  nodes: [at('a'), at('b', 288), at('c', 576), at('if', 0, 200, 'branch.if')],
  edges: [
    { from: 'a', to: 'b', when: 'input.x' },
    { from: 'b', to: 'c', mode: ['context'] },
  ],
  comments: [],
};
const keysOf = ({ nodes }: Graph): ReadonlySet<string> => new Set(nodes.map((node) => node.key));
const place = (of: Graph, key: string): unknown => of.nodes.find((node) => node.key === key)?.position;

test('a key comes from its type, is never taken and always has the shape of a key', () => {
  assert.equal(newKey(new Set(), 'http.request'), 'http_request');
  assert.equal(newKey(new Set(['http_request', 'http_request_2']), 'http.request'), 'http_request_3');
  assert.equal(newKey(new Set(['a_7']), 'a_7'), 'a_2');
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string()), (base, others) => {
      const taken = new Set([...others.map(plainKey), plainKey(base)]);
      const key = newKey(taken, base);
      assert.match(key, /^[a-z][a-z0-9_]{0,63}$/);
      assert.ok(!taken.has(key));
      const fresh = [...freshKeys([...taken], taken).values()];
      assert.equal(new Set([...fresh, ...taken]).size, 2 * taken.size);
    }),
  );
});

test('a new node has the defaults its schema requires, stands after its source and is joined to it', () => {
  const added = addNode(graph, { type: typeNamed('http.request'), taken: keysOf(graph), after: 'a' }, types);
  const node = added.nodes.at(-1);
  assert.deepEqual(node, { key: 'http_request', type: 'http.request', params: { method: 'GET', timeoutMs: 30 }, position: { x: 288, y: 104 } });
  assert.deepEqual(added.edges.at(-1), { from: 'a', to: 'http_request' });
  const branch = addNode(graph, { type: typeNamed('noop'), taken: keysOf(graph), after: 'if' }, types);
  assert.deepEqual(branch.edges.at(-1), { from: 'if.true', to: 'noop' });
  const other = addNode(graph, { type: typeNamed('noop'), taken: keysOf(graph), after: 'if.false', position: { x: 1, y: 2 } }, types);
  assert.deepEqual(
    [other.edges.at(-1), place(other, 'noop')],
    [
      { from: 'if.false', to: 'noop' },
      { x: 1, y: 2 },
    ],
  );
  assert.deepEqual(addNode(graph, { type: typeNamed('map'), taken: keysOf(graph) }, types).nodes.at(-1)?.params, { body: { nodes: [], edges: [] } });
});

test('a node on an edge splits it, keeps condition and mode, and what follows makes room', () => {
  const added = addNode(graph, { type: typeNamed('noop'), taken: keysOf(graph), onEdge: 'a>b' }, types);
  assert.deepEqual(added.edges, [
    { from: 'b', to: 'c', mode: ['context'] },
    { from: 'a', to: 'noop', when: 'input.x' },
    { from: 'noop', to: 'b' },
  ]);
  assert.deepEqual(
    [place(added, 'a'), place(added, 'noop'), place(added, 'b'), place(added, 'c')],
    [at('a').position, at('', 288).position, at('', 576).position, at('', 864).position],
  );
  assert.equal(insertOnEdge(graph, 'a>b', 'a', types), graph);
  assert.equal(insertOnEdge(graph, 'a>ghost', 'c', types), graph);
});

test('ends are joined unless something speaks against it, in words', () => {
  const more: Graph = { ...graph, nodes: [...graph.nodes, at('p', 0, 0, 'picture'), at('l', 0, 0, 'listen'), at('s', 0, 0, 'start')] };
  const why = (from: string, to: string): string | undefined => whyNotConnect(more, { from, to }, types);
  assert.match(why('a', 'a') ?? '', /itself/);
  assert.match(why('c', 'a') ?? '', /"a" leads to "c" already/);
  assert.match(why('a', 'b') ?? '', /joined already/);
  assert.match(why('a.out', 'b.in') ?? '', /joined already/);
  assert.match(why('a', 'ghost') ?? '', /no step "ghost"/);
  assert.match(why('p', 'l') ?? '', /gives an image, "l" takes an audio/);
  assert.match(why('a', 's') ?? '', /takes no input/);
  assert.equal(why('if.true', 'c'), undefined);
  assert.equal(connect(more, { from: 'c', to: 'a' }, types), more);
  assert.deepEqual(connect(more, { from: 'a.out', to: 'c.in', mode: ['context'] }, types).edges.at(-1), { from: 'a', to: 'c', mode: ['context'] });
  assert.deepEqual(connect(more, { from: 'a.error', to: 'c' }, types).edges.at(-1), { from: 'a.error', to: 'c' });
});

test('an edge changes its mode, its condition and its ends', () => {
  const changed = setEdge(graph, 'a>b', { mode: ['trigger', 'attachments'], when: undefined });
  assert.deepEqual(changed.edges[0], { from: 'a', to: 'b', mode: ['trigger', 'attachments'] });
  assert.deepEqual(setEdge(graph, 'a>b', { from: 'if.true' }).edges[0], { from: 'if.true', to: 'b', when: 'input.x' });
  assert.equal(setEdge(graph, 'a>b', { from: 'b', to: 'c' }), graph);
});

test('removing a node removes its edges; healed, its neighbours are joined', () => {
  const gone = removeItems(graph, { nodes: new Set(['b']) });
  assert.deepEqual([gone.nodes.length, gone.edges], [3, []]);
  assert.deepEqual(removeItems(graph, { nodes: new Set(['b']) }, { heal: true }).edges, [{ from: 'a', to: 'c', when: 'input.x' }]);
  assert.deepEqual(removeItems(graph, { edges: new Set(['b>c']) }).edges, [graph.edges[0]]);
  assert.equal(removeItems(graph, { nodes: new Set(['ghost']) }), graph);
});

test('a patch sets and takes away fields', () => {
  const changed = patchNode(graph, 'a', { name: 'First', position: undefined });
  assert.deepEqual(changed.nodes[0], { key: 'a', type: 'noop', name: 'First' });
  assert.equal(patchNode(graph, 'a', { name: undefined }), graph);
});

test('comments come, change and go', () => {
  const one = addComment(addComment(graph, { text: 'why', position: { x: 1, y: 2 }, colour: 'amber' }), { text: '', position: { x: 0, y: 0 } });
  assert.deepEqual(
    one.comments.map(({ id }) => id),
    ['note-1', 'note-2'],
  );
  assert.deepEqual(setComment(one, 'note-1', { colour: undefined, text: 'because' }).comments[0], { id: 'note-1', text: 'because', position: { x: 1, y: 2 } });
  assert.equal(setComment(one, 'note-1', null).comments.length, 1);
});

test('nodes move, align and spread evenly', () => {
  assert.deepEqual(place(moveItems(graph, { nodes: new Map([['a', { x: 3.6, y: -1.2 }]]) }), 'a'), { x: 4, y: -1 });
  assert.equal(moveItems(graph, { nodes: new Map([['a', { x: 0, y: 0 }]]) }), graph);
  assert.deepEqual(place(nudge(graph, { nodes: new Set(['b']), comments: new Set() }, { x: 8, y: 0 }), 'b'), { x: 296, y: 0 });
  const keys = new Set(['a', 'b', 'if']);
  assert.deepEqual(place(align(graph, keys, 'left', types), 'b'), { x: 0, y: 0 });
  assert.deepEqual(place(align(graph, keys, 'bottom', types), 'a'), { x: 0, y: 218 });
  const spread = distribute({ ...graph, nodes: [at('a'), at('b', 300), at('c', 900)] }, new Set(['a', 'b', 'c']), 'x', types);
  assert.deepEqual(place(spread, 'b'), { x: 450, y: 0 });
});

test('tidying keeps the corner, gives every node a place and fits frames around what they held', () => {
  const frame = { id: 'note-1', text: '', position: { x: -20, y: -50 }, size: { width: 600, height: 150 } };
  const messy: Graph = { ...graph, nodes: [at('a', 10, 10), at('b', 60, 20), { key: 'c', type: 'noop' }, at('if', 900, 900, 'branch.if')], comments: [frame] };
  const clean = tidy(messy, types);
  const xs = ['a', 'b', 'c'].map((key) => (place(clean, key) as { x: number }).x);
  assert.ok((xs[0] ?? 0) < (xs[1] ?? 0) && (xs[1] ?? 0) < (xs[2] ?? 0));
  assert.equal(Math.min(...clean.nodes.map((node) => node.position?.x ?? -1)), 10);
  assert.equal(clean.comments[0]?.position.x, 10 - 24);
  assert.deepEqual(placed(messy, types).nodes[0], messy.nodes[0]);
  assert.deepEqual(place(placed(messy, types), 'c'), { x: 348, y: 20 });
});
