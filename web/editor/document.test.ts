/** The document of the editor: what one change is, what undo brings back, what locks it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Definition, GraphNode } from '../../src/contract/graph.ts';
import { createDocument } from './document.ts';
import type { EditorDocument } from './document.ts';

const node = (key: string): GraphNode => ({ key, type: 'noop' });
const start: Definition = {
  nodes: [node('a'), node('b'), { key: 'each', type: 'map', params: { items: [], body: { nodes: [{ key: 'inner', type: 'noop' }], edges: [] } } }],
  edges: [{ from: 'a', to: 'b' }],
  settings: { priority: 7 },
};

function add(document: EditorDocument, key: string, merge?: string): void {
  document.change(`Add ${key}`, (graph) => ({ ...graph, nodes: [...graph.nodes, node(key)] }), {
    select: { nodes: new Set([key]) },
    ...(merge === undefined ? {} : { merge }),
  });
}

const keysOf = (document: EditorDocument): readonly string[] => document.graph.value.nodes.map(({ key }) => key);

test('a change is one step that undo takes back and redo makes again, with the selection', () => {
  const document = createDocument(start);
  document.select({ nodes: new Set(['a']), edges: new Set(['a>b']) });
  add(document, 'c');
  assert.deepEqual([...document.selection.value.nodes], ['c']);
  assert.equal(document.canUndo.value, 'Add c');
  document.undo();
  assert.equal(document.definition.value, start);
  assert.deepEqual([...document.selection.value.nodes], ['a']);
  assert.deepEqual([...document.selection.value.edges], ['a>b']);
  assert.equal(document.canRedo.value, 'Add c');
  document.redo();
  assert.deepEqual(keysOf(document), ['a', 'b', 'each', 'c']);
  assert.deepEqual([...document.selection.value.nodes], ['c']);
});

test('a run of changes with the same merge text within 800 ms is one step', () => {
  let nowMs = 0;
  const document = createDocument(start, { now: () => nowMs });
  for (const key of ['c', 'd', 'e']) {
    add(document, key, 'drag');
    nowMs += 799;
  }
  nowMs += 1;
  add(document, 'f', 'drag');
  add(document, 'g', 'type');
  document.undo();
  document.undo();
  assert.deepEqual(keysOf(document), ['a', 'b', 'each', 'c', 'd', 'e']);
  document.undo();
  assert.equal(document.definition.value, start);
  assert.equal(document.canUndo.value, undefined);
});

test('what changes nothing is no step, and a change after an undo forgets what was undone', () => {
  const document = createDocument(start);
  document.change('Nothing', (graph) => graph, { select: { nodes: new Set(['b', 'ghost']) } });
  assert.equal(document.canUndo.value, undefined);
  assert.deepEqual([...document.selection.value.nodes], ['b']);
  add(document, 'c');
  document.undo();
  add(document, 'd');
  assert.equal(document.canRedo.value, undefined);
});

test('changes in an open body stay in it, and undo opens it again', () => {
  const document = createDocument(start);
  document.open(['each']);
  add(document, 'more');
  assert.deepEqual(keysOf(document), ['inner', 'more']);
  assert.deepEqual([...document.keys.value].toSorted(), ['a', 'b', 'each', 'inner', 'more']);
  document.open([]);
  assert.deepEqual(keysOf(document), ['a', 'b', 'each']);
  document.undo();
  assert.deepEqual(document.scope.value, ['each']);
  assert.equal(document.definition.value, start);
  document.open(['each', 'inner', 'nowhere']);
  assert.deepEqual(document.scope.value, ['each']);
});

test('the selection names only what is there', () => {
  const document = createDocument(start);
  document.select({ nodes: new Set(['a', 'b']), edges: new Set(['a>b']) });
  document.select({ nodes: new Set(['each']) }, { add: true });
  document.change('Remove a', (graph) => ({ ...graph, nodes: graph.nodes.filter(({ key }) => key !== 'a'), edges: [] }));
  assert.deepEqual([...document.selection.value.nodes], ['b', 'each']);
  assert.equal(document.selection.value.edges.size, 0);
});

test('text with a fault locks the canvas, keeps the last drawing, and can be typed on and undone', () => {
  const document = createDocument(start);
  const broken = '{ "nodes": [';
  document.changeText(broken);
  assert.match(document.locked.value ?? '', /no JSON yet/);
  add(document, 'c');
  assert.equal(document.definition.value, start);
  assert.equal(document.text.value, broken);
  document.undo();
  assert.equal(document.locked.value, undefined);
  assert.equal(document.text.value, undefined);
  document.redo();
  document.changeText('{ "nodes": [{ "key": "x", "type": "noop" }], "edges": [] }');
  assert.equal(document.locked.value, undefined);
  assert.deepEqual(keysOf(document), ['x']);
  add(document, 'y');
  assert.equal(document.text.value, undefined);
});

test('text that is JSON and can not be drawn says which part is at fault', () => {
  const document = createDocument(start);
  const faults: readonly (readonly [text: string, fault: RegExp])[] = [
    ['[]', /a workflow is an object/],
    ['{ "nodes": [{ "key": "a" }], "edges": [] }', /nodes\[0\] needs "key" and "type"/],
    ['{ "nodes": [{ "key": "a", "type": "x" }, { "key": "a", "type": "x" }], "edges": [] }', /nodes\[1\]: the key "a" is there twice/],
    ['{ "nodes": [], "edges": [{ "from": "a" }] }', /edges\[0\] needs/],
    ['{ "nodes": [], "edges": [], "comments": [{ "id": "c", "text": "" }] }', /comments\[0\] needs/],
    ['{ "nodes": [{ "key": "m", "type": "map", "params": { "body": { "nodes": [7], "edges": [] } } }], "edges": [] }', /nodes\[0\].params.body.nodes\[0\]/],
  ];
  for (const [text, fault] of faults) {
    document.changeText(text);
    assert.match(document.locked.value ?? '', fault);
  }
  document.changeText('{ "nodes": [{ "key": "h", "type": "http.request", "params": { "body": { "nodes": 5 } } }], "edges": [] }');
  assert.equal(document.locked.value, undefined);
});

test('a draft that is no definition opens as it was typed, locked', () => {
  const document = createDocument(start, { text: 'half a th' });
  assert.equal(document.text.value, 'half a th');
  assert.match(document.locked.value ?? '', /no JSON yet/);
});

test('while someone else edits nothing changes, not even by undo', () => {
  const document = createDocument(start, { about: { name: 'One', description: '' } });
  add(document, 'c');
  document.lock('Ada edits this workflow');
  add(document, 'd');
  document.undo();
  document.changeText('{}');
  document.changeAbout({ name: 'Two' });
  assert.equal(document.locked.value, 'Ada edits this workflow');
  assert.deepEqual(keysOf(document), ['a', 'b', 'each', 'c']);
  assert.equal(document.about.value.name, 'One');
  document.lock(undefined);
  document.changeAbout({ name: 'Two' });
  document.undo();
  assert.equal(document.about.value.name, 'One');
});

const action = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    key: fc.stringMatching(/^[d-z][0-9]{1,3}$/),
    merge: fc.option(fc.constantFrom('one', 'two'), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(20) }),
  fc.record({ kind: fc.constant('open' as const), scope: fc.constantFrom([], ['each']) }),
  fc.record({ kind: fc.constant('select' as const), keys: fc.subarray(['a', 'b', 'each', 'inner', 'ghost']) }),
  fc.record({ kind: fc.constant('text' as const), text: fc.constantFrom('{', JSON.stringify(start), '{ "nodes": [], "edges": [] }') }),
  fc.record({ kind: fc.constant('name' as const), name: fc.string() }),
  fc.record({ kind: fc.constantFrom('undo' as const, 'redo' as const) }),
);

test('undo of any run of changes gives back the start, and redo the end', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const document = createDocument(start, { now: () => 0 });
      for (const each of actions) perform(document, each);
      const end = stateOf(document);
      while (document.canUndo.value !== undefined) document.undo();
      assert.equal(document.definition.value, start);
      assert.deepEqual(document.about.value, { name: '', description: '' });
      assert.equal(document.text.value, undefined);
      while (document.canRedo.value !== undefined) document.redo();
      const known = actions.some((each) => each.kind === 'undo') ? undefined : end;
      if (known !== undefined) assert.deepEqual(stateOf(document), known);
    }),
  );
});

function stateOf(document: EditorDocument): unknown {
  return [document.definition.value, document.about.value, document.text.value];
}

function perform(document: EditorDocument, each: typeof action extends fc.Arbitrary<infer T> ? T : never): void {
  if (each.kind === 'add' && !document.keys.value.has(each.key)) add(document, each.key, each.merge);
  if (each.kind === 'remove') document.change('Remove', (graph) => ({ ...graph, nodes: graph.nodes.filter((_, index) => index !== each.at) }));
  if (each.kind === 'open') document.open(each.scope);
  if (each.kind === 'select') document.select({ nodes: new Set(each.keys) });
  if (each.kind === 'text') document.changeText(each.text);
  if (each.kind === 'name') document.changeAbout({ name: each.name });
  if (each.kind === 'undo') document.undo();
  if (each.kind === 'redo') document.redo();
}
