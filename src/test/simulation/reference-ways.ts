/** Ways through a graph, as the reference simulator sees them: which nodes run by what came before, and what plain paths read. Naive on purpose, and
 *  shares no code with the engine. */
import type { Json } from '../../contract/endpoint.ts';
import type { GraphEdge, GraphNode } from '../../contract/graph.ts';

export interface Scope {
  readonly input: Json;
  /** Outputs of steps around. */
  readonly outer: (key: string) => Json;
  readonly item: Json;
  readonly index: number | null;
  readonly previous: Json;
}

/** How a node leaves: `never` when something before it ends the graph. */
export type Leaving = { readonly kind: 'passed'; readonly port: string | null } | { readonly kind: 'failed' | 'skipped' | 'fatal' | 'stopped' | 'never' };

export interface Ended {
  readonly leaving: Leaving;
  /** Undefined: it has none. */
  readonly output: Json | undefined;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Whether a node runs: by its fan-in, once all that it waits for has been decided. */
export function wayIn(graph: Graph, node: GraphNode, end: (key: string) => Ended, valueOfSource: (source: string) => Json): 'run' | 'skip' | 'never' {
  const incoming = graph.edges.filter((edge) => edge.to === node.key);
  const tokens = incoming.filter((edge) => edge.mode === undefined || edge.mode.includes('trigger'));
  const waits = incoming.filter((edge) => !tokens.includes(edge));
  const isOpen = (edge: GraphEdge): boolean => ['never', 'fatal', 'stopped'].includes(end(keyOf(edge)).leaving.kind);
  const fires = (edge: GraphEdge): boolean => {
    const source = graph.nodes.find((one) => one.key === keyOf(edge));
    if (source === undefined || !isPassable(edge, source, end(source.key).leaving)) return false;
    return edge.when === undefined || isTrue(valueOfSource(edge.when));
  };
  // Data that never comes holds back what would run; what no path can reach any more is skipped all the same.
  const run = waits.some(isOpen) ? 'never' : 'run';
  if (tokens.length === 0) return run;
  const fired = tokens.filter((edge) => !isOpen(edge) && fires(edge)).length;
  const open = tokens.filter(isOpen).length;
  const need = node.runIf === undefined || node.runIf === 'all' ? 'all' : node.runIf === 'any' ? 1 : node.runIf;
  if (need === 'all') return open > 0 ? 'never' : fired > 0 ? run : 'skip';
  if (fired >= need) return run;
  return fired + open < need ? 'skip' : 'never';
}

function isPassable(edge: GraphEdge, source: GraphNode, leaving: Leaving): boolean {
  const port = edge.from.includes('.') ? edge.from.slice(edge.from.indexOf('.') + 1) : null;
  if (leaving.kind === 'failed') return port === 'error';
  if (leaving.kind !== 'passed' || port === 'error') return false;
  if (port === null || port === leaving.port) return true;
  return leaving.port === null && portsOf(source).length === 1;
}

function portsOf(node: GraphNode): readonly Json[] {
  const { ports } = node.params ?? {};
  return Array.isArray(ports) ? ports : ['out'];
}

export function isTrue(value: Json): boolean {
  return value === true;
}

/** A plain path: `input.f0`, `steps.a.output.flag`, `item`, `previous.v`. */
export function valueOf(source: string, scope: Scope, look: (key: string) => Json): Json {
  const [head, ...rest] = source.replace(/^\{\{ (.*) \}\}$/, '$1').split('.');
  if (head === 'steps') return dig(look(rest[0] ?? ''), rest.slice(2));
  const values: Record<string, Json> = { input: scope.input, item: scope.item, index: scope.index, previous: scope.previous };
  return dig(values[head ?? ''] ?? null, rest);
}

export function dig(value: Json, names: readonly string[]): Json {
  let at: Json = value;
  for (const name of names) at = typeof at === 'object' && at !== null && !Array.isArray(at) ? (at[name] ?? null) : null;
  return at;
}

/** The node that an edge comes from. */
export function keyOf(edge: GraphEdge): string {
  return edge.from.split('.', 1)[0] ?? '';
}
