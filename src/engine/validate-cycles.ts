/** Cycles within one level. Pure. */
import type { Problem } from '../contract/graph.ts';
import { splitEnd } from './graph.ts';
import { placeOf, type Level } from './levels.ts';

/** One problem per knot of nodes that lead back to each other (Tarjan's strongly connected components). */
export function cycleProblems(level: Level): readonly Problem[] {
  const indexOf = new Map(level.nodes.map((node, index) => [node.key, index]));
  const next: number[][] = level.nodes.map(() => []);
  const loops = new Set<number>();
  for (const edge of level.edges) {
    const from = indexOf.get(splitEnd(edge.from).key);
    const to = indexOf.get(splitEnd(edge.to).key);
    if (from === undefined || to === undefined) continue;
    if (from === to) loops.add(from);
    next[from]?.push(to);
  }
  const knots = stronglyConnected(next).filter((knot) => knot.length > 1 || loops.has(knot[0] ?? -1));
  return knots.map((knot) => {
    const keys = knot.toSorted((a, b) => a - b).map((index) => level.nodes[index]?.key ?? '');
    const [first = ''] = keys;
    const named = keys.slice(0, 10).join(', ') + (keys.length > 10 ? `, … (${keys.length} nodes)` : '');
    return {
      node: first,
      path: placeOf(level, 'nodes', indexOf.get(first) ?? 0),
      code: 'cycle',
      message: `these nodes lead back to themselves: ${named}; remove one edge between them`,
    };
  });
}

/** Without recursion: 2,000 nodes in a row would be 2,000 calls deep. */
function stronglyConnected(next: readonly (readonly number[])[]): readonly number[][] {
  const order = new Map<number, number>();
  const low: number[] = [];
  const onStack = new Set<number>();
  const stack: number[] = [];
  const found: number[][] = [];
  const enter = (node: number): { node: number; child: number } => {
    low[node] = order.size;
    order.set(node, order.size);
    stack.push(node);
    onStack.add(node);
    return { node, child: 0 };
  };
  for (let root = 0; root < next.length; root++) {
    if (order.has(root)) continue;
    const work = [enter(root)];
    for (let top = work.at(-1); top !== undefined; top = work.at(-1)) {
      const target = next[top.node]?.[top.child++];
      if (target !== undefined) {
        if (!order.has(target)) work.push(enter(target));
        else if (onStack.has(target)) low[top.node] = Math.min(low[top.node] ?? 0, order.get(target) ?? 0);
        continue;
      }
      work.pop();
      const parent = work.at(-1);
      if (parent !== undefined) low[parent.node] = Math.min(low[parent.node] ?? 0, low[top.node] ?? 0);
      if (low[top.node] !== order.get(top.node)) continue;
      const knot = stack.splice(stack.lastIndexOf(top.node));
      for (const node of knot) onStack.delete(node);
      found.push(knot);
    }
  }
  return found;
}
