/** Nodes that can never run: behind what ends the instance, or waiting for more paths than can lead to them. Pure. */
import type { GraphNode, Problem } from '../contract/graph.ts';
import { placeOf, type Level } from './levels.ts';
import type { Order } from './order.ts';

/** @param order undefined: the level has cycles, and only what is certain without an order is told */
export function reachProblems(level: Level, order: Order | undefined): readonly Problem[] {
  const stuck = new Set<number>();
  const problems = level.nodes.flatMap((node, index) => {
    const fault = fanInFault(level, order, node, index);
    if (fault !== undefined) stuck.add(index);
    return fault === undefined ? [] : [fault];
  });
  return order === undefined ? problems : [...problems, ...unreachable(level, order, stuck)];
}

/** A node that waits for more paths than can lead to it would never run. */
function fanInFault(level: Level, order: Order | undefined, node: GraphNode, index: number): Problem | undefined {
  const wanted = wantedPaths(node);
  if (wanted < 2) return undefined;
  const paths = order?.incoming[index]?.filter((way) => way.triggers).length ?? Infinity;
  const most = order?.mostTaken(index) ?? Infinity;
  if (wanted <= most) return undefined;
  const how =
    most < paths ? `${paths} lead to it, of which at most ${most} are taken in one run: they leave by different ports of one node` : `${paths} lead to it`;
  return {
    node: node.key,
    path: `${placeOf(level, 'nodes', index)}.${typeof node.runIf === 'number' ? 'runIf' : 'params.n'}`,
    code: 'unreachable_fan_in',
    message: `"${node.key}" waits for ${wanted} paths, and ${how}; lower the number or add edges`,
  };
}

function wantedPaths(node: GraphNode): number {
  if (typeof node.runIf === 'number') return node.runIf;
  const n = node.type === 'merge' ? node.params?.['n'] : undefined;
  return typeof n === 'number' ? n : 0;
}

/** Types after which nothing comes: the instance has ended. */
const ENDS: ReadonlySet<string> = new Set(['stop', 'fail']);

function unreachable(level: Level, order: Order, stuck: ReadonlySet<number>): readonly Problem[] {
  const reached = reachedNodes(level, order, stuck);
  return level.nodes.flatMap((node, index) => {
    if (reached.has(index) || stuck.has(index)) return [];
    const starting = (order.incoming[index] ?? []).filter((way) => way.triggers);
    // The first of a row is named, not all that follow it.
    const walls = starting.filter((way) => reached.has(way.from) || stuck.has(way.from));
    if (walls.length === 0) return [];
    const [wall = 0] = walls.map((way) => way.from);
    const before = level.nodes[wall];
    const why = stuck.has(wall) ? `"${before?.key}" never does` : `"${before?.key}" (${before?.type}) ends the instance`;
    return [
      {
        node: node.key,
        path: placeOf(level, 'nodes', index),
        code: 'unreachable',
        message: `"${node.key}" can never run: ${why}; lead another edge to it, or remove it`,
      },
    ];
  });
}

function reachedNodes(level: Level, order: Order, stuck: ReadonlySet<number>): ReadonlySet<number> {
  const isStart = (index: number): boolean => (order.incoming[index] ?? []).every((way) => !way.triggers);
  const reached = new Set(level.nodes.flatMap((_node, index) => (isStart(index) && !stuck.has(index) ? [index] : [])));
  const outgoing = Map.groupBy(
    order.ways.filter((way) => way.triggers && passes(level.nodes[way.from])),
    (way) => way.from,
  );
  for (const at of reached) for (const way of outgoing.get(at) ?? []) if (!stuck.has(way.to)) reached.add(way.to);
  return reached;
}

/** Whether anything comes after a node. A disabled or pinned one lets what follows go on. */
function passes(node: GraphNode | undefined): boolean {
  return node !== undefined && (!ENDS.has(node.type) || node.disabled === true || node.mock !== undefined);
}
