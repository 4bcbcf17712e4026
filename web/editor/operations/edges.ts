/** Edges: why two ends can not be joined, joining them, changing and splitting an edge. Pure; each returns the same graph when nothing changes. */
import type { GraphEdge } from '../../../src/contract/graph.ts';
import type { NodeTypeView, Port } from '../../../src/contract/node-types.ts';
import { endOf } from '../../graph/edge-end.ts';
import { outputPorts } from '../../graph/model.ts';
import { edgeIdOf } from '../scope.ts';
import type { EdgeId, Graph } from '../scope.ts';

export type NodeTypes = ReadonlyMap<string, NodeTypeView>;

/** Ends as edges name them: `key` or `key.port`. */
export interface Connection {
  readonly from: string;
  readonly to: string;
  readonly mode?: GraphEdge['mode'] | undefined;
  readonly when?: string | undefined;
}

/** Joins two ends; the same graph where `whyNotConnect` gives a reason. An only output port is not written. */
export function connect(graph: Graph, connection: Connection, types: NodeTypes): Graph {
  if (whyNotConnect(graph, connection, types) !== undefined) return graph;
  return { ...graph, edges: [...graph.edges, edgeOf(graph, connection, types)] };
}

/** In words, for a person who drags an edge; undefined when the ends may be joined. */
export function whyNotConnect(graph: Graph, connection: Connection, types: NodeTypes): string | undefined {
  const from = endOf(connection.from);
  const to = endOf(connection.to);
  const source = graph.nodes.find((node) => node.key === from.key);
  const target = graph.nodes.find((node) => node.key === to.key);
  if (source === undefined || target === undefined) return `There is no step "${source === undefined ? from.key : to.key}" here; edges stay within one graph.`;
  if (source === target) return 'A step can not lead to itself; repeat steps in a loop.';
  const targetType = types.get(target.type);
  if (targetType !== undefined && targetType.inputs.length === 0) return `"${target.key}" takes no input.`;
  const kinds = kindFault(graph, connection, types);
  if (kinds !== undefined) return kinds;
  const edge = edgeOf(graph, connection, types);
  if (graph.edges.some((each) => each.from === edge.from && each.to === edge.to)) return 'These two are joined already.';
  if (leadsTo(graph, to.key, from.key)) return `"${to.key}" leads to "${from.key}" already: the steps would wait for each other. Repeat steps in a loop.`;
  return undefined;
}

function edgeOf(graph: Graph, { from, to, mode, when }: Connection, types: NodeTypes): GraphEdge {
  const source = endOf(from);
  const target = endOf(to);
  const ports = portsFrom(graph, source.key, types);
  const inputs = types.get(graph.nodes.find((node) => node.key === target.key)?.type ?? '')?.inputs ?? [];
  const isOnly = ports.filter((port) => port.name !== 'error').length < 2 && source.port !== 'error';
  return {
    from: source.port === undefined || isOnly ? source.key : from,
    to: target.port === undefined || inputs.length < 2 ? target.key : to,
    ...(mode === undefined ? {} : { mode }),
    ...(when === undefined ? {} : { when }),
  };
}

function portsFrom(graph: Graph, key: string, types: NodeTypes): ReturnType<typeof outputPorts> {
  const node = graph.nodes.find((each) => each.key === key);
  return node === undefined ? [] : outputPorts(node, types.get(node.type), []);
}

function kindFault(graph: Graph, { from, to }: Connection, types: NodeTypes): string | undefined {
  const source = endOf(from);
  const target = endOf(to);
  const ports = portsFrom(graph, source.key, types);
  const out = (source.port === undefined ? ports[0] : ports.find((port) => port.name === source.port))?.kind ?? 'any';
  const inputs = types.get(graph.nodes.find((node) => node.key === target.key)?.type ?? '')?.inputs ?? [];
  const into = (target.port === undefined ? inputs[0] : inputs.find((port) => port.name === target.port))?.kind ?? 'any';
  return fits(out, into) ? undefined : `"${source.key}" gives ${withArticle(out)}, "${target.key}" takes ${withArticle(into)}.`;
}

const IN_JSON: readonly string[] = ['json', 'text', 'number'];
const FILES: readonly string[] = ['image', 'video', 'audio', 'model', 'tensor', 'file'];

/** Whether what one port gives may go into another. */
export function fits(out: string, into: Port['kind']): boolean {
  if (out === into || out === 'any' || into === 'any') return true;
  // What a JSON value holds is known when it runs.
  if (IN_JSON.includes(out) && IN_JSON.includes(into)) return out === 'json' || into === 'json';
  return into === 'file' && FILES.includes(out);
}

function withArticle(kind: string): string {
  return kind === 'json' || kind === 'text' ? kind : `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

/** Whether edges of any mode lead from one node to another. */
export function leadsTo(graph: Pick<Graph, 'edges'>, from: string, to: string): boolean {
  const next = new Map<string, string[]>();
  for (const edge of graph.edges) {
    const key = endOf(edge.from).key;
    next.set(key, [...(next.get(key) ?? []), endOf(edge.to).key]);
  }
  const open = [from];
  const seen = new Set(open);
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (key === to) return true;
    open.push(...(next.get(key) ?? []).filter((each) => !seen.has(each)));
    for (const each of open) seen.add(each);
  }
  return false;
}

/** Changes an edge: its mode, its condition, or its ends. Undefined takes a field away; ends that are joined already change nothing. */
export function setEdge(graph: Graph, id: EdgeId, patch: { readonly [Name in keyof GraphEdge]?: GraphEdge[Name] | undefined }): Graph {
  const old = graph.edges.find((edge) => edgeIdOf(edge) === id);
  if (old === undefined) return graph;
  const merged = Object.entries({ ...old, ...patch }).filter(([, value]) => value !== undefined);
  const edge = Object.fromEntries(merged) as GraphEdge;
  const newId = edgeIdOf(edge);
  if (newId !== id && graph.edges.some((each) => edgeIdOf(each) === newId)) return graph;
  return { ...graph, edges: graph.edges.map((each) => (each === old ? edge : each)) };
}

/** Puts a node that is there on an edge: `a > b` becomes `a > key > b`. Port and condition stay at the source. */
export function insertOnEdge(graph: Graph, id: EdgeId, key: string, types: NodeTypes): Graph {
  const old = graph.edges.find((edge) => edgeIdOf(edge) === id);
  const ends = old === undefined ? [] : [endOf(old.from).key, endOf(old.to).key];
  if (old === undefined || ends.includes(key) || !graph.nodes.some((node) => node.key === key)) return graph;
  const without = { ...graph, edges: graph.edges.filter((edge) => edge !== old) };
  const first = { ...old, to: key };
  const before: Graph = without.edges.some((edge) => edgeIdOf(edge) === edgeIdOf(first)) ? without : { ...without, edges: [...without.edges, first] };
  return connect(before, { from: firstOut(before, key, types), to: old.to, ...(old.mode === undefined ? {} : { mode: old.mode }) }, types);
}

/** The end that leaves a node by its first port. */
export function firstOut(graph: Graph, key: string, types: NodeTypes): string {
  const [first, second] = portsFrom(graph, key, types).filter((port) => port.name !== 'error');
  return first === undefined || second === undefined ? key : `${key}.${first.name}`;
}
