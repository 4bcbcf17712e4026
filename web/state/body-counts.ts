/** Maps and loops of a definition, and how their items stand, in words. Pure. */
import type { Json } from '../../src/contract/endpoint.ts';
import type { Definition, GraphNode } from '../../src/contract/graph.ts';
import type { ItemCounts, Step } from '../../src/contract/instances.ts';

/** Keys of nodes that hold a graph, those in bodies included. */
export function containersOf(definition: Pick<Definition, 'nodes'> | undefined): ReadonlySet<string> {
  const found = new Set<string>();
  const look = (nodes: readonly GraphNode[]): void => {
    for (const node of nodes) {
      const body = node.params?.['body'];
      if (!isBody(body)) continue;
      found.add(node.key);
      look(body.nodes);
    }
  };
  look(definition?.nodes ?? []);
  return found;
}

function isBody(value: Json | undefined): value is Json & { readonly nodes: readonly GraphNode[] } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Array.isArray(value['nodes']);
}

// The most telling first.
const order = ['failed', 'timed_out', 'running', 'waiting', 'queued', 'pending', 'cancelled', 'skipped', 'cached', 'completed'] as const;

/** What part of all items stands how, in the order of `countsText`; from 0 to 1. */
export function countShares({ counts, total, count }: ItemCounts): readonly { readonly status: string; readonly from: number; readonly to: number }[] {
  let from = 0;
  const all = Math.max(1, total, count ?? 0);
  return order.flatMap((status) => {
    const toCome = status === 'pending' && total > 0 ? all - Math.max(1, total) : 0;
    const share = ((counts[status] ?? 0) + toCome) / all;
    if (share === 0) return [];
    from += share;
    return [{ status, from: from - share, to: from }];
  });
}

/** Counts in words: `1 failed, 9 completed`, and `of 20` where some are under way or to come. */
export function countsText({ counts, total, count }: ItemCounts): string {
  const all = (count ?? 0).toLocaleString('en');
  if (total === 0) return count === null || count === 0 ? 'no item yet' : `none of ${all} yet`;
  const parts = order.flatMap((status) => {
    const count = counts[status] ?? 0;
    return count === 0 ? [] : [`${count.toLocaleString('en')} ${status.replace('_', ' ')}`];
  });
  return `${parts.join(', ')}${count !== null && count > total ? ` of ${all}` : ''}`;
}

/** How many stand how, in the order of `countsText`. */
export function countedStatuses({ counts }: ItemCounts): readonly (readonly [status: Step['status'], count: number])[] {
  return order.flatMap((status) => {
    const count = counts[status] ?? 0;
    return count === 0 ? [] : [[status, count] as const];
  });
}
