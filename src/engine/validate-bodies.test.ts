/** Graphs inside nodes are judged as the graph around them: shape, keys, edges, cycles, rights, data flow, size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import type { Definition, GraphNode } from '../contract/graph.ts';
import { problemCodes, problemsIn } from '../test/problems.ts';

const codes = (definition: Partial<Definition>, role?: 'user'): string[] => problemCodes(definition, { role });

const node = (key: string, params?: Record<string, Json>): GraphNode => ({
  key,
  type: params === undefined ? 'noop' : 'set',
  ...(params === undefined ? {} : { params: { values: params } }),
});
const map = (key: string, nodes: readonly GraphNode[], more: { edges?: { from: string; to: string }[]; items?: Json } = {}): GraphNode => ({
  key,
  type: 'map',
  params: { items: more.items ?? '{{ input.items }}', body: { nodes: nodes as unknown as Json, edges: more.edges ?? [] } },
});
const loop = (key: string, nodes: readonly GraphNode[], condition = 'previous.more'): GraphNode => ({
  key,
  type: 'loop',
  params: { while: condition, body: { nodes: nodes as unknown as Json, edges: [] } },
});
const reads = (key: string, expression: string): GraphNode => node(key, { x: `{{ ${expression} }}` });

const table: readonly [name: string, definition: Partial<Definition>, expected: string[]][] = [
  [
    'a body that reads its item, its own steps, what came before outside, and from a body in it further out',
    {
      nodes: [
        node('first'),
        map(
          'm',
          [
            reads('a', 'item.x + index'),
            reads('b', 'steps.a.output.x & steps.first.output'),
            map('inner', [reads('c', 'parent.item & steps.a.output & steps.first.output')], {}),
          ],
          {
            edges: [
              { from: 'a', to: 'b' },
              { from: 'a', to: 'inner' },
            ],
          },
        ),
      ],
      edges: [{ from: 'first', to: 'm' }],
    },
    [],
  ],
  ['a loop that reads its turn before', { nodes: [loop('l', [reads('a', 'previous.n + index')])] }, []],
  [
    'a body without the shape of a graph',
    { nodes: [{ key: 'm', type: 'map', params: { items: [], body: { nodes: [{ key: 'Bad', type: 'noop' }], edges: 'none' } } }] },
    ['bad_shape nodes[0].params.body.nodes[0].key', 'bad_shape nodes[0].params.body.edges'],
  ],
  ['a body that is no object', { nodes: [{ key: 'm', type: 'map', params: { items: [], body: 'later' } }] }, ['bad_shape nodes[0].params.body']],
  ['an empty body', { nodes: [map('m', [])] }, ['bad_shape nodes[0].params.body.nodes']],
  ['a body that is missing', { nodes: [{ key: 'm', type: 'map', params: { items: [] } }] }, ['bad_params nodes[0].params.body']],
  ['a key used inside and outside', { nodes: [map('m', [node('m')]), node('a')] }, ['duplicate_key nodes[0].params.body.nodes[0].key']],
  ['a key used in two bodies', { nodes: [map('m', [node('a')]), map('n', [node('a')])] }, ['duplicate_key nodes[1].params.body.nodes[0].key']],
  ['an edge into a body', { nodes: [map('m', [node('a')]), node('b')], edges: [{ from: 'b', to: 'a' }] }, ['dangling_edge edges[0].to']],
  [
    'an edge out of a body',
    { nodes: [map('m', [node('a')], { edges: [{ from: 'a', to: 'b' }] }), node('b')] },
    ['dangling_edge nodes[0].params.body.edges[0].to'],
  ],
  [
    'a cycle in a body',
    {
      nodes: [
        map('m', [node('a'), node('b')], {
          edges: [
            { from: 'a', to: 'b' },
            { from: 'b', to: 'a' },
          ],
        }),
      ],
    },
    ['cycle nodes[0].params.body.nodes[0]'],
  ],
  [
    'an unknown type, port and param in a body',
    {
      nodes: [
        map('m', [{ key: 'a', type: 'nope' }, { key: 'b', type: 'wait.timer', params: { durationMs: 'long' } }, node('c')], {
          edges: [{ from: 'b.side', to: 'c' }],
        }),
      ],
    },
    [
      'unknown_type nodes[0].params.body.nodes[0].type',
      'bad_params nodes[0].params.body.nodes[1].params.durationMs',
      'unknown_port nodes[0].params.body.edges[0].from',
    ],
  ],
  [
    'a fan-in in a body',
    { nodes: [map('m', [node('a'), { ...node('b'), runIf: 2 }], { edges: [{ from: 'a', to: 'b' }] })] },
    ['unreachable_fan_in nodes[0].params.body.nodes[1].runIf'],
  ],
  [
    'a step of a body read from outside',
    { nodes: [map('m', [node('a')]), reads('b', 'steps.a.output')], edges: [{ from: 'm', to: 'b' }] },
    ['step_in_body nodes[1].params.values.x'],
  ],
  [
    'a step of another body',
    { nodes: [map('m', [node('a')]), map('n', [reads('b', 'steps.a.output')])], edges: [{ from: 'm', to: 'n' }] },
    ['step_in_body nodes[1].params.body.nodes[0].params.values.x'],
  ],
  [
    'a body that reads a later step outside, its own node, and one beside it',
    {
      nodes: [map('m', [reads('a', 'steps.later.output'), reads('b', 'steps.m.output'), reads('c', 'steps.a.output')]), node('later')],
      edges: [{ from: 'm', to: 'later' }],
    },
    [
      'step_not_before nodes[0].params.body.nodes[0].params.values.x',
      'step_not_before nodes[0].params.body.nodes[1].params.values.x',
      'step_not_before nodes[0].params.body.nodes[2].params.values.x',
    ],
  ],
  [
    'names of bodies outside of them',
    { nodes: [reads('a', 'item'), reads('b', 'parent.index'), reads('c', 'previous'), map('m', [reads('d', 'previous'), reads('e', 'parent.item')])] },
    [
      'name_not_here nodes[0].params.values.x',
      'name_not_here nodes[1].params.values.x',
      'name_not_here nodes[2].params.values.x',
      'name_not_here nodes[3].params.body.nodes[0].params.values.x',
      'name_not_here nodes[3].params.body.nodes[1].params.values.x',
    ],
  ],
  [
    'a map over items of its own body',
    { nodes: [{ key: 'm', type: 'map', params: { items: '{{ item.parts }}', body: { nodes: [{ key: 'a', type: 'noop' }], edges: [] } } }] },
    ['name_not_here nodes[0].params.items'],
  ],
];

for (const [name, definition, expected] of table)
  test(`${name}: ${expected.length === 0 ? 'no problem' : expected.join(', ')}`, () => assert.deepEqual(codes(definition), expected));

test('a type that needs a role needs it in a body too', () => {
  const definition = { nodes: [map('m', [{ key: 'c', type: 'command', params: { command: ['true'] } }])] };
  assert.deepEqual(codes(definition, 'user'), ['forbidden_type nodes[0].params.body.nodes[0].type']);
  assert.deepEqual(codes(definition), []);
});

test('bodies stand at most 8 deep in each other', () => {
  const nested = (depth: number): GraphNode => (depth === 0 ? node('end') : map(`m${depth}`, [nested(depth - 1)]));
  assert.deepEqual(codes({ nodes: [nested(8)] }), []);
  const [problem, ...more] = problemsIn({ nodes: [nested(9)] });
  assert.equal(problem?.code, 'too_deep');
  assert.match(problem.message, /at most 8 deep/);
  assert.deepEqual(more, []);
});

test('nodes in bodies count for the limit of 2,000', () => {
  const many = (size: number, prefix: string): GraphNode[] => Array.from({ length: size }, (_, index) => node(`${prefix}${index}`));
  assert.deepEqual(codes({ nodes: [map('m', many(999, 'a')), map('n', many(999, 'b'))] }), []);
  const [problem] = problemsIn({ nodes: [map('m', many(1_000, 'a')), map('n', many(999, 'b'))] });
  assert.equal(problem?.code, 'too_many_nodes');
  assert.match(problem.message, /has 2001 nodes, those in bodies included, the limit is 2000/);
});

test('what constant items would certainly run is counted, nested maps included', () => {
  const items = (count: number): Json => Array.from({ length: count }, () => 0);
  assert.deepEqual(codes({ nodes: [map('m', [node('a')], { items: items(100_000) })] }), []);
  assert.deepEqual(codes({ nodes: [map('m', [node('a')], { items: items(100_001) })] }), ['too_many_items nodes[0].params.items']);
  const twice = map('m', [node('a'), map('n', [node('b'), node('c')], { items: items(1_000) })], { items: items(500) });
  const [problem] = problemsIn({ nodes: [twice] });
  assert.equal(problem?.code, 'too_many_steps');
  assert.match(problem.message, /500 items × 2002 steps = 1001000 steps, the limit of an instance is 1000000/);
});

test('a condition of a loop reads the turn before, and what came before the loop', () => {
  const of = (condition: string): string[] => codes({ nodes: [node('first'), loop('l', [node('a')], condition)], edges: [{ from: 'first', to: 'l' }] });
  assert.deepEqual(of('index = 0 or previous.more and steps.first.output.x'), []);
  assert.deepEqual(of('{{ index < 3 }}'), []);
  assert.deepEqual(of('steps.a.output'), ['step_in_body nodes[1].params.while']);
  assert.deepEqual(of('item.more'), ['name_not_here nodes[1].params.while']);
  assert.deepEqual(of('previus.more'), ['unknown_name nodes[1].params.while']);
  assert.deepEqual(of('previous. ='), ['bad_expression nodes[1].params.while']);
  assert.deepEqual(of('secrets.X'), ['secret_use nodes[1].params.while']);
});

test('a loop in a map reads the item of the map as item, and its condition too', () => {
  assert.deepEqual(codes({ nodes: [map('m', [loop('l', [reads('a', 'item.x & parent.item & previous')], 'item.more and previous.x')])] }), []);
});

test('items that are certainly no array are told', () => {
  assert.deepEqual(codes({ nodes: [map('m', [node('a')], { items: 5 })] }), ['not_an_array nodes[0].params.items']);
  assert.deepEqual(codes({ nodes: [map('m', [node('a')], { items: 'a,b' })] }), ['not_an_array nodes[0].params.items']);
  assert.deepEqual(codes({ nodes: [map('m', [node('a')], { items: 'a{{ input.x }}' })] }), ['not_an_array nodes[0].params.items']);
});

test('a problem in a body says what to do', () => {
  const [inside] = problemsIn({ nodes: [map('m', [map('n', [node('a')])]), reads('b', 'steps.a.output')], edges: [{ from: 'm', to: 'b' }] });
  assert.match(inside?.message ?? '', /is inside the body of "m".*read steps\.m\.output instead/);
  const [edge] = problemsIn({ nodes: [map('m', [node('a')]), node('b')], edges: [{ from: 'a', to: 'b' }] });
  assert.match(edge?.message ?? '', /edges stay within one body; lead it to or from "m" itself/);
});
