/** The planner against a slow, obvious simulator: random graphs, random outcomes, random orders. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Definition, GraphEdge, GraphNode } from '../contract/graph.ts';
import { nodeTypes } from '../nodes/index.ts';
import { compileGraph, type CompiledGraph, type CompiledNode } from './graph.ts';
import { advance, begin, createPlan, markDecided, sourcesOf, type Outcome } from './plan.ts';

/** Node i may only lead to later ones: no cycles. */
const graphs: fc.Arbitrary<Definition> = fc.integer({ min: 1, max: 9 }).chain((size) => {
  const node = (index: number): fc.Arbitrary<GraphNode> =>
    fc
      .record({
        key: fc.constant(`n${index}`),
        type: fc.constantFrom('noop', 'branch.if'),
        params: fc.constant({ condition: true }),
        runIf: fc.constantFrom('all' as const, 'any' as const, 2, 3),
        onError: fc.constantFrom('continue' as const, 'branch' as const),
      })
      .map((one) => (one.type === 'noop' ? { ...one, params: {} } : one));
  const edge: fc.Arbitrary<GraphEdge | undefined> = fc
    .tuple(
      fc.nat(size - 1),
      fc.nat(size - 1),
      fc.constantFrom('', '.error', '.port'),
      fc.constantFrom<GraphEdge['mode']>(undefined, ['context'], ['trigger', 'context']),
      fc.boolean(),
    )
    .map(([a, b, port, mode, isConditional]) => {
      if (a === b) return undefined;
      const [from, to] = a < b ? [a, b] : [b, a];
      return { from: `n${from}${port}`, to: `n${to}`, ...(mode === undefined ? {} : { mode }), ...(isConditional ? { when: 'true' } : {}) };
    });
  return fc.tuple(fc.tuple(...Array.from({ length: size }, (_, index) => node(index))), fc.array(edge, { maxLength: 24 })).map(([nodes, edges]) => {
    const typeOf = new Map(nodes.map((one) => [one.key, one.type]));
    const made = edges.flatMap((one) => {
      if (one === undefined) return [];
      const [key = '', port] = one.from.split('.');
      // `.port` stands for one that the type has.
      return [{ ...one, from: port === 'port' ? `${key}.${typeOf.get(key) === 'noop' ? 'out' : 'true'}` : one.from }];
    });
    const unique = new Map(made.map((one) => [`${one.from} ${one.to}`, one]));
    return { nodes, edges: [...unique.values()] };
  });
});

type Fate = { readonly outcome: Outcome; readonly closed: boolean };
const fates = fc.array(
  fc.record({
    outcome: fc.constantFrom<Outcome>({ kind: 'passed', port: null }, { kind: 'passed', port: 'true' }, { kind: 'passed', port: 'false' }, { kind: 'failed' }),
    closed: fc.boolean(),
  }),
  { minLength: 9, maxLength: 9 },
);

/** What a node's end does to one of its edges, said again from the words of the contract. */
function edgeFires(graph: CompiledGraph, from: CompiledNode, edge: CompiledGraph['edges'][number], fate: Fate): boolean {
  if (edge.when !== undefined && fate.closed) return false;
  if (fate.outcome.kind === 'failed') return edge.port === 'error';
  if (fate.outcome.kind === 'skipped' || edge.port === 'error') return false;
  if (edge.port === null) return true;
  return fate.outcome.port === null ? graph.nodes[from.index]?.ports.length === 1 : fate.outcome.port === edge.port;
}

/** Looks at everything again after every end, until nothing changes. */
function simulate(graph: CompiledGraph, fateOf: readonly Fate[], pick: readonly number[]): Map<string, 'ran' | 'skipped'> {
  const decided = new Map<string, 'running' | 'ran' | 'skipped'>();
  const state = (edge: CompiledGraph['edges'][number]): 'open' | 'fired' | 'dead' => {
    const from = graph.nodes[edge.from];
    const fate = fateOf[edge.from];
    const how = from === undefined ? undefined : decided.get(from.key);
    if (from === undefined || fate === undefined || how === undefined || how === 'running') return 'open';
    return how === 'ran' && edgeFires(graph, from, edge, fate) ? 'fired' : 'dead';
  };
  const look = (node: CompiledNode): 'running' | 'skipped' | undefined => {
    const into = graph.edges.filter((edge) => edge.to === node.index);
    const triggers = into.filter((edge) => edge.triggers);
    const others = into.filter((edge) => !edge.triggers);
    const fired = triggers.filter((edge) => state(edge) === 'fired').length;
    const open = triggers.filter((edge) => state(edge) === 'open').length;
    const contextOpen = others.some((edge) => state(edge) === 'open');
    if (triggers.length === 0) return contextOpen ? undefined : 'running';
    if (node.node.runIf === 'all' || node.node.runIf === undefined) return open > 0 || contextOpen ? undefined : fired > 0 ? 'running' : 'skipped';
    const need = node.node.runIf === 'any' ? 1 : Math.min(node.node.runIf, triggers.length);
    if (fired >= need) return contextOpen ? undefined : 'running';
    return fired + open < need ? 'skipped' : undefined;
  };
  for (let turn = 0; ; turn++) {
    for (let changed = true; changed;) {
      changed = false;
      for (const node of graph.nodes) {
        const decision = decided.has(node.key) ? undefined : look(node);
        if (decision === undefined) continue;
        decided.set(node.key, decision);
        changed = true;
      }
    }
    const running = [...decided].filter(([, how]) => how === 'running').map(([key]) => key);
    const next = running[(pick[turn % pick.length] ?? 0) % Math.max(1, running.length)];
    if (next === undefined) return decided as Map<string, 'ran' | 'skipped'>;
    decided.set(next, 'ran');
  }
}

function closedOf(node: CompiledNode, fate: Fate): ReadonlySet<number> {
  return new Set(fate.closed ? node.outgoing.filter((edge) => edge.when !== undefined).map((edge) => edge.index) : []);
}

/** The planner, ended in the same order as the simulator would. */
function runPlan(
  graph: CompiledGraph,
  fateOf: readonly Fate[],
  pick: readonly number[],
): { result: Map<string, 'ran' | 'skipped'>; open: number; twice: string[] } {
  const plan = createPlan(graph);
  const result = new Map<string, 'ran' | 'skipped'>();
  const twice: string[] = [];
  let running: CompiledNode[] = [...begin(plan).ready];
  for (let turn = 0; running.length > 0; turn++) {
    running = running.toSorted((a, b) => a.index - b.index);
    const [node] = running.splice((pick[turn % pick.length] ?? 0) % running.length, 1);
    const fate = node === undefined ? undefined : fateOf[node.index];
    if (node === undefined || fate === undefined) break;
    if (result.has(node.key)) twice.push(node.key);
    result.set(node.key, 'ran');
    const next = advance(plan, node, fate.outcome, closedOf(node, fate));
    for (const skip of next.skipped) {
      if (result.has(skip.node.key)) twice.push(skip.node.key);
      result.set(skip.node.key, 'skipped');
    }
    running.push(...next.ready);
  }
  return { result, open: plan.open, twice };
}

test('the planner decides as the simulator does, every node once, whatever the order of ends', () => {
  fc.assert(
    fc.property(graphs, fates, fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }), (definition, fateOf, pick) => {
      const graph = compileGraph(definition, nodeTypes);
      const { result, open, twice } = runPlan(graph, fateOf, pick);
      assert.deepEqual(twice, []);
      assert.equal(open, 0);
      const expected = simulate(graph, fateOf, pick);
      // With "any" the order of ends may choose who runs first, never who runs at all.
      assert.deepEqual(Object.fromEntries([...result].toSorted()), Object.fromEntries([...expected].toSorted()));
    }),
    { numRuns: 3_000 },
  );
});

test('a plan rebuilt from what is recorded decides the rest as the first one would have', () => {
  fc.assert(
    fc.property(graphs, fates, fc.nat(9), (definition, fateOf, cut) => {
      const graph = compileGraph(definition, nodeTypes);
      const whole = runPlan(graph, fateOf, [0]).result;
      // What a crash leaves: the first `cut` ends with their skips; the rest must follow again.
      const first = createPlan(graph);
      const ended = new Map<number, Outcome>();
      let running = [...begin(first).ready];
      for (let turn = 0; turn < cut && running.length > 0; turn++) {
        running = running.toSorted((a, b) => a.index - b.index);
        const node = running.shift();
        const fate = node === undefined ? undefined : fateOf[node.index];
        if (node === undefined || fate === undefined) break;
        ended.set(node.index, fate.outcome);
        const next = advance(first, node, fate.outcome, closedOf(node, fate));
        for (const skip of next.skipped) ended.set(skip.node.index, { kind: 'skipped' });
        running.push(...next.ready);
      }
      const plan = createPlan(graph);
      const result = new Map<string, 'ran' | 'skipped'>();
      for (const [index, outcome] of ended) {
        const node = graph.nodes[index];
        if (node === undefined) continue;
        markDecided(plan, node);
        result.set(node.key, outcome.kind === 'skipped' ? 'skipped' : 'ran');
      }
      let ready: CompiledNode[] = [];
      for (const index of graph.order) {
        const node = graph.nodes[index];
        const outcome = ended.get(index);
        const fate = fateOf[index];
        if (node === undefined || outcome === undefined || fate === undefined) continue;
        const more = advance(plan, node, outcome, closedOf(node, fate));
        ready.push(...more.ready);
        for (const skip of more.skipped) result.set(skip.node.key, 'skipped');
      }
      ready.push(...begin(plan).ready);
      while (ready.length > 0) {
        ready = ready.toSorted((a, b) => a.index - b.index);
        const node = ready.shift();
        const fate = node === undefined ? undefined : fateOf[node.index];
        if (node === undefined || fate === undefined) break;
        result.set(node.key, 'ran');
        const next = advance(plan, node, fate.outcome, closedOf(node, fate));
        for (const skip of next.skipped) result.set(skip.node.key, 'skipped');
        ready.push(...next.ready);
      }
      assert.equal(plan.open, 0);
      assert.deepEqual(Object.fromEntries([...result].toSorted()), Object.fromEntries([...whole].toSorted()));
    }),
    { numRuns: 2_000 },
  );
});

test('a node knows who led to it', () => {
  const graph = compileGraph(
    {
      nodes: [
        { key: 'a', type: 'noop' },
        { key: 'b', type: 'noop' },
        { key: 'm', type: 'merge', params: { mode: 'any' } },
      ],
      edges: [
        { from: 'a', to: 'm' },
        { from: 'b', to: 'm' },
      ],
    },
    nodeTypes,
  );
  const plan = createPlan(graph);
  const [, b, m] = graph.nodes;
  assert.ok(b !== undefined && m !== undefined);
  begin(plan);
  assert.deepEqual(
    advance(plan, b, { kind: 'passed', port: null }, new Set()).ready.map((node) => node.key),
    ['m'],
  );
  assert.deepEqual(sourcesOf(plan, m), ['b']);
});
