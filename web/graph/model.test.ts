/** The graph's model and layout. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition, GraphNode } from '../../src/contract/graph.ts';
import type { Step } from '../../src/contract/instances.ts';
import type { NodeTypeView } from '../../src/contract/node-types.ts';
import { NODE_HEIGHT, PORT_HEIGHT, layOutGraph, routedPath } from './layout.ts';
import { graphModel, liveText } from './model.ts';
import { summaryOfParams } from './summary.ts';
import { sampleStep } from '../state/step-sample.ts';

const type = (name: string, changes: Partial<NodeTypeView> = {}): NodeTypeView => ({
  type: name,
  version: 1,
  title: name.toUpperCase(),
  summary: '',
  category: 'flow',
  runs: 'inline',
  pure: true,
  queue: null,
  inputs: [],
  outputs: [{ name: 'out', title: 'Out', kind: 'json' }],
  dynamicOutputs: false,
  requires: 'user',
  params: {},
  docs: '',
  example: {},
  ...changes,
});
const types = new Map([
  ['noop', type('noop')],
  [
    'branch.if',
    type('branch.if', {
      outputs: [
        { name: 'true', title: 'Yes', kind: 'json' },
        { name: 'false', title: 'No', kind: 'json' },
      ],
    }),
  ],
  ['branch.switch', type('branch.switch', { dynamicOutputs: true, outputs: [] })],
]);
const step = (path: string, changes: Partial<Step>): Step =>
  sampleStep(path, { startedAt: '2026-01-01T00:00:00.000Z', endedAt: '2026-01-01T00:00:02.000Z', ...changes });
const steps = (...list: Step[]): Map<string, Step> => new Map(list.map((each) => [each.path, each]));
const definition: Pick<Definition, 'nodes' | 'edges'> = {
  nodes: [
    { key: 'a', type: 'branch.if' },
    { key: 'b', type: 'noop' },
    { key: 'c', type: 'noop', name: 'See' },
  ],
  edges: [
    { from: 'a.true', to: 'b' },
    { from: 'a.false', to: 'c' },
  ],
};

test('without an instance no card has a status and no link a state', () => {
  const model = graphModel({ definition, types });
  assert.deepEqual(
    model.cards.map((card) => card.status),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(
    model.links.map((link) => link.state),
    ['idle', 'idle'],
  );
  assert.deepEqual(
    model.cards[0]?.outputs.map((port) => port.name),
    ['true', 'false'],
  );
});

test('the branch taken and the branch left differ', () => {
  const model = graphModel({
    definition,
    types,
    steps: steps(step('a', {}), step('b', { status: 'running', endedAt: null }), step('c', { status: 'skipped' })),
  });
  assert.deepEqual(
    model.links.map((link) => link.state),
    ['taken', 'untaken'],
  );
});

test('what has not had its turn is pending and waits', () => {
  const model = graphModel({ definition, types, steps: steps(step('a', { status: 'running', endedAt: null })) });
  assert.deepEqual(
    model.cards.map((card) => card.status),
    ['running', 'pending', 'pending'],
  );
  assert.deepEqual(
    model.links.map((link) => link.state),
    ['waiting', 'waiting'],
  );
});

test('an error branch is taken only by a failure', () => {
  const failing = {
    nodes: [
      { key: 'a', type: 'noop', onError: 'branch' as const },
      { key: 'b', type: 'noop' },
    ],
    edges: [{ from: 'a.error', to: 'b' }],
  };
  assert.deepEqual(
    graphModel({ definition: failing, types }).cards[0]?.outputs.map((port) => port.name),
    ['out', 'error'],
  );
  assert.equal(graphModel({ definition: failing, types, steps: steps(step('a', { status: 'failed' }), step('b', {})) }).links[0]?.state, 'taken');
  assert.equal(graphModel({ definition: failing, types, steps: steps(step('a', {})) }).links[0]?.state, 'untaken');
});

test('a switch shows the ports its params name', () => {
  const node: GraphNode = {
    key: 's',
    type: 'branch.switch',
    params: { value: '{{ input.kind }}', cases: [{ port: 'small' }, { port: 'big' }], default: 'other' },
  };
  assert.deepEqual(
    graphModel({ definition: { nodes: [node], edges: [] }, types }).cards[0]?.outputs.map((port) => port.name),
    ['small', 'big', 'other'],
  );
});

test('edges to nodes that are not there are left out, unknown types are marked', () => {
  const model = graphModel({ definition: { nodes: [{ key: 'a', type: 'nope' }], edges: [{ from: 'a', to: 'ghost' }] }, types });
  assert.deepEqual(model.links, []);
  assert.equal(model.cards[0]?.known, false);
});

test('problems stand on the card of their node', () => {
  const model = graphModel({ definition, types, problems: [{ node: 'b', path: 'nodes[1].params', code: 'x', message: 'url is missing' }] });
  assert.deepEqual(model.cards[1]?.problems, ['url is missing']);
});

test('the live line says the error, the wait or the time', () => {
  const line = (changes: Partial<Step>): string | undefined => {
    const card = graphModel({ definition, types, steps: steps(step('b', changes)) }).cards[1];
    return card === undefined ? undefined : liveText(card, (ms) => `${ms} ms`, Date.parse('2026-01-01T00:00:05.000Z'));
  };
  assert.equal(line({}), '2000 ms');
  assert.equal(line({ status: 'running', endedAt: null, attempt: 2 }), 'attempt 2 · 5000 ms');
  assert.equal(line({ status: 'failed', error: { code: 'exit', message: 'exit code 3' } }), 'exit: exit code 3');
  assert.equal(
    line({ status: 'queued', endedAt: null, startedAt: null, waitReason: { kind: 'slot', message: 'no free slot on studio' } }),
    'no free slot on studio',
  );
});

test('summaries say what a node does in one line', () => {
  assert.equal(summaryOfParams('http.request', { url: 'https://x.y/z' }), 'GET https://x.y/z');
  assert.equal(summaryOfParams('command', { script: '#!/bin/sh\nset -eu\nsort data.csv\n' }), 'sort data.csv');
  assert.equal(summaryOfParams('command', { command: ['ls', '-l'] }), 'ls -l');
  assert.equal(summaryOfParams('set', { values: { a: 1, b: 2 } }), 'a, b');
  assert.equal(summaryOfParams('template', { text: 'x'.repeat(500) }).length, 120);
  assert.equal(summaryOfParams('noop', {}), '');
});

const pane = { width: 1_200, height: 600 };

test('a long chain runs down where the pane is narrow', () => {
  const nodes: GraphNode[] = ['a', 'b', 'c', 'd'].map((key) => ({ key, type: 'noop' }));
  const edges = [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'c' },
    { from: 'c', to: 'd' },
  ];
  const { places, direction } = layOutGraph({ nodes, edges, portsOf: () => ['a', 'b'], pane: { width: 500, height: 800 } });
  assert.equal(direction, 'down');
  assert.ok((places.get('a')?.y ?? 0) < (places.get('b')?.y ?? 0));
  assert.equal(places.get('a')?.height, NODE_HEIGHT + PORT_HEIGHT);
});

test('layout runs left to right, gives every node a place, and survives cycles and strangers', () => {
  const nodes: GraphNode[] = ['a', 'b', 'c'].map((key) => ({ key, type: 'noop' }));
  const edges = [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'c' },
    { from: 'c', to: 'a' },
    { from: 'c', to: 'c' },
    { from: 'x', to: 'a' },
  ];
  const { places, direction } = layOutGraph({ nodes, edges, portsOf: () => [], pane });
  assert.equal(direction, 'right');
  assert.equal(places.size, 3);
  assert.ok((places.get('a')?.x ?? 0) < (places.get('b')?.x ?? 0));
});

test('positions of the definition win when every node has one', () => {
  const { places } = layOutGraph({ nodes: [{ key: 'a', type: 'noop', position: { x: 5, y: 7 } }], edges: [], portsOf: () => ['a', 'b', 'c'], pane });
  assert.deepEqual(places.get('a'), { x: 5, y: 7, width: 216, height: NODE_HEIGHT + 2 * PORT_HEIGHT });
});

test('two thousand nodes in a chain are laid out', () => {
  const nodes: GraphNode[] = Array.from({ length: 2_000 }, (_, n) => ({ key: `n${n}`, type: 'noop' }));
  const edges = nodes.slice(1).map((node, n) => ({ from: `n${n}`, to: node.key }));
  assert.equal(layOutGraph({ nodes, edges, portsOf: () => [], pane }).places.size, 2_000);
});

test('an edge over several ranks goes around the nodes between', () => {
  const nodes: GraphNode[] = ['a', 'b', 'c'].map((key) => ({ key, type: 'noop' }));
  const { routes } = layOutGraph({
    nodes,
    edges: [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
      { from: 'a', to: 'c' },
    ],
    portsOf: () => [],
    pane,
  });
  assert.deepEqual([...routes.keys()], ['a>c']);
  assert.equal(routedPath({ x: 0, y: 0 }, [{ x: 10, y: 20 }], { x: 30, y: 20 }, 'right'), 'M0,0C5,0 5,20 10,20C20,20 20,20 30,20');
});

test('of a running graph only the cards and links that changed are made anew', () => {
  const definition = { nodes: ['a', 'b'].map((key) => ({ key, type: 'noop' })), edges: [{ from: 'a', to: 'b' }] };
  const running = { key: 'a', path: 'a', status: 'running', endedAt: null, startedAt: null } as Step;
  const first = graphModel({ definition, types, steps: new Map([['a', running]]) });
  const second = graphModel({ definition, types, steps: new Map([['a', { ...running, status: 'completed', endedAt: '2026-01-01T00:00:00.000Z' }]]) }, first);
  assert.equal(second.cards[0]?.status, 'completed');
  assert.equal(second.cards[1], first.cards[1]);
  assert.equal(second.links[0], first.links[0]);
  assert.deepEqual(second, graphModel(second.madeOf));
});

test('what follows a node stands in the order of its ports, to the ends of the branches', () => {
  const nodes = ['check', 'small', 'write', 'x', 'y', 'both'].map((key) => ({ key, type: 'noop' }));
  const order = (edges: readonly { from: string; to: string }[], pane: { width: number; height: number }): readonly string[] => {
    const { places, direction } = layOutGraph({ nodes, edges: [...edges], portsOf: (node) => (node.key === 'check' ? ['true', 'false'] : []), pane });
    assert.equal(places.size, nodes.length);
    const across = (key: string): number => places.get(key)?.[direction === 'down' ? 'x' : 'y'] ?? 0;
    return ['write', 'small'].toSorted((a, b) => across(a) - across(b)).concat(['x', 'y'].toSorted((a, b) => across(a) - across(b)));
  };
  const tail = [
    { from: 'write', to: 'x' },
    { from: 'small', to: 'y' },
    { from: 'x', to: 'both' },
    { from: 'y', to: 'both' },
  ];
  for (const pane of [
    { width: 1_400, height: 400 },
    { width: 300, height: 1_200 },
  ]) {
    assert.deepEqual(order([{ from: 'check.true', to: 'write' }, { from: 'check.false', to: 'small' }, ...tail], pane), ['write', 'small', 'x', 'y']);
    assert.deepEqual(order([{ from: 'check.false', to: 'small' }, { from: 'check.true', to: 'write' }, ...tail], pane), ['write', 'small', 'x', 'y']);
    assert.deepEqual(order([{ from: 'check.true', to: 'small' }, { from: 'check.false', to: 'write' }, ...tail], pane), ['small', 'write', 'y', 'x']);
  }
});
