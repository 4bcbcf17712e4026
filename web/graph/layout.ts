/** Where nodes stand: by dagre, along the direction that fits its pane better, or where the definition put them. Pure and deterministic.
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

/** `right`: from left to right. `down`: from top to bottom, for panes that are narrow. */
export type Direction = 'right' | 'down';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly direction: Direction;
  readonly places: ReadonlyMap<string, Placed>;
  /** Where long edges go to pass the nodes between: by `from>to`, the points after the start and before the end. */
  readonly routes: ReadonlyMap<string, readonly Point[]>;
}

export interface LayoutInput {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Names of the output ports that a node shows, first to last. */
  readonly portsOf: (node: GraphNode) => readonly string[];
  /** Of the pane, px. */
  readonly pane: { readonly width: number; readonly height: number };
}

/** @returns a place for every node; edges to unknown nodes and cycles do not disturb it */
export function layOutGraph(input: LayoutInput): Layout {
  const { nodes, pane } = input;
  const right = sizesOf(input, 'right');
  if (nodes.length > 0 && nodes.every((node) => node.position !== undefined)) {
    return {
      direction: 'right',
      places: new Map(nodes.map((node) => [node.key, { x: node.position?.x ?? 0, y: node.position?.y ?? 0, ...(right.get(node.key) ?? BARE) }])),
      routes: new Map(),
    };
  }
  const links = linksOf(input, right);
  if (nodes.length > MAX_DAGRE_NODES) return { direction: 'right', places: columns(right, links), routes: new Map() };
  const order = orderOfPorts(input, links);
  const across = byDagre(right, links, order, 'right');
  const down = byDagre(sizesOf(input, 'down'), links, order, 'down');
  // Reading from left to right is the habit: the other way must be clearly larger.
  return zoomToFit(down.places, pane) > 1.15 * zoomToFit(across.places, pane) ? down : across;
}

const BARE = { width: NODE_WIDTH, height: NODE_HEIGHT };

function sizesOf(input: LayoutInput, direction: Direction): Sizes {
  const more = (count: number): number => (count < 2 ? 0 : direction === 'down' ? PORT_HEIGHT : (count - 1) * PORT_HEIGHT);
  return new Map(input.nodes.map((node) => [node.key, { width: NODE_WIDTH, height: NODE_HEIGHT + more(input.portsOf(node).length) }]));
}

function linksOf(input: LayoutInput, sized: Sizes): readonly (readonly [string, string])[] {
  return input.edges.flatMap((edge): [string, string][] => {
    const from = endOf(edge.from).key;
    const to = endOf(edge.to).key;
    return from !== to && sized.has(from) && sized.has(to) ? [[from, to]] : [];
  });
}

/** How large a layout shows in a pane: 1 is full size, and never more. */
export function zoomToFit(places: ReadonlyMap<string, Placed>, pane: { readonly width: number; readonly height: number }): number {
  let right = 1;
  let bottom = 1;
  for (const place of places.values()) {
    right = Math.max(right, place.x + place.width);
    bottom = Math.max(bottom, place.y + place.height);
  }
  return Math.min(1, pane.width / right, pane.height / bottom);
}

type Sizes = ReadonlyMap<string, { readonly width: number; readonly height: number }>;

// dagre takes 0.4 s for both directions of 300 nodes and its time grows faster than the graph; it also recurses along it (a chain of 1,500 overflows).
const MAX_DAGRE_NODES = 250;

const GAP_ACROSS = 72;
const GAP_DOWN = 28;
const GAP_ALONG = 44;

/** Which of two nodes stands first: what follows a node stands in the order of its ports, so that its edges do not cross. Of nodes that more than
 *  one leads to nothing is said, and nothing that contradicts what was said before: dagre loses nodes over a circle. */
function orderOfPorts(input: LayoutInput, links: readonly (readonly [string, string])[]): readonly Before[] {
  const leading = new Map<string, number>();
  for (const [, to] of links) leading.set(to, (leading.get(to) ?? 0) + 1);
  const after = new Map<string, string[]>();
  const isBefore = (left: string, right: string, seen = new Set<string>()): boolean =>
    left === right || (after.get(left) ?? []).some((next) => !seen.has(next) && isBefore(next, right, seen.add(next)));
  return input.nodes.flatMap((node) => {
    const ports = input.portsOf(node);
    if (ports.length < 2) return [];
    const followers = input.edges
      .filter((edge) => endOf(edge.from).key === node.key && leading.get(endOf(edge.to).key) === 1)
      .map((edge) => ({ key: endOf(edge.to).key, port: ports.indexOf(endOf(edge.from).port ?? '') }))
      .toSorted((a, b) => a.port - b.port);
    return followers.slice(1).flatMap(({ key: right }, index): Before[] => {
      const left = followers[index]?.key ?? right;
      if (isBefore(right, left)) return [];
      after.set(left, [...(after.get(left) ?? []), right]);
      return [{ left, right }];
    });
  });
}

interface Before {
  readonly left: string;
  readonly right: string;
}

function byDagre(sized: Sizes, links: readonly (readonly [string, string])[], order: readonly Before[], direction: Direction): Layout {
  const graph = new Graph({ multigraph: false });
  graph.setGraph({
    rankdir: direction === 'right' ? 'LR' : 'TB',
    nodesep: GAP_DOWN,
    ranksep: direction === 'right' ? GAP_ACROSS : GAP_ALONG,
    marginx: 0,
    marginy: 0,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const [key, size] of sized) graph.setNode(key, { ...size });
  for (const [from, to] of links) graph.setEdge(from, to);
  layout(graph, { constraints: [...order] });
  const places = new Map(
    [...sized].map(([key, size]) => {
      const centre = graph.node(key) as Partial<Point>;
      return [key, { x: Math.round((centre.x ?? 0) - size.width / 2), y: Math.round((centre.y ?? 0) - size.height / 2), ...size }];
    }),
  );
  const routes = new Map(
    links.flatMap(([from, to]): [string, readonly Point[]][] => {
      const { points } = graph.edge(from, to) as { readonly points?: readonly Point[] };
      // Between neighbours dagre gives a start, a middle and an end: nothing lies between them.
      return points === undefined || points.length < 4 ? [] : [[`${from}>${to}`, points.slice(1, -1)]];
    }),
  );
  return { direction, places, routes };
}

/** An SVG path from a start to an end through points, each piece leaving and entering along the direction. */
export function routedPath(start: Point, points: readonly Point[], end: Point, direction: Direction): string {
  let from = start;
  let path = `M${start.x},${start.y}`;
  for (const to of [...points, end]) {
    const middle = direction === 'down' ? (from.y + to.y) / 2 : (from.x + to.x) / 2;
    path += direction === 'down' ? `C${from.x},${middle} ${to.x},${middle} ${to.x},${to.y}` : `C${middle},${from.y} ${middle},${to.y} ${to.x},${to.y}`;
    from = to;
  }
  return path;
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
