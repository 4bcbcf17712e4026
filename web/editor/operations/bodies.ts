/** Grouping nodes into the body of a map or loop, and taking a body out again. Pure.
 *  One thing to know: what leads into the group leads to its node, what leaves it leaves that node; reads of steps inside from outside can't
 *  be kept (a body may run many times) and are left for validation to tell. */
import type { Json } from '../../../src/contract/endpoint.ts';
import type { GraphEdge, GraphNode } from '../../../src/contract/graph.ts';
import { endOf } from '../../graph/edge-end.ts';
import { NODE_WIDTH } from '../../graph/layout.ts';
import { bodyOf, edgeIdOf, withBody } from '../scope.ts';
import type { Graph } from '../scope.ts';
import { boxAround, boxOf } from './arrange.ts';
import { leadsTo } from './edges.ts';
import { newKey } from './keys.ts';

export interface Grouping {
  readonly keys: ReadonlySet<string>;
  readonly kind: 'map' | 'loop';
  /** Keys of the whole workflow; the new node's is `newKey(taken, kind)`. */
  readonly taken: ReadonlySet<string>;
}

// Of the corner of a body's canvas.
const MARGIN = 40;

/** Why these nodes can not become one, in words; undefined when they can. */
export function whyNotGroup(graph: Graph, keys: ReadonlySet<string>): string | undefined {
  const inside = graph.nodes.filter((node) => keys.has(node.key));
  if (inside.length === 0) return 'Select the steps to put together first.';
  const outside: Graph = { ...graph, edges: graph.edges.filter((edge) => !isInside(edge, keys)) };
  const leaving = graph.edges.filter((edge) => keys.has(endOf(edge.from).key) && !keys.has(endOf(edge.to).key));
  const back = leaving.find((edge) => inside.some((node) => leadsTo(outside, endOf(edge.to).key, node.key)));
  return back === undefined ? undefined : `"${endOf(back.to).key}" comes between: the selection leads to it and it leads back. Select it too.`;
}

/** The same graph where `whyNotGroup` gives a reason. */
export function groupIntoBody(graph: Graph, { keys, kind, taken }: Grouping): Graph {
  if (whyNotGroup(graph, keys) !== undefined) return graph;
  const inside = graph.nodes.filter((node) => keys.has(node.key));
  const box = boxAround(inside.map((node) => boxOf(node, new Map()))) ?? { x: 0, y: 0, width: 0, height: 0 };
  const key = newKey(taken, kind);
  const into = graph.edges.filter((edge) => !keys.has(endOf(edge.from).key) && keys.has(endOf(edge.to).key));
  const body: Graph = {
    nodes: inside.map((node) => moved(node, MARGIN - box.x, MARGIN - box.y)),
    edges: graph.edges.filter((edge) => isInside(edge, keys)),
    comments: [],
  };
  const node = withBody({ key, type: kind, params: firstParams(kind, into), position: { x: box.x, y: box.y } }, body);
  const at = graph.nodes.findIndex((each) => keys.has(each.key));
  const rest = graph.nodes.filter((each) => !keys.has(each.key));
  const before = graph.nodes.slice(0, at).filter((each) => !keys.has(each.key)).length;
  return { ...graph, nodes: rest.toSpliced(before, 0, node), edges: unique(graph.edges.flatMap((edge) => aroundGroup(edge, keys, key))) };
}

/** A map goes over what the one step before it gave; a loop takes ten turns at most. A person says better. */
function firstParams(kind: Grouping['kind'], into: readonly GraphEdge[]): Record<string, Json> {
  if (kind === 'loop') return { maxIterations: 10, onLimit: 'stop' };
  const sources = [...new Set(into.map((edge) => endOf(edge.from).key))];
  return { items: sources.length === 1 ? `{{ steps.${sources[0]}.output }}` : '{{ input.items }}' };
}

function isInside(edge: GraphEdge, keys: ReadonlySet<string>): boolean {
  return keys.has(endOf(edge.from).key) && keys.has(endOf(edge.to).key);
}

function aroundGroup(edge: GraphEdge, keys: ReadonlySet<string>, key: string): readonly GraphEdge[] {
  if (isInside(edge, keys)) return [];
  const from = endOf(edge.from);
  if (keys.has(from.key)) {
    // Which way a step inside went is known inside alone; that it failed is told outside.
    const { when: _when, ...rest } = edge;
    return [{ ...rest, from: from.port === 'error' ? `${key}.error` : key }];
  }
  return keys.has(endOf(edge.to).key) ? [{ ...edge, to: key }] : [edge];
}

/** The first of each pair of ends. */
function unique(edges: readonly GraphEdge[]): readonly GraphEdge[] {
  const seen = new Set<string>();
  return edges.filter((edge) => !seen.has(edgeIdOf(edge)) && seen.add(edgeIdOf(edge)));
}

/** Puts what is in a node in its place: what led to it leads to the first steps of the body, what left it leaves the last. */
export function ungroup(graph: Graph, key: string): Graph {
  const node = graph.nodes.find((each) => each.key === key);
  const body = node === undefined ? undefined : bodyOf(node);
  if (node === undefined || body === undefined || body.nodes.length === 0) return graph;
  const targets = new Set(body.edges.map((edge) => endOf(edge.to).key));
  const sources = new Set(body.edges.map((edge) => endOf(edge.from).key));
  const roots = body.nodes.filter((each) => !targets.has(each.key));
  const leaves = body.nodes.filter((each) => !sources.has(each.key));
  const edges = graph.edges.flatMap((edge): readonly GraphEdge[] => {
    const from = endOf(edge.from);
    if (endOf(edge.to).key === key) return roots.map((root) => ({ ...edge, to: root.key }));
    if (from.key !== key) return [edge];
    return leaves.map((leaf) => ({ ...edge, from: from.port === 'error' ? `${leaf.key}.error` : leaf.key }));
  });
  const box = boxAround(body.nodes.map((each) => boxOf(each, new Map()))) ?? { x: 0, y: 0, width: 0, height: 0 };
  const corner = node.position ?? { x: 0, y: 0 };
  const by = { x: corner.x - box.x, y: corner.y - box.y };
  const wider = Math.max(0, box.width - NODE_WIDTH);
  const isRight = (each: GraphNode): boolean => (each.position?.x ?? 0) >= corner.x + NODE_WIDTH && leadsTo(graph, key, each.key);
  const index = graph.nodes.indexOf(node);
  const rest = graph.nodes.map((each) => (isRight(each) ? moved(each, wider, 0) : each));
  const comments = body.comments.map((comment) => ({ ...comment, position: { x: comment.position.x + by.x, y: comment.position.y + by.y } }));
  const ids = new Set(graph.comments.map(({ id }) => id));
  return {
    nodes: rest.toSpliced(index, 1, ...body.nodes.map((each) => moved(each, by.x, by.y))),
    edges: unique([...edges, ...body.edges]),
    comments: [...graph.comments, ...comments.map((comment) => (ids.has(comment.id) ? { ...comment, id: newKey(ids, `${key}_${comment.id}`) } : comment))],
  };
}

function moved(node: GraphNode, x: number, y: number): GraphNode {
  return node.position === undefined ? node : { ...node, position: { x: node.position.x + x, y: node.position.y + y } };
}
