/** What differs between two JSON values, place by place. Pure. */

export interface JsonChange {
  /** As an expression names it: `rows[3].name`; empty: the value itself. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before: unknown;
  readonly after: unknown;
}

/** Most changes told apart: more nobody reads, and the values themselves are a click away. */
const MOST_CHANGES = 500;

export function jsonDiff(before: unknown, after: unknown): readonly JsonChange[] {
  const found: JsonChange[] = [];
  compare(found, '', before, after);
  return found;
}

function compare(found: JsonChange[], path: string, before: unknown, after: unknown): void {
  if (found.length >= MOST_CHANGES || before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let at = 0; at < Math.max(before.length, after.length) && found.length < MOST_CHANGES; at += 1)
      compareKey(found, `${path}[${at}]`, { before, after, key: at });
    return;
  }
  if (isRecord(before) && isRecord(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) compareKey(found, keyPath(path, key), { before, after, key });
    return;
  }
  found.push({ path, kind: 'changed', before, after });
}

interface Pair {
  readonly before: object;
  readonly after: object;
  readonly key: string | number;
}

function compareKey(found: JsonChange[], path: string, { before, after, key }: Pair): void {
  const was: unknown = Reflect.get(before, key);
  const is: unknown = Reflect.get(after, key);
  if (found.length >= MOST_CHANGES) return;
  if (!Object.hasOwn(before, key)) found.push({ path, kind: 'added', before: undefined, after: is });
  else if (!Object.hasOwn(after, key)) found.push({ path, kind: 'removed', before: was, after: undefined });
  else compare(found, path, was, is);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keyPath(path: string, key: string): string {
  if (!/^[A-Za-z_]\w*$/.test(key)) return `${path}["${key}"]`;
  return path === '' ? key : `${path}.${key}`;
}
