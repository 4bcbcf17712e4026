/** Keys that stand twice in one object of a JSON text: JSON.parse keeps the last in silence, and the first may be what was meant. Pure. */

/** The first such key, and where it stands; undefined when there is none. @param text JSON that has been parsed */
export function duplicateKey(text: string): { readonly key: string; readonly line: number; readonly column: number } | undefined {
  /** Keys of the objects around; null: an array. */
  const around: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{') around.push(new Set());
    else if (character === '[') around.push(null);
    else if (character === '}' || character === ']') around.pop();
    else if (character === '"') {
      const end = endOfText(text, at);
      const keys = around.at(-1);
      if (keys !== null && keys !== undefined && isKey(text, end)) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (keys.has(key)) return { key, ...positionOf(text, at) };
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** After the closing quote. */
function endOfText(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isKey(text: string, from: number): boolean {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return text[at] === ':';
}

function positionOf(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
