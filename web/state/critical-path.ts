/** The chain of steps that decided how long an instance took: shortening any other shortens nothing. Pure. */
import type { GraphEdge } from '../../src/contract/graph.ts';
import type { Step } from '../../src/contract/instances.ts';
import { endOf } from '../graph/edge-end.ts';

/** Keys along the chain, from the first step to the last; the last is what ended last, or what runs longest. Empty: nothing has started. */
export function criticalPath(edges: readonly Pick<GraphEdge, 'from' | 'to'>[], steps: ReadonlyMap<string, Step>): readonly string[] {
  const before = Map.groupBy(edges, (edge) => endOf(edge.to).key);
  const last = latest([...steps.values()].filter((step) => !step.path.includes('[')));
  const chain: string[] = [];
  for (let at = last; at !== undefined && !chain.includes(at.key);) {
    chain.unshift(at.key);
    at = latest((before.get(at.key) ?? []).flatMap((edge) => steps.get(endOf(edge.from).key) ?? []));
  }
  return chain;
}

/** What ended last; of those that have not ended, what began first. Skipped steps took no time. */
function latest(steps: readonly Step[]): Step | undefined {
  const ran = steps.filter((step) => step.startedAt !== null && step.status !== 'skipped');
  const open = ran.filter((step) => step.endedAt === null);
  if (open.length > 0) return open.reduce((a, b) => ((a.startedAt ?? '') <= (b.startedAt ?? '') ? a : b));
  return ran.reduce<Step | undefined>((a, b) => (a === undefined || (a.endedAt ?? '') < (b.endedAt ?? '') ? b : a), undefined);
}
