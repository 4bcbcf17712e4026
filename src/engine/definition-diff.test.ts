import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../contract/endpoint.ts';
import type { Definition, GraphNode } from '../contract/graph.ts';
import { nodeTypes } from '../nodes/index.ts';
import { diffDefinitions } from './definition-diff.ts';

const diff = (before: Partial<Definition>, after: Partial<Definition>): ReturnType<typeof diffDefinitions> =>
  diffDefinitions({ nodes: [], edges: [], ...before }, { nodes: [], edges: [], ...after }, nodeTypes);
const noop = (key: string, more: Partial<GraphNode> = {}): GraphNode => ({ key, type: 'noop', ...more });
const map = (key: string, nodes: GraphNode[]): GraphNode => ({
  key,
  type: 'map',
  params: { items: [1], body: { nodes: nodes as unknown as Json, edges: [] } },
});
const nothing = { added: [], removed: [], changed: [] };

test('the same definition, written in another order, has no difference', () => {
  const before = { nodes: [noop('a', { params: { output: { x: 1, y: [2] } } }), noop('b')], edges: [{ from: 'a', to: 'b' }] };
  const after = { nodes: [noop('b'), noop('a', { params: { output: { y: [2], x: 1 } } })], edges: [{ from: 'a', to: 'b' }] };
  assert.deepEqual(diff(before, after), { isSame: true, nodes: nothing, edges: nothing, triggers: nothing, comments: nothing, settings: [], inputSchema: [] });
});

test('comments are matched by id in their own graph, and moving a node is a change of its position alone', () => {
  const note = (text: string) => ({ id: 'note-1', text, position: { x: 0, y: 0 } });
  const within = (text: string): GraphNode => ({
    ...map('m', [noop('a')]),
    params: { items: [1], body: { nodes: [{ key: 'a', type: 'noop' }], edges: [], comments: [note(text)] } },
  });
  const { comments, nodes } = diff({ nodes: [within('x')], comments: [note('top')] }, { nodes: [within('y')] });
  assert.deepEqual(comments.removed, [note('top')]);
  assert.deepEqual(comments.changed, [{ key: 'm/note-1', changes: [{ path: 'text', before: 'x', after: 'y' }] }]);
  assert.deepEqual(nodes, nothing);
});

test('each changed path stands with its value before and after', () => {
  const { isSame, nodes } = diff(
    { nodes: [noop('a', { name: 'A', params: { output: { list: [1, 2], gone: 1 } } }), noop('old')] },
    { nodes: [noop('a', { timeoutMs: 5, params: { output: { list: [1, 3], fresh: null } } }), noop('new')] },
  );
  assert.equal(isSame, false);
  assert.deepEqual(nodes, {
    added: [noop('new')],
    removed: [noop('old')],
    changed: [
      {
        key: 'a',
        changes: [
          { path: 'name', before: 'A' },
          { path: 'params.output.list[1]', before: 2, after: 3 },
          { path: 'params.output.gone', before: 1 },
          { path: 'params.output.fresh', after: null },
          { path: 'timeoutMs', after: 5 },
        ],
      },
    ],
  });
});

test('nodes in bodies are matched by key, also when they move', () => {
  const { nodes } = diff({ nodes: [map('m', [noop('a'), noop('b')])] }, { nodes: [map('m', [noop('a', { disabled: true })]), noop('b')] });
  assert.deepEqual(nodes, {
    ...nothing,
    changed: [
      { key: 'b', changes: [{ path: 'in', before: 'm' }] },
      { key: 'a', changes: [{ path: 'disabled', after: true }] },
    ],
  });
  assert.deepEqual(diff({ nodes: [map('m', [noop('a')])] }, { nodes: [map('m', [noop('a'), noop('c')])] }).nodes.added, [{ ...noop('c'), in: 'm' }]);
});

test('edges, triggers, settings and the input schema are told apart', () => {
  const trigger = { key: 't', type: 'cron' as const, params: { expression: '0 8 * * *' }, enabled: true };
  const result = diff(
    { nodes: [noop('a'), noop('b')], edges: [{ from: 'a', to: 'b' }], triggers: [trigger], settings: { priority: 1 } },
    {
      nodes: [noop('a'), noop('b')],
      edges: [{ from: 'a', to: 'b', when: 'input.x' }],
      triggers: [{ ...trigger, enabled: false }],
      inputSchema: { type: 'object' },
    },
  );
  assert.deepEqual(result, {
    isSame: false,
    nodes: nothing,
    edges: { ...nothing, changed: [{ key: 'a → b', changes: [{ path: 'when', after: 'input.x' }] }] },
    triggers: { ...nothing, changed: [{ key: 't', changes: [{ path: 'enabled', before: true, after: false }] }] },
    comments: nothing,
    settings: [{ path: 'priority', before: 1 }],
    inputSchema: [{ path: '', after: { type: 'object' } }],
  });
});

test('whatever the params, a definition has no difference from itself and one from another', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const of = (output: unknown): Partial<Definition> => ({ nodes: [noop('a', { params: { output: JSON.parse(JSON.stringify(output)) as Json } })] });
      assert.equal(diff(of(a), of(a)).isSame, true);
      assert.equal(diff(of(a), of(b)).isSame, isEqual(a, b));
    }),
  );
});

function isEqual(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
    return true;
  } catch {
    return false;
  }
}
