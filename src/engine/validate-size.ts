/** How much a definition may hold, and how much it would certainly run. Pure. Source: CONTRACTS (Limits). */
import type { Json } from '../contract/endpoint.ts';
import { MAX_NODES, type Problem } from '../contract/graph.ts';
import { placeOf, type Level } from './levels.ts';

const MAX_EDGES = 10 * MAX_NODES;
const MAX_MAP_ITEMS = 100_000;
const MAX_INSTANCE_STEPS = 1_000_000;

/** Nothing else is worth judging while one of these stands: the cost of judging grows with the square. */
export function sizeProblems(levels: readonly Level[]): readonly Problem[] {
  const nodes = levels.reduce((sum, level) => sum + level.nodes.length, 0);
  const edges = levels.reduce((sum, level) => sum + level.edges.length, 0);
  const all = levels.length > 1 ? ', those in bodies included' : '';
  if (nodes === 0) return [{ path: 'nodes', code: 'no_nodes', message: 'a workflow needs at least one node' }];
  if (nodes > MAX_NODES)
    return [
      {
        path: 'nodes',
        code: 'too_many_nodes',
        message: `the workflow has ${nodes} nodes${all}, the limit is ${MAX_NODES}; move a part into a workflow of its own and call it`,
      },
    ];
  if (edges > MAX_EDGES)
    return [{ path: 'edges', code: 'too_many_edges', message: `the workflow has ${edges} edges${all}, the limit is ${MAX_EDGES}; join paths with a merge` }];
  return [];
}

/** Bodies over constant items: their steps can be counted before anything runs. */
export function stepProblems(levels: readonly Level[]): readonly Problem[] {
  const problems: Problem[] = [];
  const steps = new Map(levels.map((level) => [level, level.nodes.length]));
  // Inner levels before those around them.
  for (const level of levels.toReversed()) {
    const { owner } = level;
    const own = steps.get(level) ?? 0;
    if (owner === undefined) continue;
    const items = owner.node.params?.['items'];
    const count = Array.isArray(items) ? items.length : 1;
    const isKnown = items !== undefined && !isExpression(items);
    const path = `${placeOf(owner.level, 'nodes', owner.index)}.params.items`;
    const { key } = owner.node;
    if (isKnown && !Array.isArray(items))
      problems.push({
        node: key,
        path,
        code: 'not_an_array',
        message: `the items of "${key}" are ${kindOf(items)}; give an array, or one expression that does`,
      });
    else if (count > MAX_MAP_ITEMS)
      problems.push({
        node: key,
        path,
        code: 'too_many_items',
        message: `"${key}" has ${count} items, the limit is ${MAX_MAP_ITEMS}; split them over several instances`,
      });
    else if (count * own > MAX_INSTANCE_STEPS)
      problems.push({
        node: key,
        path,
        code: 'too_many_steps',
        message: `"${key}" would run ${count} items × ${own} steps = ${count * own} steps, the limit of an instance is ${MAX_INSTANCE_STEPS}; give it fewer items, or call a workflow for each part`,
      });
    // What is already refused does not count again further out.
    else steps.set(owner.level, (steps.get(owner.level) ?? 0) + count * own);
  }
  return problems;
}

/** One expression, whose value keeps its type; a longer text with one in it stays a text. */
function isExpression(value: Json): boolean {
  return typeof value === 'string' && /^\s*\{\{.*\}\}\s*$/s.test(value);
}

function kindOf(value: Json): string {
  return value === null ? 'null' : typeof value === 'string' ? 'a text' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
