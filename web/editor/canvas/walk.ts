/** Ways through a graph by keys: along its edges, to what stands above and below, and in reading order. Pure. */
import type { GraphEdge } from '../../../src/contract/graph.ts';
import { endOf } from '../../graph/edge-end.ts';
import { edgeIdOf } from '../scope.ts';
import type { EdgeId, Graph } from '../scope.ts';

export type Way = 'left' | 'right' | 'up' | 'down';

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type Places = ReadonlyMap<string, Place>;

/** The node that a step leads to: right and left along edges, the nearest of several; else, and for up and down, the nearest that way. */
export function walkFrom(graph: Pick<Graph, 'edges'>, places: Places, from: string, way: Way): string | undefined {
  const here = places.get(from);
  if (here === undefined) return undefined;
  const along = way === 'right' ? targetsOf(graph, from) : way === 'left' ? sourcesOf(graph, from) : [];
  const linked = along.flatMap((key) => placed(places, key)).toSorted((a, b) => Math.abs(a.y - here.y) - Math.abs(b.y - here.y));
  return linked[0]?.key ?? nearest(places, from, way);
}

/** The nearest node that lies mostly that way. */
export function nearest(places: Places, from: string, way: Way): string | undefined {
  const here = places.get(from);
  if (here === undefined) return undefined;
  let best: { readonly key: string; readonly cost: number } | undefined;
  for (const [key, place] of places) {
    if (key === from) continue;
    const across = place.x + place.width / 2 - (here.x + here.width / 2);
    const down = place.y + place.height / 2 - (here.y + here.height / 2);
    const ahead = way === 'right' ? across : way === 'left' ? -across : way === 'down' ? down : -down;
    const aside = Math.abs(way === 'right' || way === 'left' ? down : across);
    if (ahead <= 0 || aside > ahead * 3) continue;
    const cost = ahead + aside * 2;
    if (best === undefined || cost < best.cost) best = { key, cost };
  }
  return best?.key;
}

/** Sources before targets; beside that by place, from the left and the top. Nodes of a cycle come last. */
export function readingOrder(graph: Pick<Graph, 'nodes' | 'edges'>, places: Places): readonly string[] {
  const keys = new Set(graph.nodes.map((node) => node.key));
  const open = new Map([...keys].map((key) => [key, 0]));
  const next = new Map<string, string[]>();
  for (const edge of graph.edges) {
    const [from, to] = endsOf(edge);
    if (!keys.has(from) || !keys.has(to)) continue;
    open.set(to, (open.get(to) ?? 0) + 1);
    const list = next.get(from);
    if (list === undefined) next.set(from, [to]);
    else list.push(to);
  }
  const byPlace = (a: string, b: string): number => compare(places.get(a), places.get(b));
  const order: string[] = [];
  let wave = [...keys].filter((key) => open.get(key) === 0).toSorted(byPlace);
  while (wave.length > 0) {
    order.push(...wave);
    const ready: string[] = [];
    for (const to of wave.flatMap((key) => next.get(key) ?? [])) {
      const left = (open.get(to) ?? 1) - 1;
      open.set(to, left);
      if (left === 0) ready.push(to);
    }
    wave = ready.toSorted(byPlace);
  }
  const seen = new Set(order);
  return [...order, ...[...keys].filter((key) => !seen.has(key)).toSorted(byPlace)];
}

/** Edges at a node, those on one side, from the top. */
export function edgesAt(graph: Pick<Graph, 'edges'>, places: Places, key: string, side: 'in' | 'out'): readonly EdgeId[] {
  return graph.edges
    .filter((edge) => endsOf(edge)[side === 'out' ? 0 : 1] === key)
    .toSorted((a, b) => compare(places.get(endsOf(a)[side === 'out' ? 1 : 0]), places.get(endsOf(b)[side === 'out' ? 1 : 0])))
    .map(edgeIdOf);
}

/** Keys of the nodes at both ends. */
export function endsOf(edge: Pick<GraphEdge, 'from' | 'to'>): readonly [from: string, to: string] {
  return [endOf(edge.from).key, endOf(edge.to).key];
}

function targetsOf(graph: Pick<Graph, 'edges'>, key: string): readonly string[] {
  return graph.edges.map(endsOf).flatMap(([from, to]) => (from === key ? [to] : []));
}

function sourcesOf(graph: Pick<Graph, 'edges'>, key: string): readonly string[] {
  return graph.edges.map(endsOf).flatMap(([from, to]) => (to === key ? [from] : []));
}

function placed(places: Places, key: string): readonly { readonly key: string; readonly y: number }[] {
  const place = places.get(key);
  return place === undefined ? [] : [{ key, y: place.y }];
}

function compare(a: Place | undefined, b: Place | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return a.y - b.y || a.x - b.x;
}
