/** What a test run runs: which part, and what stands for the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import type { Definition } from '../contract/graph.ts';
import type { TestScope } from '../contract/test-runs.ts';
import { nodeTypes } from '../nodes/index.ts';
import { buildTest, planTest, type Known, type TestGraph } from './test-graph.ts';
import { validate } from './validate.ts';

const definition: Definition = {
  nodes: [
    { key: 'a', type: 'set', params: { values: { n: 1 } } },
    { key: 'b', type: 'set', params: { values: { n: '{{ steps.a.output.n + 1 }}' } } },
    { key: 'check', type: 'branch.if', params: { condition: '{{ steps.b.output.n > 1 }}' } },
    { key: 'yes', type: 'set', params: { values: { n: '{{ steps.a.output.n }}' } } },
    { key: 'no', type: 'set', params: { values: {} } },
    { key: 'end', type: 'merge', params: { mode: 'any' } },
    {
      key: 'each',
      type: 'map',
      params: { items: [1], body: { nodes: [{ key: 'inner', type: 'noop', params: { output: '{{ steps.b.output }}' } }], edges: [] } },
    },
  ],
  edges: [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'check' },
    { from: 'check.true', to: 'yes' },
    { from: 'check.false', to: 'no' },
    { from: 'yes', to: 'end' },
    { from: 'no', to: 'end' },
    { from: 'end', to: 'each' },
  ],
  inputSchema: { type: 'object' },
  triggers: [{ key: 'daily', type: 'cron', params: { expression: '0 6 * * *' }, enabled: true }],
  settings: { priority: 75, concurrency: { limit: 1, policy: 'queue' } },
};

const known = (output: Json, more: Partial<Known> = {}): Known => ({ instanceId: 'inst_1', isSkipped: false, output, port: null, ...more });

function derive(
  run: TestScope,
  options: { readonly pinned?: Record<string, Json>; readonly last?: Record<string, Known>; readonly of?: Definition } = {},
): TestGraph {
  const request = { definition: options.of ?? definition, run, pinned: options.pinned ?? {}, hasInput: false };
  const plan = planTest(request, nodeTypes);
  if ('code' in plan) throw new Error(plan.message);
  const made = buildTest(request, plan, new Map(Object.entries(options.last ?? {})), nodeTypes);
  if (made.lacking.length === 0) assert.deepEqual(validate(made.definition, { types: nodeTypes, role: 'user' }), []);
  return made;
}

const keysOf = (graph: TestGraph): string[] => graph.definition.nodes.map((node) => node.key);
const edgesOf = (graph: TestGraph): string[] =>
  graph.definition.edges.map(
    (edge) => `${edge.from}>${edge.to}${edge.mode === undefined ? '' : ` ${edge.mode.join('+')}`}${edge.when === undefined ? '' : ` if ${edge.when}`}`,
  );

test('all of a draft runs without its triggers, limits and rules of notification', () => {
  const all = derive({ kind: 'all' });
  assert.deepEqual(all.definition.nodes, definition.nodes);
  assert.deepEqual(all.definition.edges, definition.edges);
  assert.deepEqual(all.definition.settings, { priority: 75 });
  assert.deepEqual([all.definition.triggers, all.definition.inputSchema], [undefined, { type: 'object' }]);
});

test('a pinned output stands for its node, inside a body too', () => {
  const all = derive({ kind: 'all' }, { pinned: { b: { n: 9 }, inner: 'pinned' } });
  assert.deepEqual(all.definition.nodes[1]?.mock, { n: 9 });
  assert.match(JSON.stringify(all.definition.nodes[6]), /"mock":"pinned"/);
  assert.deepEqual(all.answered, [{ key: 'b', by: 'pinned' }]);
});

test('up to a node runs what leads to it and nothing else', () => {
  const graph = derive({ kind: 'upTo', key: 'check' });
  assert.deepEqual(keysOf(graph), ['a', 'b', 'check']);
  assert.deepEqual(edgesOf(graph), ['a>b', 'b>check']);
});

test('up to a node does not run what lies behind a pinned output, unless something else needs it', () => {
  assert.deepEqual(keysOf(derive({ kind: 'upTo', key: 'check' }, { pinned: { b: { n: 3 } } })), ['b', 'check']);
  const graph = derive({ kind: 'upTo', key: 'yes' }, { pinned: { check: { result: true } } });
  assert.deepEqual(keysOf(graph), ['a', 'check', 'yes']);
  assert.deepEqual(edgesOf(graph), ['check>yes', 'a>yes context']);
});

test('up to a node on the way that a pinned branch does not take leaves it skipped', () => {
  assert.deepEqual(edgesOf(derive({ kind: 'upTo', key: 'no' }, { pinned: { check: { result: true } } })), ['check>no if false']);
});

test('one node runs on the last outputs of what it reads', () => {
  const graph = derive({ kind: 'node', key: 'yes' }, { last: { a: known({ n: 5 }), check: known({ result: false }, { port: 'false' }) } });
  assert.deepEqual(keysOf(graph), ['a', 'check', 'yes']);
  // Asked for, it runs, whichever way the branch went.
  assert.deepEqual(edgesOf(graph), ['check>yes', 'a>yes context']);
  assert.deepEqual(graph.definition.nodes[0], { key: 'a', type: 'noop', mock: { n: 5 } });
  assert.deepEqual(graph.answered, [
    { key: 'a', by: 'last', instanceId: 'inst_1' },
    { key: 'check', by: 'last', instanceId: 'inst_1' },
  ]);
});

test('one node runs although it is disabled or has a pinned output', () => {
  const [first, ...others] = definition.nodes;
  const of = { ...definition, nodes: [{ ...(first ?? assert.fail()), disabled: true, mock: 7 }, ...others] };
  assert.deepEqual(derive({ kind: 'node', key: 'a' }, { of, pinned: { a: 8 } }).definition.nodes, [first]);
});

test('a pinned output goes before the mock of the draft, and both before what a node gave last', () => {
  const [first, ...others] = definition.nodes;
  const of = { ...definition, nodes: [{ ...(first ?? assert.fail()), mock: { n: 2 } }, ...others] };
  const last = { a: known({ n: 3 }) };
  assert.deepEqual(derive({ kind: 'node', key: 'b' }, { of, last, pinned: { a: { n: 1 } } }).answered, [{ key: 'a', by: 'pinned' }]);
  assert.deepEqual(derive({ kind: 'node', key: 'b' }, { of, last }).answered, [{ key: 'a', by: 'mock' }]);
});

test('what is read and gave nothing yet is named, with what to do', () => {
  const { lacking } = derive({ kind: 'node', key: 'b' });
  assert.deepEqual(lacking, [
    {
      node: 'a',
      path: 'nodes[0]',
      code: 'no_output',
      message: '"a" has given no output yet, and "b" reads it; run "a" first, run up to "b", or pin an output for it',
    },
  ]);
  const tooLarge = derive({ kind: 'node', key: 'b' }, { last: { a: known(null, { tooLargeBytes: 9_000_000 }) } });
  assert.match(tooLarge.lacking[0]?.message ?? '', /has 9000000 bytes, which is too large/);
});

test('what only leads to a node and is not read needs no output', () => {
  const graph = derive({ kind: 'node', key: 'no' });
  assert.deepEqual(graph.lacking, []);
  assert.deepEqual(graph.answered, [{ key: 'check', by: 'none' }]);
});

test('from a node on, what does not follow stands as it went last', () => {
  const graph = derive({ kind: 'from', key: 'yes' }, { last: { a: known({ n: 5 }), b: known({ n: 6 }), no: known(null, { isSkipped: true }) } });
  assert.deepEqual(keysOf(graph), ['a', 'b', 'check', 'yes', 'no', 'end', 'each']);
  assert.deepEqual(edgesOf(graph), ['check>yes', 'yes>end', 'no>end', 'end>each', 'a>yes context', 'b>each context']);
  // It was skipped and is again: the merge sees one path.
  assert.deepEqual(graph.definition.nodes[4], { key: 'no', type: 'noop', condition: 'false' });
});

test('from a node on, a branch that stands keeps the way it took last', () => {
  const of: Definition = {
    nodes: [
      { key: 'check', type: 'branch.if', params: { condition: '{{ input.x }}' } },
      { key: 'start', type: 'noop' },
      { key: 'left', type: 'noop' },
      { key: 'right', type: 'noop' },
    ],
    edges: [
      { from: 'check.true', to: 'left' },
      { from: 'check.false', to: 'right' },
      { from: 'start', to: 'left' },
      { from: 'start', to: 'right' },
    ],
  };
  const graph = derive({ kind: 'from', key: 'start' }, { of, last: { check: known({ result: false }, { port: 'false' }) } });
  assert.deepEqual(edgesOf(graph), ['check>left if false', 'check>right', 'start>left', 'start>right']);
});

test('what is left out may be unfinished', () => {
  const [first, second, ...others] = definition.nodes;
  const of: Definition = { ...definition, nodes: [{ ...(first ?? assert.fail()), type: 'http.request', params: {} }, second ?? assert.fail(), ...others] };
  assert.deepEqual(derive({ kind: 'node', key: 'b' }, { of, last: { a: known({ n: 1 }) } }).lacking, []);
});

test('a run names a node of the workflow itself', () => {
  const fault = (key: string): unknown => planTest({ definition, run: { kind: 'node', key }, pinned: {}, hasInput: false }, nodeTypes);
  assert.match(JSON.stringify(fault('inner')), /stands in the body of another node/);
  assert.match(JSON.stringify(fault('nowhere')), /there is no node/);
});
