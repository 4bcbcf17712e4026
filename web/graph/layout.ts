/** Where nodes stand: left to right by dagre, or where the definition put them. Pure and deterministic.
 *  Sizes are those of the node card in graph.css; both change together. */
import { Graph, layout } from '@dagrejs/dagre';
import type { GraphEdge, GraphNode } from '../../src/contract/graph.ts';
import { endOf } from './edge-end.ts';

export const NODE_WIDTH = 216;
export const NODE_HEIGHT = 76;
/** Added for each output port beyond the first, so that their labels have room. */
export const PORT_HEIGHT = 18;

export interface Placed {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** @param portCount how many output ports a node shows
 *  @returns a place for every node; edges to unknown nodes and cycles do not disturb it */
export function placeNodes(nodes: readonly GraphNode[], edges: readonly GraphEdge[], portCount: (node: GraphNode) => number): ReadonlyMap<string, Placed> {
  const sized = new Map(nodes.map((node) => [node.key, { width: NODE_WIDTH, height: NODE_HEIGHT + Math.max(0, portCount(node) - 1) * PORT_HEIGHT }]));
  if (nodes.length > 0 && nodes.every((node) => node.position !== undefined)) {
    return new Map(nodes.map((node) => [node.key, { x: node.position?.x ?? 0, y: node.position?.y ?? 0, width: NODE_WIDTH, height: sized.get(node.key)?.height ?? NODE_HEIGHT }]));
  }
  const links = edges.flatMap((edge): [string, string][] => {
    const from = endOf(edge.from).key;
    const to = endOf(edge.to).key;
    return from !== to && sized.has(from) && sized.has(to) ? [[from, to]] : [];
  });
  return nodes.length > MAX_DAGRE_NODES ? columns(sized, links) : byDagre(sized, links);
}

type Sizes = ReadonlyMap<string, { readonly width: number; readonly height: number }>;

// dagre recurses along the graph: a chain of about 1,500 nodes overflows the stack, and its time grows faster than the graph.
const MAX_DAGRE_NODES = 600;

const GAP_ACROSS = 72;
const GAP_DOWN = 28;

function byDagre(sized: Sizes, links: readonly (readonly [string, string])[]): ReadonlyMap<string, Placed> {
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: 'LR', nodesep: GAP_DOWN, ranksep: GAP_ACROSS, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const [key, size] of sized) graph.setNode(key, { ...size });
  for (const [from, to] of links) graph.setEdge(from, to);
  layout(graph);
  return new Map(
    [...sized].map(([key, size]) => {
      const centre = graph.node(key) as { readonly x?: number; readonly y?: number };
      return [key, { x: Math.round((centre.x ?? 0) - size.width / 2), y: Math.round((centre.y ?? 0) - size.height / 2), ...size }];
    }),
  );
}

/** For large graphs: a column per distance from the start, in linear time. Nodes of a cycle stand in the first column. */
function columns(sized: Sizes, links: readonly (readonly [string, string])[]): ReadonlyMap<string, Placed> {
  const level = new Map([...sized.keys()].map((key) => [key, 0]));
  const open = new Map([...sized.keys()].map((key) => [key, 0]));
  const next = new Map<string, string[]>();
  for (const [from, to] of links) {
    open.set(to, (open.get(to) ?? 0) + 1);
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const ready = [...open].filter(([, count]) => count === 0).map(([key]) => key);
  for (let key = ready.pop(); key !== undefined; key = ready.pop()) {
    for (const to of next.get(key) ?? []) {
      level.set(to, Math.max(level.get(to) ?? 0, (level.get(key) ?? 0) + 1));
      const left = (open.get(to) ?? 1) - 1;
      open.set(to, left);
      if (left === 0) ready.push(to);
    }
  }
  const filled = new Map<number, number>();
  return new Map(
    [...sized].map(([key, size]) => {
      const column = level.get(key) ?? 0;
      const y = filled.get(column) ?? 0;
      filled.set(column, y + size.height + GAP_DOWN);
      return [key, { x: column * (NODE_WIDTH + GAP_ACROSS), y, ...size }];
    }),
  );
}
