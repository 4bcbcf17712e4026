/** A selection as a workflow of its own, and the call that stands for it. Pure: making the workflow over the API is the page's.
 *  What the steps read from outside becomes the input of the call; what others read of them, its output. */
import type { Json } from '../../../src/contract/endpoint.ts';
import type { Definition, GraphEdge, GraphNode } from '../../../src/contract/graph.ts';
import { endOf } from '../../graph/edge-end.ts';
import { allKeys, edgeIdOf } from '../scope.ts';
import type { Graph } from '../scope.ts';
import { boxAround, boxOf } from './arrange.ts';
import { whyNotGroup } from './bodies.ts';
import { pathsIn, replacePaths } from './expression-paths.ts';
import { rewriteGraph } from './expressions.ts';
import { newKey } from './keys.ts';

export interface Extraction {
  /** The workflow to make. */
  readonly definition: Definition;
  /** The graph with a call in place of the selection, once the workflow has an id. */
  readonly replace: (workflowId: string) => Graph;
}

export type ExtractionPlan = Extraction | { readonly fault: string };

/** @param taken keys of the whole workflow  @returns what to make, or in words why this selection has no such form */
export function extractSelection(graph: Graph, keys: ReadonlySet<string>, taken: ReadonlySet<string>): ExtractionPlan {
  const fault = whyNotGroup(graph, keys) ?? whyNotCalled(graph, keys);
  if (fault !== undefined) return { fault };
  const inside: Graph = {
    nodes: graph.nodes.filter((node) => keys.has(node.key)),
    edges: graph.edges.filter((edge) => keys.has(endOf(edge.from).key) && keys.has(endOf(edge.to).key)),
    comments: [],
  };
  const own = allKeys({ nodes: [...inside.nodes] });
  const inputs = inputsOf(inside, own);
  if (inputs.readsTurn && inside.nodes.some((node) => withoutBody(node) !== node))
    return { fault: 'The selection reads the item of the map around it and has a body of its own, whose items are others. Leave one of the two out.' };
  const only = onlyRoot(inside);
  const key = newKey(taken, 'call');
  const outer: Graph = { ...graph, nodes: graph.nodes.filter((node) => !keys.has(node.key)) };
  const result = resultOf(inside, readOutside(outer, keys), own);
  const child = rewriteGraph(result.graph, (expression) => replacePaths(expression, inputs.replace));
  const definition: Definition = {
    nodes: child.nodes.map((node) => (node.key === only?.key ? withoutRunIf(node) : node)),
    edges: [...child.edges],
    ...(Object.keys(inputs.values).length === 0 ? {} : { inputSchema: schemaOf(inputs.values) }),
  };
  const call = (workflowId: string): GraphNode => ({
    key,
    type: 'workflow.call',
    params: { workflowId, input: inputs.values },
    position: cornerOf(inside.nodes),
    ...(only?.runIf === undefined ? {} : { runIf: only.runIf }),
  });
  const rest = rewriteGraph({ ...outer, edges: edgesAround(graph.edges, keys, key) }, (expression) => replacePaths(expression, result.replace(key)));
  return { definition, replace: (workflowId) => ({ ...rest, nodes: [...rest.nodes, call(workflowId)] }) };
}

/** What one call can not express: several ways out, and starts under several conditions. */
function whyNotCalled(graph: Graph, keys: ReadonlySet<string>): string | undefined {
  const crossing = (from: boolean): readonly GraphEdge[] =>
    graph.edges.filter((edge) => keys.has(endOf(edge.from).key) === from && keys.has(endOf(edge.to).key) !== from);
  const out = crossing(true).find((edge) => endOf(edge.from).port !== undefined || edge.when !== undefined);
  if (out !== undefined)
    return `The way ${out.from} → ${out.to} is taken only sometimes, and a call has one way out. Select "${endOf(out.to).key}" too, or leave "${endOf(out.from).key}" out.`;
  const into = crossing(false);
  const conditional = into.find((edge) => edge.when !== undefined || endOf(edge.from).port !== undefined);
  const targets = new Set(into.map((edge) => endOf(edge.to).key));
  const inside = { nodes: graph.nodes.filter((node) => keys.has(node.key)), edges: graph.edges.filter((edge) => keys.has(endOf(edge.from).key)), comments: [] };
  if (conditional !== undefined && (targets.size > 1 || onlyRoot(inside) === undefined))
    return `${conditional.from} → ${conditional.to} starts a part of the selection only sometimes, and a call starts as a whole. Select steps that begin with one.`;
  return undefined;
}

/** The one node that nothing inside leads to. */
function onlyRoot(inside: Graph): GraphNode | undefined {
  const targets = new Set(inside.edges.map((edge) => endOf(edge.to).key));
  const roots = inside.nodes.filter((node) => !targets.has(node.key));
  return roots.length === 1 ? roots[0] : undefined;
}

function withoutRunIf({ runIf: _runIf, ...node }: GraphNode): GraphNode {
  return node;
}

interface Inputs {
  /** The input of the call: expressions of the caller, by name. */
  readonly values: Record<string, Json>;
  /** It reads `item`, `index`, `parent` or `previous` of the body it stands in. */
  readonly readsTurn: boolean;
  readonly replace: (names: readonly string[]) => { readonly text: string; readonly of: number } | undefined;
}

const OF_THE_TURN = new Set(['item', 'index', 'parent', 'previous']);

/** Whatever the selection reads of what is not in it, each under a name of its own. */
function inputsOf(inside: Graph, own: ReadonlySet<string>): Inputs {
  const named = new Map<string, { readonly name: string; readonly of: number }>();
  const values: Record<string, Json> = {};
  const isBody = (names: readonly string[]): boolean => OF_THE_TURN.has(names[0] ?? '');
  const add = (names: readonly string[], inBody: boolean): void => {
    const [root, member] = names;
    const isForeign = root === 'input' || (root === 'steps' && member !== undefined && !own.has(member)) || (isBody(names) && !inBody);
    if (!isForeign) return;
    const of = root === 'steps' ? Math.min(3, names.length) : root === 'input' ? Math.min(2, names.length) : 1;
    const source = names.slice(0, of).join('.');
    if (named.has(source)) return;
    const plain = root === 'steps' ? (names[2] === 'error' ? `${member}_error` : (member ?? 'steps')) : of === 2 ? (member ?? 'input') : (root ?? 'input');
    const name = newKey(new Set(Object.keys(values)), plain);
    named.set(source, { name, of });
    values[name] = `{{ ${source} }}`;
  };
  // Nodes in bodies have items of their own: those of the selection's own level are the caller's.
  rewriteGraph(
    { ...inside, nodes: inside.nodes.map(withoutBody) },
    (expression) => (pathsIn(expression).forEach((path) => add(path.names, false)), expression),
  );
  rewriteGraph(inside, (expression) => (pathsIn(expression).forEach((path) => add(path.names, true)), expression));
  return {
    values,
    readsTurn: [...OF_THE_TURN].some((name) => named.has(name)),
    replace: (names) => {
      for (const count of [3, 2, 1]) {
        const found = named.get(names.slice(0, count).join('.'));
        if (found !== undefined && found.of === count && names.length >= count) return { text: `input.${found.name}`, of: count };
      }
      return undefined;
    },
  };
}

function withoutBody(node: GraphNode): GraphNode {
  if (node.params?.['body'] === undefined || (node.type !== 'map' && node.type !== 'loop')) return node;
  const { body: _body, ...params } = node.params;
  return { ...node, params };
}

function schemaOf(values: Record<string, Json>): Record<string, Json> {
  return { type: 'object', properties: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { description: String(value) }])) };
}

/** Keys of the selection that something outside reads. */
function readOutside(outer: Graph, keys: ReadonlySet<string>): ReadonlySet<string> {
  const read = new Set<string>();
  rewriteGraph(outer, (expression) => {
    for (const { names } of pathsIn(expression)) if (names[0] === 'steps' && names[1] !== undefined && keys.has(names[1])) read.add(names[1]);
    return expression;
  });
  return read;
}

/** How what is read outside comes out: as the output of the only last step, or gathered by a step that is added for it. */
function resultOf(inside: Graph, read: ReadonlySet<string>, own: ReadonlySet<string>) {
  const sources = new Set(inside.edges.map((edge) => endOf(edge.from).key));
  const leaves = inside.nodes.filter((node) => !sources.has(node.key));
  const [leaf] = leaves;
  const direct = leaf !== undefined && leaves.length === 1 && [...read].every((key) => key === leaf.key);
  const output = (key: string, names: readonly string[], member: string): { readonly text: string; readonly of: number } | undefined =>
    names[0] === 'steps' && names[1] !== undefined && read.has(names[1])
      ? { text: `steps.${key}.${names[2] ?? 'output'}${member}`, of: Math.min(3, names.length) }
      : undefined;
  if (direct || read.size === 0) return { graph: inside, replace: (key: string) => (names: readonly string[]) => output(key, names, '') };
  const last = newKey(own, 'result');
  const values = Object.fromEntries([...read].map((key): [string, Json] => [key, `{{ steps.${key}.output }}`]));
  const right = Math.max(...inside.nodes.map((node) => node.position?.x ?? 0)) + 288;
  const node: GraphNode = { key: last, type: 'set', params: { values }, position: { x: right, y: leaf?.position?.y ?? 0 } };
  const graph: Graph = { ...inside, nodes: [...inside.nodes, node], edges: [...inside.edges, ...leaves.map((each) => ({ from: each.key, to: last }))] };
  return { graph, replace: (key: string) => (names: readonly string[]) => output(key, names, `.${names[1] ?? ''}`) };
}

function edgesAround(edges: readonly GraphEdge[], keys: ReadonlySet<string>, key: string): readonly GraphEdge[] {
  const kept = edges.flatMap((edge): GraphEdge[] => {
    const [from, to] = [keys.has(endOf(edge.from).key), keys.has(endOf(edge.to).key)];
    if (from && to) return [];
    return [{ ...edge, ...(from ? { from: key } : {}), ...(to ? { to: key } : {}) }];
  });
  return [...new Map(kept.map((edge) => [edgeIdOf(edge), edge])).values()];
}

function cornerOf(nodes: readonly GraphNode[]): { x: number; y: number } {
  const box = boxAround(nodes.map((node) => boxOf(node, new Map())));
  return { x: box?.x ?? 0, y: box?.y ?? 0 };
}
