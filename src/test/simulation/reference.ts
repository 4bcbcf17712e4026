/** The reference simulator: what a workflow comes to, by naive recursion over its definition, written from engine/README.md and sharing no code
 *  with the engine. Slow and obvious: no time, no order, no crashes. A failure that ends a graph may cut its neighbours short: what they would
 *  have come to is still told, as something that need not be there. */
import type { Json } from '../../contract/endpoint.ts';
import type { Definition, GraphNode } from '../../contract/graph.ts';
import { actOf, givenBy, scriptOf } from './acts.ts';
import { dig, isTrue, keyOf, valueOf, wayIn, type Ended, type Graph, type Leaving, type Scope } from './reference-ways.ts';

/** Stands for a value that depends on time or order. */
export const ANY: Json = '(any)';

export interface ExpectedStep {
  readonly status: 'completed' | 'failed' | 'timed_out' | 'skipped';
  readonly attempt: number;
  /** Absent: it has none. */
  readonly output?: Json;
  /** Of a failure; absent: one of several. */
  readonly code?: string;
  /** Rows of older rounds do not count. */
  readonly isFirstRound: boolean;
  /** It may be cut short by a failure beside it. */
  isSure: boolean;
}

export interface Expected {
  /** How the instance may end. */
  readonly ends: readonly ('completed' | 'failed')[];
  /** Of a completed one. */
  readonly output: Json;
  /** Keys of nodes that may be named as the cause of a failure. */
  readonly causes: readonly string[];
  readonly steps: ReadonlyMap<string, ExpectedStep>;
}

/** @param child what `workflow.call` runs */
export function expectedOf(definition: Definition, input: Json, child: Definition | undefined): Expected {
  const steps = new Map<string, ExpectedStep>();
  const world: World = { steps, child };
  const result = runGraph(world, definition, { input, outer: () => null, item: null, index: null, previous: null }, { prefix: '', isFirst: true, isTop: true });
  if (result.hasStopped) for (const step of steps.values()) step.isSure = false;
  const ends = [
    ...(result.causes.length === 0 || result.hasStopped ? (['completed'] as const) : []),
    ...(result.causes.length > 0 ? (['failed'] as const) : []),
  ];
  return { ends, output: result.hasStopped ? ANY : result.output, causes: result.causes, steps };
}

interface World {
  readonly steps: Map<string, ExpectedStep>;
  readonly child: Definition | undefined;
}

interface Where {
  readonly prefix: string;
  /** The first round of this graph in its place. */
  readonly isFirst: boolean;
  readonly isTop: boolean;
}

interface Result {
  readonly output: Json;
  /** Nodes whose failure ends the graph. */
  readonly causes: readonly string[];
  readonly hasStopped: boolean;
}

function runGraph(world: World, graph: Graph, scope: Scope, where: Where): Result {
  const known = new Map<string, Ended>();
  const look = (key: string): Json => (graph.nodes.some((node) => node.key === key) ? (end(key).output ?? null) : scope.outer(key));
  const end = (key: string): Ended => {
    const present = known.get(key);
    if (present !== undefined) return present;
    const node = graph.nodes.find((one) => one.key === key);
    if (node === undefined) throw new Error(`no node ${key}`);
    const ended = endOf(node);
    known.set(key, ended);
    return ended;
  };
  const endOf = (node: GraphNode): Ended => {
    const way = wayIn(graph, node, end, (source) => valueOf(source, scope, look));
    if (way === 'never') return { leaving: { kind: 'never' }, output: undefined };
    if (way === 'skip') {
      expect(world, where, node, { status: 'skipped', attempt: 0 });
      return { leaving: { kind: 'skipped' }, output: undefined };
    }
    return runNode(world, graph, node, scope, look, where);
  };
  for (const node of graph.nodes) end(node.key);
  const of = (kind: Leaving['kind']): string[] => graph.nodes.filter((node) => known.get(node.key)?.leaving.kind === kind).map((node) => node.key);
  const causes = of('fatal');
  const hasStopped = of('stopped').length > 0;
  if (causes.length > 0) unsure(world, where.prefix);
  return { causes, hasStopped, output: causes.length > 0 ? null : outputOf(graph, (key) => known.get(key)?.output) };
}

/** Everything expected below a place may be cut short. */
function unsure(world: World, prefix: string): void {
  for (const [path, step] of world.steps) if (path.startsWith(prefix)) step.isSure = false;
}

function outputOf(graph: Graph, find: (key: string) => Json | undefined): Json {
  const leaves = graph.nodes.filter((node) => graph.edges.every((edge) => keyOf(edge) !== node.key || edge.from.endsWith('.error')));
  const [only, ...more] = leaves;
  if (only !== undefined && more.length === 0) return find(only.key) ?? null;
  return Object.fromEntries(leaves.flatMap((node) => (find(node.key) === undefined ? [] : [[node.key, find(node.key) ?? null]])));
}

type Told = Omit<ExpectedStep, 'isFirstRound' | 'isSure'>;

function expect(world: World, where: Where, node: Pick<GraphNode, 'key'>, told: Told): void {
  world.steps.set(where.prefix + node.key, { ...told, isFirstRound: where.isFirst, isSure: true });
}

function runNode(world: World, graph: Graph, node: GraphNode, scope: Scope, look: (key: string) => Json, where: Where): Ended {
  const skipped = (leaving: Leaving): Ended => {
    expect(world, where, node, { status: 'skipped', attempt: 0 });
    return { leaving, output: undefined };
  };
  if (node.disabled === true) return skipped({ kind: 'passed', port: null });
  if (node.condition !== undefined && !isTrue(valueOf(node.condition, scope, look))) return skipped({ kind: 'skipped' });
  if (node.mock !== undefined) {
    expect(world, where, node, { status: 'completed', attempt: 1, output: node.mock });
    const port = node.type === 'sim.work' || node.type === 'sim.pure' ? dig(node.mock, ['port']) : null;
    return { leaving: { kind: 'passed', port: typeof port === 'string' ? port : null }, output: node.mock };
  }
  if (node.type === 'stop') {
    expect(world, where, node, { status: 'completed', attempt: 1, output: ANY });
    return { leaving: { kind: 'stopped' }, output: undefined };
  }
  if (node.type === 'fail') {
    expect(world, where, node, { status: 'failed', attempt: 1, code: 'nope' });
    return where.isTop ? { leaving: { kind: 'fatal' }, output: undefined } : afterFailure(graph, node);
  }
  return attempts(world, graph, node, scope, look, where);
}

type Tried = { readonly output: Json; readonly port: string | null } | { readonly code: string; readonly isFinal: boolean };

function attempts(world: World, graph: Graph, node: GraphNode, scope: Scope, look: (key: string) => Json, where: Where): Ended {
  const { maxAttempts = 1, on } = node.retry ?? {};
  for (let attempt = 1; ; attempt++) {
    const tried = tryOnce(world, node, scope, look, where, attempt);
    if ('output' in tried) {
      expect(world, where, node, { status: 'completed', attempt, output: tried.output });
      return { leaving: { kind: 'passed', port: tried.port }, output: tried.output };
    }
    if (!tried.isFinal && attempt < maxAttempts && (on === undefined || on.includes(tried.code))) continue;
    expect(world, where, node, { status: tried.code === 'timeout' ? 'timed_out' : 'failed', attempt, code: tried.code });
    return afterFailure(graph, node);
  }
}

/** A failure ends its graph, unless it is let through or an edge hears it. */
function afterFailure(graph: Graph, node: GraphNode): Ended {
  if (node.onError === 'continue') return { leaving: { kind: 'passed', port: null }, output: undefined };
  const isHeard = node.onError === 'branch' || (node.onError === undefined && graph.edges.some((edge) => edge.from === `${node.key}.error`));
  return { leaving: { kind: isHeard ? 'failed' : 'fatal' }, output: undefined };
}

function tryOnce(world: World, node: GraphNode, scope: Scope, look: (key: string) => Json, where: Where, attempt: number): Tried {
  switch (node.type) {
    case 'merge':
      return { output: ANY, port: null };
    case 'map':
      return mapOnce(world, node, scope, look, { ...where, isFirst: where.isFirst && attempt === 1 });
    case 'loop':
      return loopOnce(world, node, scope, look, { ...where, isFirst: where.isFirst && attempt === 1 });
    case 'workflow.call':
      return callOnce(world, node);
    default:
      return workOnce(node, scope, look, where, attempt);
  }
}

function workOnce(node: GraphNode, scope: Scope, look: (key: string) => Json, where: Where, attempt: number): Tried {
  const given = (node.params?.['reads'] ?? {}) as Readonly<Record<string, string>>;
  const reads = Object.fromEntries(Object.entries(given).map(([name, source]) => [name, valueOf(source, scope, look)]));
  const at = node.params?.['at'] === undefined ? undefined : (scope.index ?? 0);
  const act = actOf(scriptOf(node), { at: at ?? 0, row: where.isFirst ? 0 : 1, attempt });
  const gives = (flag: boolean, port?: string): Tried => ({
    output: givenBy(node.key, { reads, at }, { flag, ...(port === undefined ? {} : { port }) }),
    port: port ?? null,
  });
  switch (act.do) {
    case 'give':
      return node.type === 'sim.job' ? gives(true) : gives(act.flag, act.port);
    case 'fail':
      return { code: act.code, isFinal: act.isFinal ?? false };
    case 'break':
      return { code: 'node_crashed', isFinal: false };
    case 'hang':
      return { code: 'timeout', isFinal: false };
    case 'timer':
      return { output: ANY, port: null };
    case 'poll':
      return gives(true);
    case 'call back':
      return gives(act.answer === 'callback');
  }
}

function mapOnce(world: World, node: GraphNode, scope: Scope, look: (key: string) => Json, where: Where): Tried {
  const { items: asked, onItemError, itemRetry, body } = node.params ?? {};
  const items = (Array.isArray(asked) ? asked : valueOf(String(asked), scope, look)) as readonly Json[];
  const { maxAttempts = 1 } = (itemRetry ?? {}) as { maxAttempts?: number };
  const path = where.prefix + node.key;
  const results = items.map((item, index) => {
    for (let attempt = 1; ; attempt++) {
      const inside = { prefix: `${path}[${index}]/`, isFirst: where.isFirst && attempt === 1, isTop: false };
      const result = runGraph(world, body as unknown as Graph, { ...scope, outer: look, item, index, previous: null }, inside);
      const hasFailed = result.causes.length > 0;
      if (hasFailed && attempt < maxAttempts) continue;
      expect(
        world,
        where,
        { key: `${node.key}[${index}]` },
        hasFailed ? { status: 'failed', attempt } : { status: 'completed', attempt, output: result.output },
      );
      return { hasFailed, output: result.output };
    }
  });
  const failed = results.flatMap(({ hasFailed }, index) => (hasFailed ? [index] : []));
  if (onItemError === 'fail' && failed.length > 0) {
    unsure(world, `${path}[`);
    return { code: 'item_failed', isFinal: false };
  }
  const errors = onItemError === 'collect' ? { errors: failed.map((index) => ({ index, code: ANY, message: ANY })) } : {};
  return { output: { items: results.map(({ hasFailed, output }) => (hasFailed ? null : output)), failed: failed.length, ...errors }, port: null };
}

function loopOnce(world: World, node: GraphNode, scope: Scope, look: (key: string) => Json, where: Where): Tried {
  const { maxIterations, onLimit, while: condition, body } = node.params ?? {};
  const path = where.prefix + node.key;
  let previous: Json = null;
  for (let index = 0; ; index++) {
    const isOver = index >= Number(maxIterations);
    if (condition === undefined ? isOver : !isTrue(valueOf(String(condition), scope, look)))
      return { output: { iterations: index, output: previous }, port: null };
    if (isOver) return onLimit === 'stop' ? { output: { iterations: index, output: previous }, port: null } : { code: 'max_iterations', isFinal: true };
    const inside = { prefix: `${path}[${index}]/`, isFirst: where.isFirst, isTop: false };
    const result = runGraph(world, body as unknown as Graph, { ...scope, outer: look, index, previous }, inside);
    const hasFailed = result.causes.length > 0;
    expect(
      world,
      where,
      { key: `${node.key}[${index}]` },
      hasFailed ? { status: 'failed', attempt: 1 } : { status: 'completed', attempt: 1, output: result.output },
    );
    if (hasFailed) {
      unsure(world, `${path}[${index}]/`);
      return { code: 'round_failed', isFinal: false };
    }
    previous = result.output;
  }
}

function callOnce(world: World, node: GraphNode): Tried {
  if (node.params?.['wait'] === false) return { output: ANY, port: null };
  if (world.child === undefined) throw new Error('children call nobody');
  const child = expectedOf(world.child, node.params?.['input'] ?? null, undefined);
  if (child.ends.length > 1) throw new Error('the end of a child must not depend on who is faster');
  return child.ends[0] === 'completed' ? { output: child.output, port: null } : { code: 'child_failed', isFinal: false };
}
