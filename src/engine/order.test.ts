/** What the order of a level says never happens does not happen in any run of the planner. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Definition, GraphEdge, GraphNode } from '../contract/graph.ts';
import { nodeTypes } from '../nodes/index.ts';
import { compileGraph } from './graph.ts';
import { levelsOf, type Level } from './levels.ts';
import { orderOf } from './order.ts';
import { advance, begin, createPlan } from './plan.ts';

interface Drawn {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const drawn: fc.Arbitrary<Drawn> = fc.integer({ min: 2, max: 9 }).chain((size) => {
  const node = fc.record({ isBranch: fc.boolean(), runIf: fc.constantFrom('all' as const, 'any' as const, 2, 3) });
  const edge = fc.record({
    from: fc.nat(size - 2),
    step: fc.integer({ min: 1, max: 4 }),
    port: fc.constantFrom('', '.true', '.false', '.error'),
    mode: fc.constantFrom('trigger' as const, 'trigger' as const, 'context' as const),
  });
  return fc.tuple(fc.array(node, { minLength: size, maxLength: size }), fc.array(edge, { maxLength: 16 })).map(([kinds, ways]) => {
    const nodes = kinds.map(({ isBranch, runIf }, index): GraphNode => ({
      key: `n${index}`,
      type: isBranch ? 'branch.if' : 'noop',
      runIf,
      ...(isBranch ? { params: { condition: true } } : {}),
    }));
    const edges = new Map<string, GraphEdge>();
    for (const { from, step, port, mode } of ways) {
      const to = Math.min(size - 1, from + step);
      const isPort = port === '.error' || nodes[from]?.type === 'branch.if';
      const way = { from: `n${from}${isPort ? port : ''}`, to: `n${to}`, mode: [mode] };
      if (from !== to) edges.set(`${way.from} ${way.to}`, way);
    }
    return { nodes, edges: [...edges.values()] };
  });
});

/** Runs the planner with choices by number. @returns the nodes that ran, and how many trigger edges fired into each */
function runOnce(definition: Definition, choices: readonly number[]): { readonly ran: ReadonlySet<number>; readonly fired: readonly number[] } {
  const graph = compileGraph(definition, nodeTypes);
  const plan = createPlan(graph);
  const queue = [...begin(plan).ready];
  const ran = new Set<number>();
  for (let turn = 0; queue.length > 0; turn++) {
    const choice = choices[turn % choices.length] ?? 0;
    const [node] = queue.splice(choice % queue.length, 1);
    if (node === undefined) break;
    ran.add(node.index);
    const fails = choice % 3 === 0 && graph.edges.some((edge) => edge.from === node.index && edge.port === 'error');
    const port = node.type.type === 'branch.if' ? String(choice % 2 === 0) : null;
    queue.push(...advance(plan, node, fails ? { kind: 'failed' } : { kind: 'passed', port }, new Set()).ready);
  }
  return { ran, fired: [...plan.fired] };
}

test('steps that exclude each other never run both, and no node is led to by more ways than said', () => {
  let excluded = 0;
  fc.assert(
    fc.property(drawn, fc.array(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 }), (definition, runs) => {
      const full = { nodes: [...definition.nodes], edges: [...definition.edges] };
      const order = orderOf(levelOf(full));
      for (const choices of runs) {
        const { ran, fired } = runOnce(full, choices);
        fired.forEach((count, index) => assert.ok(count <= order.mostTaken(index), `n${index}: ${count} of at most ${order.mostTaken(index)}`));
        for (const a of ran) for (const b of ran) assert.equal(order.excludes(a, b), undefined, `n${a} and n${b} both ran`);
      }
      full.nodes.forEach((_, a) => full.nodes.forEach((__, b) => (excluded += order.excludes(a, b) === undefined ? 0 : 1)));
    }),
    { numRuns: 500 },
  );
  assert.ok(excluded > 0, 'the graphs drawn have exclusive ways');
});

test('two sides of a branch exclude each other, however far behind it', () => {
  const nodes = ['a', 'left', 'right', 'far', 'joined'].map((key): GraphNode => ({ key, type: 'noop' }));
  const edges = [
    { from: 'a.true', to: 'left' },
    { from: 'a.false', to: 'right' },
    { from: 'left', to: 'far' },
    { from: 'far', to: 'joined' },
    { from: 'right', to: 'joined' },
  ];
  const order = orderOf(levelOf({ nodes, edges }));
  assert.deepEqual(order.excludes(2, 3), [
    { node: 0, port: 'false' },
    { node: 0, port: 'true' },
  ]);
  assert.equal(order.excludes(4, 3), undefined);
  assert.equal(order.mostTaken(4), 1);
});

function levelOf(definition: Definition): Level {
  const [level] = levelsOf(definition, nodeTypes).levels;
  assert.ok(level !== undefined);
  return level;
}
