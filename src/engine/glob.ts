/** Matches paths against a pattern: `*` anything but /, `**` anything, `?` one character but /, `{a,b}` one of them. Pure, and linear in both:
 *  a pattern is a caller's, and a regular expression made of it could take for ever. */

type Token = { readonly kind: 'char'; readonly char: string } | { readonly kind: 'one' | 'star' | 'any' };

/** Braces multiply; a pattern that becomes more than this is refused. */
const MAX_ALTERNATIVES = 64;

/** What is wrong with a pattern; undefined when it can be used. */
export function globFault(pattern: string): string | undefined {
  const alternatives = expand(pattern);
  if (alternatives === undefined) return 'braces in a pattern are {a,b}, closed, not inside each other';
  return alternatives.length > MAX_ALTERNATIVES ? `the braces of a pattern stand for at most ${MAX_ALTERNATIVES} alternatives` : undefined;
}

export function matchesGlob(pattern: string, path: string): boolean {
  return (expand(pattern) ?? []).slice(0, MAX_ALTERNATIVES).some((one) => matches(tokensOf(one), path));
}

/** Without braces. Undefined: they are not closed, or nested. */
function expand(pattern: string): string[] | undefined {
  const parts = pattern.split(/(\{[^{}]*\})/);
  if (parts.some((part, index) => index % 2 === 0 && /[{}]/.test(part))) return undefined;
  let found = [''];
  for (const [index, part] of parts.entries()) {
    const choices = index % 2 === 0 ? [part] : part.slice(1, -1).split(',');
    found = found.flatMap((head) => choices.map((choice) => head + choice)).slice(0, MAX_ALTERNATIVES + 1);
  }
  return found;
}

function tokensOf(pattern: string): Token[] {
  return [...pattern.matchAll(/\*\*\/?|\*|\?|[^]/gu)].map(([text]): Token => {
    if (text.startsWith('**')) return { kind: 'any' };
    if (text === '*') return { kind: 'star' };
    return text === '?' ? { kind: 'one' } : { kind: 'char', char: text };
  });
}

/** Follows every way through the tokens at once. */
function matches(tokens: readonly Token[], path: string): boolean {
  let states = close(tokens, new Set([0]));
  for (const char of path) {
    const next = new Set<number>();
    for (const state of states) {
      const token = tokens[state];
      if (token === undefined) continue;
      if (token.kind === 'any' || (token.kind === 'star' && char !== '/')) next.add(state);
      else if ((token.kind === 'one' && char !== '/') || (token.kind === 'char' && token.char === char)) next.add(state + 1);
    }
    states = close(tokens, next);
    if (states.size === 0) return false;
  }
  return states.has(tokens.length);
}

/** Stars may stand for nothing. */
function close(tokens: readonly Token[], states: Set<number>): Set<number> {
  for (const state of states) {
    const kind = tokens[state]?.kind;
    if (kind === 'star' || kind === 'any') states.add(state + 1);
  }
  return states;
}
