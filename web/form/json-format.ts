/** JSON laid out for reading: what fits on a line stays on one (an edge, a short node), the rest breaks. Pure.
 *  Invariant: the text parses to the same value. */

const MAX_LINE = 100;

/** @param value anything JSON.stringify takes  @returns text with 2 spaces of indent, without a newline at the end */
export function formatJson(value: unknown): string {
  return layOut(value, 0, 0);
}

function layOut(value: unknown, depth: number, used: number): string {
  const flat = inline(value);
  const isRoot = depth === 0 && typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (typeof value !== 'object' || value === null || (!isRoot && depth * 2 + used + flat.length <= MAX_LINE)) return flat;
  const pad = '  '.repeat(depth + 1);
  const end = '  '.repeat(depth);
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[\n${value.map((item) => pad + layOut(item, depth + 1, 1)).join(',\n')}\n${end}]`;
  const entries = definedEntries(value);
  if (entries.length === 0) return '{}';
  return `{\n${entries.map(([key, item]) => `${pad}${JSON.stringify(key)}: ${layOut(item, depth + 1, key.length + 5)}`).join(',\n')}\n${end}}`;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => inline(item)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = definedEntries(value);
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, item]) => `${JSON.stringify(key)}: ${inline(item)}`).join(', ')} }`;
}

function definedEntries(value: object): readonly (readonly [string, unknown])[] {
  return Object.entries(value).filter(([, item]) => item !== undefined);
}
