/** The compiled graph: a definition turned into indexes, so that planning touches arrays only. Built once per version, shared by its
 *  instances, never changed. Pure. Expects a valid definition (validate.ts). */
import type { Definition, GraphBody, GraphEdge, GraphNode, RetryPolicy } from '../contract/graph.ts';
import { retryPolicy } from '../contract/graph.ts';
import type { NodeType, NodeTypes } from '../nodes/kit.ts';
import { compileExpression, type Expression } from './expression.ts';
import { compileTemplate, expressionsOf, type Template } from './template.ts';

/** The port that fires when a failure is handled by a branch. */
export const ERROR_PORT = 'error';

export interface CompiledEdge {
  readonly index: number;
  readonly from: number;
  /** Null: any port but `error`. */
  readonly port: string | null;
  readonly to: number;
  /** It carries a token. Otherwise (context, attachments) its target only waits until the source ended. */
  readonly triggers: boolean;
  readonly when: Expression | undefined;
}

export interface CompiledNode {
  readonly index: number;
  readonly key: string;
  readonly node: GraphNode;
  readonly type: NodeType;
  readonly params: Template;
  /** Params depend on nothing that changes by itself (`$now()`, …). */
  readonly isDeterministic: boolean;
  readonly condition: Expression | undefined;
  readonly retry: RetryPolicy;
  readonly onError: 'fail' | 'continue' | 'branch';
  readonly incoming: readonly CompiledEdge[];
  readonly outgoing: readonly CompiledEdge[];
  /** An edge from it has a condition. */
  readonly asks: boolean;
  readonly triggerCount: number;
  /** How many fired edges start it; `all`: when every edge is settled, at least one of them fired. */
  readonly need: 'all' | number;
  /** Output ports, without `error`. */
  readonly ports: readonly string[];
  /** Steps its params read; null: any. */
  readonly reads: ReadonlySet<string> | null;
  readonly body: CompiledBody | undefined;
  /** Of its policies: what a result is kept under, and the key that receivers see. */
  readonly cacheKey: Template | undefined;
  readonly idempotencyKey: Template | undefined;
}

/** The graph inside a map or loop. */
export interface CompiledBody {
  readonly graph: CompiledGraph;
  /** Of a loop: another round while it holds. */
  readonly while: Expression | undefined;
  /** Steps that anything inside reads; null: any. */
  readonly reads: ReadonlySet<string> | null;
}

export interface CompiledGraph {
  readonly nodes: readonly CompiledNode[];
  readonly edges: readonly CompiledEdge[];
  readonly byKey: ReadonlyMap<string, CompiledNode>;
  /** Nodes without successors: their outputs are the output of the whole. */
  readonly leaves: readonly CompiledNode[];
  /** Every node after those that lead to it. */
  readonly order: readonly number[];
  readonly maxConcurrentSteps: number;
}

/** Steps of one instance that run at once unless its settings say otherwise. */
export const DEFAULT_CONCURRENT_STEPS = 100;

/** @throws Error when the definition is not valid: validate first */
export function compileGraph(definition: Pick<Definition, 'nodes' | 'edges' | 'settings'>, types: NodeTypes): CompiledGraph {
  const indexOf = new Map(definition.nodes.map((node, index) => [node.key, index]));
  const edges = definition.edges.map((edge, index) => compileEdge(edge, index, indexOf));
  const incoming = groupBy(edges, (edge) => edge.to, definition.nodes.length);
  const outgoing = groupBy(edges, (edge) => edge.from, definition.nodes.length);
  const nodes = definition.nodes.map((node, index) => compileNode(node, index, incoming[index] ?? [], outgoing[index] ?? [], types));
  return {
    nodes,
    edges,
    byKey: new Map(nodes.map((node) => [node.key, node])),
    leaves: nodes.filter((node) => node.outgoing.every((edge) => edge.port === ERROR_PORT)),
    order: topologicalOrder(nodes),
    maxConcurrentSteps: definition.settings?.maxConcurrentSteps ?? DEFAULT_CONCURRENT_STEPS,
  };
}

/** The two parts of an edge's end. */
export function splitEnd(end: string): { key: string; port: string | null } {
  const dot = end.indexOf('.');
  return dot < 0 ? { key: end, port: null } : { key: end.slice(0, dot), port: end.slice(dot + 1) };
}

/** An edge carries a token unless its mode names only other things. */
export function carriesToken(edge: GraphEdge): boolean {
  return edge.mode === undefined || edge.mode.includes('trigger');
}

function compileEdge(edge: GraphEdge, index: number, indexOf: ReadonlyMap<string, number>): CompiledEdge {
  const { key, port } = splitEnd(edge.from);
  const from = indexOf.get(key);
  const to = indexOf.get(splitEnd(edge.to).key);
  if (from === undefined || to === undefined) throw new Error(`edge ${index} (${edge.from} to ${edge.to}) names a node that is not there`);
  return { index, from, port, to, triggers: carriesToken(edge), when: edge.when === undefined ? undefined : compileCondition(edge.when) };
}

function compileNode(node: GraphNode, index: number, incoming: readonly CompiledEdge[], outgoing: readonly CompiledEdge[], types: NodeTypes): CompiledNode {
  const type = types.get(node.type);
  if (type === undefined) throw new Error(`node type ${node.type} is not there`);
  const params = compileTemplate(node.params ?? {}, [], { raw: [...(type.rawParams ?? []), ...(type.bodyParams ?? [])], expressions: type.expressionParams });
  const expressions = expressionsOf(params).map(({ expression }) => expression);
  const triggerCount = incoming.filter((edge) => edge.triggers).length;
  return {
    index,
    key: node.key,
    node,
    type,
    params,
    isDeterministic: expressions.every((expression) => expression.reads.isDeterministic),
    condition: node.condition === undefined ? undefined : compileCondition(node.condition),
    retry: retryPolicy.parse(node.retry ?? {}),
    onError: node.onError ?? (outgoing.some((edge) => edge.port === ERROR_PORT) ? 'branch' : 'fail'),
    incoming,
    outgoing,
    asks: outgoing.some((edge) => edge.when !== undefined),
    triggerCount,
    need: needOf(node, triggerCount),
    ports: portsOf(type, node),
    // Code sees everything.
    reads: type.rawParams?.includes('source') === true ? null : readsOfAll(expressions),
    body: type.runs === 'body' ? compileBody(node, types) : undefined,
    cacheKey: compileKey(node.cache?.key),
    idempotencyKey: compileKey(node.idempotencyKey),
  };
}

/** A key is a text with `{{ }}`, or a bare expression. */
function compileKey(source: string | undefined): Template | undefined {
  if (source === undefined) return undefined;
  return source.includes('{{') ? compileTemplate(source, []) : { kind: 'value', expression: compileExpression(source) };
}

function compileBody(node: GraphNode, types: NodeTypes): CompiledBody {
  const { body, while: condition } = node.params ?? {};
  const graph = compileGraph(body as unknown as GraphBody, types);
  const again = typeof condition === 'string' ? compileCondition(condition) : undefined;
  return { graph, while: again, reads: readsOfBody(graph) };
}

/** Steps that expressions read; null: any. */
function readsOfAll(expressions: readonly (Expression | undefined)[]): ReadonlySet<string> | null {
  const names = new Set<string>();
  for (const expression of expressions) {
    if (expression === undefined) continue;
    if (expression.reads.steps === null) return null;
    for (const key of expression.reads.steps) names.add(key);
  }
  return names;
}

function readsOfBody(graph: CompiledGraph): ReadonlySet<string> | null {
  const names = new Set<string>();
  for (const node of graph.nodes) {
    const conditions = readsOfAll([node.condition, node.body?.while, ...node.outgoing.map((edge) => edge.when)]);
    const inner = node.body === undefined ? NO_READS : node.body.reads;
    if (node.reads === null || conditions === null || inner === null) return null;
    for (const key of [...node.reads, ...conditions, ...inner]) names.add(key);
  }
  return names;
}

const NO_READS: ReadonlySet<string> = new Set();

/** A condition may be written with or without its braces. */
export function compileCondition(source: string): Expression {
  const trimmed = source.trim();
  const inner = trimmed.startsWith('{{') && trimmed.endsWith('}}') ? trimmed.slice(2, -2).trim() : trimmed;
  return compileExpression(inner);
}

/** The fan-in of a node: its policy, else what a merge says in its params. */
function needOf(node: GraphNode, triggerCount: number): 'all' | number {
  const mode = node.runIf ?? mergeMode(node) ?? 'all';
  if (mode === 'all') return 'all';
  return mode === 'any' ? 1 : Math.min(mode, triggerCount);
}

function mergeMode(node: GraphNode): 'all' | 'any' | number | undefined {
  if (node.type !== 'merge') return undefined;
  const { mode, n } = node.params ?? {};
  if (mode === 'n') return typeof n === 'number' && n >= 1 ? n : undefined;
  return mode === 'any' || mode === 'all' ? mode : undefined;
}

/** Output ports of a node, `error` left out. */
export function portsOf(type: NodeType, node: GraphNode): readonly string[] {
  return type.portsOf?.(node.params ?? {}) ?? type.outputs.map((port) => port.name);
}

function groupBy(edges: readonly CompiledEdge[], keyOf: (edge: CompiledEdge) => number, size: number): readonly CompiledEdge[][] {
  const groups: CompiledEdge[][] = Array.from({ length: size }, () => []);
  for (const edge of edges) groups[keyOf(edge)]?.push(edge);
  return groups;
}

function topologicalOrder(nodes: readonly CompiledNode[]): readonly number[] {
  const left = nodes.map((node) => node.incoming.length);
  const order = nodes.filter((node) => node.incoming.length === 0).map((node) => node.index);
  for (let i = 0; i < order.length; i++) {
    for (const edge of nodes[order[i] ?? 0]?.outgoing ?? []) {
      left[edge.to] = (left[edge.to] ?? 0) - 1;
      if (left[edge.to] === 0) order.push(edge.to);
    }
  }
  return order;
}

/** The node and everything that follows it. */
export function descendantsOf(graph: CompiledGraph, index: number): ReadonlySet<number> {
  const found = new Set([index]);
  for (const at of found) for (const edge of graph.nodes[at]?.outgoing ?? []) found.add(edge.to);
  return found;
}
