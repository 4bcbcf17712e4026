/** One problem per fault of a graph and its nodes, each with where it stands and what to do. What expressions read: validate-expressions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import type { Definition } from '../contract/graph.ts';
import { nodeTypes } from '../nodes/index.ts';
import { problemCodes, problemsIn } from '../test/problems.ts';
import { testJobNode } from '../test/test-node.ts';
import { checkDefinition } from './validate.ts';

const machine = testJobNode({
  type: 'test.machine',
  version: 2,
  params: z.strictObject({ n: z.number() }),
  requires: 'super_admin',
  toCommand: () => ({ command: ['true'] }),
  toOutput: () => ({ kind: 'output', output: null }),
});
const types = new Map([...nodeTypes, ['test.machine', machine] as const]);

const codes = (definition: Partial<Definition>, role?: 'user'): string[] => problemCodes(definition, { types, role });

const table: readonly [name: string, definition: Partial<Definition>, problems: string[]][] = [
  [
    'a fan-in that more paths would have to reach than there are',
    {
      nodes: [
        { key: 'a', type: 'noop' },
        { key: 'b', type: 'merge', params: { mode: 'n', n: 3 } },
        { key: 'c', type: 'noop', runIf: 2 },
      ],
      edges: [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'c' },
      ],
    },
    ['unreachable_fan_in nodes[1].params.n', 'unreachable_fan_in nodes[2].runIf'],
  ],
  ['an error branch that nothing hears', { nodes: [{ key: 'a', type: 'noop', onError: 'branch' }], edges: [] }, ['no_error_branch nodes[0].onError']],
  [
    'a sound graph',
    {
      nodes: [
        { key: 'a', type: 'noop' },
        { key: 'b', type: 'set', params: { values: { x: '{{ steps.a.output }}' } } },
      ],
      edges: [{ from: 'a', to: 'b' }],
    },
    [],
  ],
  ['no nodes', {}, ['no_nodes nodes']],
  [
    'a key used twice',
    {
      nodes: [
        { key: 'a', type: 'noop' },
        { key: 'a', type: 'noop' },
      ],
    },
    ['duplicate_key nodes[1].key'],
  ],
  ['an unknown type', { nodes: [{ key: 'a', type: 'nop' }] }, ['unknown_type nodes[0].type']],
  ['an unknown version of a type', { nodes: [{ key: 'a', type: 'noop', typeVersion: 7 }] }, ['unknown_type_version nodes[0].typeVersion']],
  [
    'an edge that leads nowhere',
    {
      nodes: [{ key: 'a', type: 'noop' }],
      edges: [
        { from: 'a', to: 'x' },
        { from: 'y', to: 'a' },
      ],
    },
    ['dangling_edge edges[0].to', 'dangling_edge edges[1].from'],
  ],
  [
    'an unknown port',
    {
      nodes: [
        { key: 'a', type: 'branch.if', params: { condition: true } },
        { key: 'b', type: 'noop' },
      ],
      edges: [
        { from: 'a.maybe', to: 'b' },
        { from: 'a.true', to: 'b.side' },
      ],
    },
    ['unknown_port edges[0].from', 'unknown_port edges[1].to'],
  ],
  [
    'ports named by params',
    {
      nodes: [
        { key: 'a', type: 'branch.switch', params: { value: 1, cases: [{ port: 'one', equals: 1 }], default: 'other' } },
        { key: 'b', type: 'noop' },
      ],
      edges: [
        { from: 'a.one', to: 'b' },
        { from: 'a.other', to: 'b' },
        { from: 'a.error', to: 'b' },
      ],
    },
    [],
  ],
  [
    'the same edge twice',
    {
      nodes: [
        { key: 'a', type: 'noop' },
        { key: 'b', type: 'noop' },
      ],
      edges: [
        { from: 'a', to: 'b' },
        { from: 'a', to: 'b' },
      ],
    },
    ['duplicate_edge edges[1]'],
  ],
  [
    'a cycle',
    {
      nodes: [
        { key: 'a', type: 'noop' },
        { key: 'b', type: 'noop' },
        { key: 'c', type: 'noop' },
      ],
      edges: [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
        { from: 'b', to: 'c' },
      ],
    },
    ['cycle nodes[0]'],
  ],
  [
    'two cycles and a loop',
    {
      nodes: ['a', 'b', 'c', 'd', 'e'].map((key) => ({ key, type: 'noop' })),
      edges: [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
        { from: 'c', to: 'd' },
        { from: 'd', to: 'c' },
        { from: 'e', to: 'e' },
      ],
    },
    ['cycle nodes[0]', 'cycle nodes[2]', 'cycle nodes[4]'],
  ],
  [
    'a param that is missing, one that is unknown',
    { nodes: [{ key: 'a', type: 'set', params: { vals: {} } }] },
    ['bad_params nodes[0].params.values', 'bad_params nodes[0].params'],
  ],
  [
    'a param of the wrong type, unless an expression gives it',
    {
      nodes: [
        { key: 'a', type: 'wait.timer', params: { durationMs: 'long' } },
        { key: 'b', type: 'wait.timer', params: { durationMs: '{{ input.ms }}' } },
      ],
    },
    ['bad_params nodes[0].params.durationMs'],
  ],
  ['params that need exactly one of two', { nodes: [{ key: 'a', type: 'wait.timer', params: {} }] }, ['bad_params nodes[0].params']],
  [
    'a fan-in that waits for both sides of a branch',
    {
      nodes: [
        { key: 'a', type: 'branch.if', params: { condition: 'input.x' } },
        { key: 'b', type: 'merge', params: { mode: 'n', n: 2 } },
        { key: 'c', type: 'noop' },
      ],
      edges: [
        { from: 'a.true', to: 'b' },
        { from: 'a.false', to: 'b' },
        { from: 'b', to: 'c' },
      ],
    },
    ['unreachable_fan_in nodes[1].params.n', 'unreachable nodes[2]'],
  ],
  [
    'what comes after the end, once for a whole row',
    {
      nodes: [
        { key: 'a', type: 'stop' },
        { key: 'b', type: 'noop' },
        { key: 'c', type: 'noop' },
        { key: 'd', type: 'noop' },
      ],
      edges: [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'c' },
        { from: 'a', to: 'd', mode: ['context'] },
      ],
    },
    ['unreachable nodes[1]'],
  ],
  [
    'a disabled end lets what follows go on',
    {
      nodes: [
        { key: 'a', type: 'stop', disabled: true },
        { key: 'b', type: 'noop' },
      ],
      edges: [{ from: 'a', to: 'b' }],
    },
    [],
  ],
  [
    'an error branch of a node that never branches',
    {
      nodes: [
        { key: 'a', type: 'noop', onError: 'continue' },
        { key: 'b', type: 'noop' },
      ],
      edges: [{ from: 'a.error', to: 'b' }],
    },
    ['dead_error_branch edges[0].from'],
  ],
  [
    'a queue on an inline type',
    { nodes: [{ key: 'a', type: 'noop', queue: 'gpu', resources: { gpus: 1 }, preemptible: true }] },
    ['not_a_job nodes[0].queue', 'not_a_job nodes[0].resources', 'not_a_job nodes[0].preemptible'],
  ],
  ['a queue on a job type', { nodes: [{ key: 'a', type: 'test.machine', params: { n: 1 }, queue: 'gpu', resources: { gpus: 1 } }] }, []],
  ['a schema that is none', { nodes: [{ key: 'a', type: 'noop' }], inputSchema: { type: 'nonsense' } }, ['bad_schema inputSchema']],
];

for (const [name, definition, problems] of table)
  test(`${name}: ${problems.length === 0 ? 'no problem' : problems.join(', ')}`, () => assert.deepEqual(codes(definition), problems));

test('a type that needs a super admin is a problem for a user', () => {
  assert.deepEqual(codes({ nodes: [{ key: 'a', type: 'test.machine', params: { n: 1 } }] }, 'user'), ['forbidden_type nodes[0].type']);
});

test('what has not even the shape of a definition is told field by field', () => {
  const check = (value: Json): string[] => checkDefinition(value, { types, role: 'user' }).map((problem) => `${problem.code} ${problem.path}`);
  assert.deepEqual(check({ nodes: [{ key: 'A b', type: 'noop', surprise: 1 }], edges: 'none' }), [
    'bad_shape nodes[0].key',
    'bad_shape nodes[0]',
    'bad_shape edges',
  ]);
  assert.deepEqual(check(null), ['bad_shape ']);
  assert.deepEqual(check({ nodes: Array.from({ length: 2_001 }, (_, index) => ({ key: `n${index}`, type: 'noop' })), edges: [] }), ['too_many_nodes nodes']);
});

test('a suggestion names what was meant', () => {
  const messages = (definition: Partial<Definition>): string => problemsIn(definition, { types })[0]?.message ?? '';
  assert.match(messages({ nodes: [{ key: 'a', type: 'http.requets' }] }), /did you mean "http\.request"/);
  assert.match(
    messages({
      nodes: [
        { key: 'fetch', type: 'noop' },
        { key: 'b', type: 'noop', condition: 'steps.fecth.output' },
      ],
    }),
    /names no node of this workflow; did you mean "fetch"/,
  );
  assert.match(
    messages({ nodes: [{ key: 'a', type: 'wait.timer', params: { durationMs: 'long' } }] }),
    /params\.durationMs of "a" \(wait\.timer\): expected a number; got "long"/,
  );
});

test('a graph far beyond the limits is refused at once', () => {
  const nodes = Array.from({ length: 100_000 }, (_, index) => ({ key: `n${index}`, type: 'noop' }));
  assert.deepEqual(codes({ nodes }), ['too_many_nodes nodes']);
  assert.deepEqual(codes({ nodes: nodes.slice(0, 2), edges: Array.from({ length: 20_001 }, () => ({ from: 'n0', to: 'n1' })) }), ['too_many_edges edges']);
});

test('2,000 branches in a row, each read by all that follow, are judged', () => {
  const nodes = Array.from({ length: 2_000 }, (_, index) => ({
    key: `n${index}`,
    type: 'branch.if',
    params: { condition: index === 0 ? 'input.x' : `steps.n${index - 1}.output.result and steps.n0.output.result` },
  }));
  const edges = nodes.slice(1).map((node, index) => ({ from: `n${index}.${index % 2 === 0}`, to: node.key }));
  assert.deepEqual(codes({ nodes, edges }), []);
});

test('2,000 nodes in a row are judged, forwards and in a circle', () => {
  const nodes = Array.from({ length: 2_000 }, (_, index) => ({ key: `n${index}`, type: 'noop' }));
  const edges = nodes.slice(1).map((node, index) => ({ from: `n${index}`, to: node.key }));
  assert.deepEqual(codes({ nodes, edges }), []);
  assert.deepEqual(codes({ nodes, edges: [...edges, { from: 'n1999', to: 'n0' }] }), ['cycle nodes[0]']);
});
