/** Which card of the open graph wears a problem, its own node's or the node's that has it inside, and in which words it and a field do. Pure. */
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
    const words = inner === undefined ? wordsInPlace(message) : `Inside, ${node}: ${wordsInPlace(message)}`;
    const list = found.get(card);
    if (list === undefined) found.set(card, [words]);
    else list.push(words);
  }
  return found;
}

/** A problem's words where its node is in sight: without the node, and in short where something is missing.
 *  @param at what stands before them: nothing beside the field itself */
export function wordsInPlace(message: string, at: 'card' | 'field' = 'card'): string {
  const [, param, words] = /^params\.?(\S*) of "[^"]*" \([^)]*\): (.*)$/s.exec(message) ?? [];
  const own = (words ?? message).replace(/^expected (.*); got nothing$/s, 'needs $1').replace(/^needs JSON$/, 'needs a value');
  if (at === 'field') return `${own.slice(0, 1).toUpperCase()}${own.slice(1)}`;
  return param === undefined || param === '' ? own : `${param}: ${own}`;
}
