/** Which card of the open graph wears a problem: its own node's, or the node's that has it inside. Pure. */
import type { Definition, Problem } from '../../src/contract/graph.ts';
import { scopeOfKey } from './scope.ts';

/** Messages by key of a node of the open graph. */
export function problemsByCard(
  definition: Pick<Definition, 'nodes'>,
  scope: readonly string[],
  problems: readonly Problem[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { node, message } of problems) {
    if (node === undefined) continue;
    const home = scopeOfKey(definition, node);
    if (home === undefined || scope.some((key, depth) => home[depth] !== key)) continue;
    const inner = home[scope.length];
    const card = inner ?? node;
    const words = inner === undefined ? message : `Inside, ${node}: ${message}`;
    const list = found.get(card);
    if (list === undefined) found.set(card, [words]);
    else list.push(words);
  }
  return found;
}
