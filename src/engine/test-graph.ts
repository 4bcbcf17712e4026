/** What a test run runs: the part of a draft that was asked for, with outputs in the place of what does not run. Pure; reads nothing and starts nothing.
 *  One thing to know: a node that is only read becomes a `noop` with a pinned output. Its params may be unfinished, or name what is left out. */
import type { Json } from '../contract/endpoint.ts';
import type { Definition, GraphEdge, GraphNode, Problem } from '../contract/graph.ts';
import type { Answered, TestScope } from '../contract/test-runs.ts';
import type { NodeTypes } from '../nodes/kit.ts';
import { ERROR_PORT, splitEnd } from './graph.ts';
import { namedIn } from './test-reads.ts';

export interface TestRequest {
  readonly definition: Definition;
  readonly run: TestScope;
  readonly pinned: Readonly<Record<string, Json>>;
  /** Input was given: it is held against the schema. */
  readonly hasInput: boolean;
}

/** What a node gave when it ran last. */
export interface Known {
  readonly instanceId: string;
  readonly isSkipped: boolean;
  readonly output: Json;
  readonly port: string | null;
  /** Its output is there and too large to stand for it. */
  readonly tooLargeBytes?: number;
}

/** The nodes that run, and those that something else stands for. */
export interface TestPlan {
  readonly runs: ReadonlySet<string>;
  /** With the nodes that read them by name. */
  readonly standIns: ReadonlyMap<string, ReadonlySet<string>>;
  /** Nodes that run and are read by one that runs, where what leads from one to the other may be cut. */
  readonly readWithin: readonly (readonly [from: string, to: string])[];
  /** The node that was asked for; undefined: all. */
  readonly target: string | undefined;
}

export interface TestGraph {
  readonly definition: Definition;
  readonly answered: readonly Answered[];
  /** Nodes that have nothing to stand on; with any of them the definition is not to be run. */
  readonly lacking: readonly Problem[];
}

/** @returns the problem when the run names no node of the workflow itself */
export function planTest(request: TestRequest, types: NodeTypes): TestPlan | Problem {
  const { definition, run } = request;
  if (run.kind === 'all') return { runs: new Set(definition.nodes.map((node) => node.key)), standIns: new Map(), readWithin: [], target: undefined };
  const links = linksOf(definition, types);
  if (!links.byKey.has(run.key)) return noSuchNode(definition, run.key);
  const runs = run.kind === 'upTo' ? upTo(request, run.key, links) : run.kind === 'from' ? onwards(run.key, links) : new Set([run.key]);
  const standIns = new Map<string, Set<string>>();
  const readWithin: [string, string][] = [];
  const stand = (key: string): Set<string> => standIns.get(key) ?? standIns.set(key, new Set()).get(key) ?? new Set();
  for (const key of runs) {
    for (const from of links.before.get(key) ?? []) if (!runs.has(from)) stand(from);
    const reads = links.reads(key, key === run.key && run.kind !== 'upTo');
    for (const read of reads) {
      if (!links.byKey.has(read)) continue;
      if (!runs.has(read)) stand(read).add(key);
      // One that does not come before it is a fault of the draft, and stays one.
      else if (run.kind === 'upTo' && comesBefore(read, key, links)) readWithin.push([read, key]);
    }
  }
  return { runs, standIns, readWithin, target: run.key };
}

interface Links {
  readonly byKey: ReadonlyMap<string, GraphNode>;
  readonly before: ReadonlyMap<string, ReadonlySet<string>>;
  readonly after: ReadonlyMap<string, ReadonlySet<string>>;
  /** Keys that a node names, and unless `isTarget` the conditions of the edges to it. */
  reads(key: string, isTarget: boolean): ReadonlySet<string>;
}

function linksOf(definition: Definition, types: NodeTypes): Links {
  const byKey = new Map(definition.nodes.map((node) => [node.key, node]));
  const before = new Map<string, Set<string>>();
  const after = new Map<string, Set<string>>();
  const whens = new Map<string, string[]>();
  const add = <V>(map: Map<string, Set<V>>, key: string, value: V): void => void (map.get(key)?.add(value) ?? map.set(key, new Set([value])));
  for (const edge of definition.edges) {
    const [from, to] = [splitEnd(edge.from).key, splitEnd(edge.to).key];
    if (!byKey.has(from) || !byKey.has(to)) continue;
    add(before, to, from);
    add(after, from, to);
    if (edge.when !== undefined) whens.set(to, [...(whens.get(to) ?? []), edge.when]);
  }
  return {
    byKey,
    before,
    after,
    reads(key, isTarget) {
      const node = byKey.get(key);
      return node === undefined ? new Set() : namedIn(node, isTarget ? [] : (whens.get(key) ?? []), types);
    },
  };
}

function comesBefore(key: string, other: string, { before }: Links): boolean {
  const found = new Set(before.get(other));
  for (const at of found) for (const one of before.get(at) ?? []) found.add(one);
  return found.has(key);
}

function onwards(key: string, { after }: Links): Set<string> {
  const runs = new Set([key]);
  for (const at of runs) for (const next of after.get(at) ?? []) runs.add(next);
  return runs;
}

/** The node and what leads to it, up to what has a pinned output: what lies behind that is not needed. */
function upTo({ pinned }: TestRequest, target: string, links: Links): Set<string> {
  const runs = new Set([target]);
  const isPinned = (key: string): boolean => key !== target && (pinned[key] !== undefined || links.byKey.get(key)?.mock !== undefined);
  for (const at of runs) {
    const needed = [...(links.before.get(at) ?? []), ...links.reads(at, false)];
    for (const key of needed) if (links.byKey.has(key) && !isPinned(key)) runs.add(key);
  }
  return runs;
}

function noSuchNode(definition: Definition, key: string): Problem {
  const isInside = JSON.stringify(definition.nodes).includes(`"key":${JSON.stringify(key)}`);
  const message = isInside
    ? `"${key}" stands in the body of another node and can not be run by itself; run the map or loop it is in`
    : `there is no node "${key}" in this definition; it has ${definition.nodes
        .slice(0, 10)
        .map((node) => `"${node.key}"`)
        .join(', ')}${definition.nodes.length > 10 ? ', …' : ''}`;
  return { path: 'run.key', code: 'unknown_node', message };
}

/** @param last what stand-ins gave when they ran last, by key */
export function buildTest(request: TestRequest, plan: TestPlan, last: ReadonlyMap<string, Known>, types: NodeTypes): TestGraph {
  const { definition, run, pinned } = request;
  const targetEdges = new Set(run.kind === 'node' || run.kind === 'from' ? [run.key] : []);
  const found = new Map(
    definition.nodes.flatMap((node) => (plan.standIns.has(node.key) ? [[node.key, standFor(node, { request, plan, last })] as const] : [])),
  );
  const nodes = definition.nodes.flatMap((node) => {
    if (plan.runs.has(node.key)) return [withPins(node, pinned, node.key === plan.target, types)];
    const stand = found.get(node.key);
    return stand === undefined ? [] : [stand.node];
  });
  const typeOf = new Map(definition.nodes.map((node) => [node.key, types.get(node.type)]));
  const portOf = (key: string): string | undefined => {
    const stand = found.get(key);
    return stand?.port ?? typeOf.get(key)?.portOf?.(stand?.node.mock ?? null);
  };
  const { maxConcurrentSteps, priority } = definition.settings ?? {};
  const isFromStart = run.kind === 'all' || run.kind === 'upTo' || request.hasInput;
  return {
    definition: {
      nodes,
      edges: edgesOf(definition, plan, { targetEdges, portOf }),
      ...(isFromStart && definition.inputSchema !== undefined ? { inputSchema: definition.inputSchema } : {}),
      settings: { ...(maxConcurrentSteps === undefined ? {} : { maxConcurrentSteps }), ...(priority === undefined ? {} : { priority }) },
    },
    answered: [...[...found.values()].map(({ answered }) => answered), ...pinnedAmong(nodes, plan, pinned)],
    lacking: definition.nodes.flatMap((node, index) => lackOf(node, index, plan, found.get(node.key), last.get(node.key))),
  };
}

interface StandIn {
  readonly node: GraphNode;
  readonly answered: Answered;
  readonly port: string | null;
}

function standFor(
  node: GraphNode,
  { request, plan, last }: { readonly request: TestRequest; readonly plan: TestPlan; readonly last: ReadonlyMap<string, Known> },
): StandIn {
  const { key, name, position } = node;
  const stub = { key, type: 'noop', ...(name === undefined ? {} : { name }), ...(position === undefined ? {} : { position }) };
  const with_ = (mock: Json, answered: Omit<Answered, 'key'>, port: string | null = null): StandIn => ({
    node: { ...stub, mock },
    answered: { key, ...answered },
    port,
  });
  const pin = request.pinned[key];
  if (pin !== undefined) return with_(pin, { by: 'pinned' });
  if (node.mock !== undefined) return with_(node.mock, { by: 'mock' });
  const known = last.get(key);
  if (known === undefined || known.tooLargeBytes !== undefined) return with_(null, { by: 'none' });
  if (!known.isSkipped) return with_(known.output, { by: 'last', instanceId: known.instanceId }, known.port);
  // It leads to the node that is to run: skipping it would skip that one, too.
  const leadsToTarget = request.definition.edges.some((edge) => splitEnd(edge.from).key === key && splitEnd(edge.to).key === plan.target);
  if (leadsToTarget) return with_(null, { by: 'skipped', instanceId: known.instanceId });
  return { node: { ...stub, condition: 'false' }, answered: { key, by: 'skipped', instanceId: known.instanceId }, port: null };
}

/** Who is read by name and has nothing to say. */
function lackOf(node: GraphNode, index: number, plan: TestPlan, stand: StandIn | undefined, known: Known | undefined): readonly Problem[] {
  const readers = [...(plan.standIns.get(node.key) ?? [])];
  if (stand?.answered.by !== 'none' || readers.length === 0) return [];
  const who = readers
    .slice(0, 3)
    .map((reader) => `"${reader}"`)
    .join(', ');
  const why =
    known?.tooLargeBytes === undefined
      ? `"${node.key}" has given no output yet`
      : `the last output of "${node.key}" has ${known.tooLargeBytes} bytes, which is too large to stand for it`;
  const message = `${why}, and ${who} read${readers.length === 1 ? 's' : ''} it; run "${node.key}" first, run up to ${who}, or pin an output for it`;
  return [{ node: node.key, path: `nodes[${index}]`, code: 'no_output', message }];
}

/** With pinned outputs in it, inside its body too. What was asked to run runs, pinned or disabled as it may be. */
function withPins(node: GraphNode, pinned: TestRequest['pinned'], isTarget: boolean, types: NodeTypes): GraphNode {
  const { mock: _mock, disabled: _disabled, ...rest } = node;
  const mine = pinned[node.key];
  const own: GraphNode = isTarget ? rest : mine === undefined ? node : { ...node, mock: mine };
  const bodies = (types.get(node.type)?.bodyParams ?? []).flatMap((name) => {
    const body = node.params?.[name] as { readonly nodes?: unknown } | undefined;
    if (!Array.isArray(body?.nodes)) return [];
    const nodes = (body.nodes as GraphNode[]).map((inner) => withPins(inner, pinned, false, types));
    return [[name, { ...body, nodes } as unknown as Json] as const];
  });
  return bodies.length === 0 ? own : { ...own, params: { ...own.params, ...Object.fromEntries(bodies) } };
}

function pinnedAmong(nodes: readonly GraphNode[], plan: TestPlan, pinned: TestRequest['pinned']): readonly Answered[] {
  return nodes.flatMap(({ key, mock }) =>
    plan.runs.has(key) && mock !== undefined ? [{ key, by: pinned[key] === undefined ? 'mock' : 'pinned' } as const] : [],
  );
}

/** The edges of the part: between nodes that run as they are; from a stand-in by the port it left by; and one for each that is read and leads nowhere. */
function edgesOf(
  definition: Definition,
  plan: TestPlan,
  { targetEdges, portOf }: { readonly targetEdges: ReadonlySet<string>; readonly portOf: (key: string) => string | undefined },
): GraphEdge[] {
  const edges: GraphEdge[] = [];
  /** By both ends: a stand-in has one edge to an end, however many ports led there. */
  const led = new Map<string, { readonly at: number; readonly isOpen: boolean }>();
  for (const edge of definition.edges) {
    const [{ key: from, port }, { key: to }] = [splitEnd(edge.from), splitEnd(edge.to)];
    if (!plan.runs.has(to)) continue;
    if (plan.runs.has(from)) edges.push(edge);
    if (!plan.standIns.has(from)) continue;
    const left = portOf(from);
    const isOpen = targetEdges.has(to) || (port !== ERROR_PORT && (port === null || left === undefined || port === left));
    const { from: _from, when, ...rest } = edge;
    const way = targetEdges.has(to) ? { ...rest, from } : { ...rest, from, ...(isOpen ? (when === undefined ? {} : { when }) : { when: 'false' }) };
    const before = led.get(`${from} ${edge.to}`);
    if (before === undefined) led.set(`${from} ${edge.to}`, { at: edges.push(way) - 1, isOpen });
    else if (isOpen && !before.isOpen) {
      edges[before.at] = way;
      led.set(`${from} ${edge.to}`, { at: before.at, isOpen });
    }
  }
  const joined = new Set(edges.map((edge) => `${splitEnd(edge.from).key} ${splitEnd(edge.to).key}`));
  const reads = [
    ...[...plan.standIns].flatMap(([key, readers]) => [...readers].map((reader) => [key, reader] as const)),
    ...(plan.standIns.size === 0 ? [] : plan.readWithin),
  ];
  for (const [from, to] of reads) if (!joined.has(`${from} ${to}`)) edges.push({ from, to, mode: ['context'] });
  return edges;
}
