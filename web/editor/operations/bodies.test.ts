/** Steps put into a body, into a workflow of their own, and taken out again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition, GraphNode } from '../../../src/contract/graph.ts';
import { graphAt } from '../scope.ts';
import type { Graph } from '../scope.ts';
import { groupIntoBody, ungroup, whyNotGroup } from './bodies.ts';
import { inlineCall, whyNotInline } from './inline-call.ts';
import { extractSelection } from './sub-workflow.ts';

const step = (key: string, x: number, values: Record<string, string> = {}): GraphNode => ({ key, type: 'set', params: { values }, position: { x, y: 0 } });
const chain: Graph = {
  nodes: [
    step('start', 0, { list: '{{ input.names }}' }),
    step('one', 288, { seen: '{{ steps.start.output.list }} {{ input.greeting }}' }),
    step('two', 576, { both: '{{ steps.one.output.seen }}' }),
    step('end', 864, { all: '{{ steps.two.output.both }}' }),
  ],
  edges: [
    { from: 'start', to: 'one' },
    { from: 'one', to: 'two' },
    { from: 'two', to: 'end' },
  ],
  comments: [],
};
const middle = new Set(['one', 'two']);
const taken = new Set(['start', 'one', 'two', 'end']);

test('a selection becomes the body of a map over what comes before, and comes out as it went in', () => {
  const grouped = groupIntoBody(chain, { keys: middle, kind: 'map', taken });
  assert.deepEqual(
    grouped.nodes.map((node) => node.key),
    ['start', 'map', 'end'],
  );
  assert.deepEqual(grouped.edges, [
    { from: 'start', to: 'map' },
    { from: 'map', to: 'end' },
  ]);
  assert.equal(grouped.nodes[1]?.params?.['items'], '{{ steps.start.output }}');
  const body = graphAt({ nodes: [...grouped.nodes], edges: [] }, ['map']);
  assert.deepEqual(
    [body?.nodes.map((node) => node.position), body?.edges],
    [
      [
        { x: 40, y: 40 },
        { x: 328, y: 40 },
      ],
      [{ from: 'one', to: 'two' }],
    ],
  );
  const back = ungroup(grouped, 'map');
  assert.deepEqual(new Set(back.edges), new Set(chain.edges));
  assert.deepEqual(back.nodes.slice(0, 3), chain.nodes.slice(0, 3));
});

test('a loop has a limit, conditions inside stay inside, and the way of a failure leaves the group', () => {
  const failing: Graph = { ...chain, edges: [...chain.edges, { from: 'one.error', to: 'end' }, { from: 'start', to: 'two', when: 'input.x' }] };
  const grouped = groupIntoBody(failing, { keys: middle, kind: 'loop', taken });
  assert.equal(grouped.nodes[1]?.params?.['maxIterations'], 10);
  assert.deepEqual(grouped.edges, [
    { from: 'start', to: 'loop' },
    { from: 'loop', to: 'end' },
    { from: 'loop.error', to: 'end' },
  ]);
});

test('what comes between must come along', () => {
  assert.match(whyNotGroup(chain, new Set(['start', 'two'])) ?? '', /"one" comes between/);
  assert.match(whyNotGroup(chain, new Set()) ?? '', /Select the steps/);
  assert.equal(groupIntoBody(chain, { keys: new Set(['start', 'two']), kind: 'map', taken }).nodes, chain.nodes);
  assert.equal(ungroup(chain, 'one'), chain);
});

test('a selection becomes a workflow whose input is what it reads, and its call gives what others read', () => {
  const plan = extractSelection(chain, middle, taken);
  assert.ok('definition' in plan);
  assert.deepEqual(
    plan.definition.nodes.map((node) => node.params?.['values']),
    [{ seen: '{{ input.start.list }} {{ input.greeting }}' }, { both: '{{ steps.one.output.seen }}' }],
  );
  assert.deepEqual(Object.keys((plan.definition.inputSchema?.['properties'] ?? {}) as object), ['start', 'greeting']);
  const graph = plan.replace('wf_1');
  const call = graph.nodes.find((node) => node.key === 'call');
  assert.deepEqual(call?.params, { workflowId: 'wf_1', input: { start: '{{ steps.start.output }}', greeting: '{{ input.greeting }}' } });
  assert.deepEqual(graph.edges, [
    { from: 'start', to: 'call' },
    { from: 'call', to: 'end' },
  ]);
  assert.deepEqual(graph.nodes.find((node) => node.key === 'end')?.params?.['values'], { all: '{{ steps.call.output.both }}' });

  const back = inlineCall(graph, 'call', plan.definition, new Set(['start', 'call', 'end']));
  const named = (key: string): unknown => back.nodes.find((node) => node.key === key)?.params;
  assert.deepEqual(
    ['start', 'one', 'two', 'end'].map(named),
    chain.nodes.map((node) => node.params),
  );
  assert.deepEqual(new Set(back.edges), new Set(chain.edges));
});

test('what is read of a step that is not the last one is gathered by a step of its own', () => {
  const reading: Graph = { ...chain, nodes: [...chain.nodes.slice(0, 3), step('end', 864, { a: '{{ steps.one.output.seen }}', b: '{{ steps.two.output }}' })] };
  const plan = extractSelection(reading, middle, taken);
  assert.ok('definition' in plan);
  const result = plan.definition.nodes.at(-1);
  assert.deepEqual([result?.key, result?.params], ['result', { values: { one: '{{ steps.one.output }}', two: '{{ steps.two.output }}' } }]);
  assert.deepEqual(plan.definition.edges.at(-1), { from: 'two', to: 'result' });
  assert.deepEqual(plan.replace('w').nodes.find((node) => node.key === 'end')?.params?.['values'], {
    a: '{{ steps.call.output.one.seen }}',
    b: '{{ steps.call.output.two }}',
  });
});

test('what one call can not say is refused in words', () => {
  const fault = (graph: Graph, keys: ReadonlySet<string>): string => {
    const plan = extractSelection(graph, keys, taken);
    return 'fault' in plan ? plan.fault : 'none';
  };
  assert.match(fault(chain, new Set(['start', 'two'])), /comes between/);
  assert.match(fault({ ...chain, edges: [{ from: 'one.true', to: 'end' }] }, middle), /has one way out/);
  const twoStarts = {
    ...chain,
    edges: [
      { from: 'start', to: 'one', when: 'input.x' },
      { from: 'start', to: 'two' },
    ],
  };
  assert.match(fault(twoStarts, middle), /only sometimes/);
  assert.equal(
    fault(
      {
        ...chain,
        edges: [
          { from: 'start.error', to: 'one' },
          { from: 'one', to: 'two' },
        ],
      },
      middle,
    ),
    'none',
  );
});

test('a call opens into steps that read what the call was given, under free keys', () => {
  const called: Definition = {
    nodes: [step('one', 0, { a: '{{ input.text }}', b: '{{ input.n.x + 1 }}', c: '{{ input.none }}', d: '{{ input }}' }), step('two', 0)],
    edges: [],
  };
  const graph: Graph = {
    nodes: [
      step('one', 0),
      { key: 'call', type: 'workflow.call', params: { workflowId: 'w', input: { text: 'Hi {{ steps.one.output.name }}!', n: '{{ steps.one.output }}' } } },
      step('end', 0, { x: '{{ steps.call.output.two.y }}', all: '{{ steps.call.output }}' }),
    ],
    edges: [
      { from: 'one', to: 'call' },
      { from: 'call', to: 'end' },
    ],
    comments: [],
  };
  const opened = inlineCall(graph, 'call', called, new Set(['one', 'call', 'end']));
  assert.deepEqual(
    opened.nodes.map((node) => node.key),
    ['one', 'end', 'one_2', 'two'],
  );
  assert.deepEqual(opened.nodes[2]?.params?.['values'], {
    a: '{{ ("Hi " & steps.one.output.name & "!") }}',
    b: '{{ steps.one.output.x + 1 }}',
    c: '{{ null }}',
    d: '{{ {"text": ("Hi " & steps.one.output.name & "!"), "n": steps.one.output} }}',
  });
  assert.deepEqual(opened.nodes[1]?.params?.['values'], { x: '{{ steps.two.output.y }}', all: '{{ {"one": steps.one_2.output, "two": steps.two.output} }}' });
  assert.deepEqual(opened.edges, [
    { from: 'one', to: 'one_2' },
    { from: 'one', to: 'two' },
    { from: 'one_2', to: 'end' },
    { from: 'two', to: 'end' },
  ]);
  assert.match(whyNotInline(graph, 'call', { nodes: [{ key: 's', type: 'stop' }] }) ?? '', /stop step/);
  assert.match(whyNotInline(graph, 'one', called) ?? '', /calls no workflow/);
  assert.match(whyNotInline({ ...graph, edges: [{ from: 'call.error', to: 'end' }] }, 'call', called) ?? '', /failure/);
});
