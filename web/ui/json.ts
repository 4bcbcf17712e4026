/** JSON as rows of a tree: flattened by what is open, paths as expressions write them. Pure. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface JsonRow {
  /** `$`, `$.a.b[3]`: unique, and what "copy path" gives without the `$.`. */
  readonly path: string;
  readonly depth: number;
  /** Undefined at the root. */
  readonly key: string | undefined;
  readonly kind: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null' | 'more';
  /** A leaf as JSON writes it; a branch as `{3}` or `[3]`; of `more` how many are left. */
  readonly text: string;
  readonly open: boolean;
}

// One branch shows as many children until asked for more: a map of 100,000 items must not freeze the page.
const PAGE = 100;

/** The rows to show. `toggled` holds the paths whose state differs from the default: branches are open down to `openDepth`.
 *  `more` says how many pages of a branch's children are wanted (default one). */
export function jsonRows(
  value: JsonValue,
  view: { readonly toggled: ReadonlySet<string>; readonly openDepth: number; readonly more?: ReadonlyMap<string, number> },
): readonly JsonRow[] {
  const rows: JsonRow[] = [];
  const visit = (node: JsonValue, path: string, key: string | undefined, depth: number): void => {
    const children = childrenOf(node);
    if (children === undefined) {
      rows.push({ path, depth, key, kind: kindOf(node), text: JSON.stringify(node), open: false });
      return;
    }
    const isArray = Array.isArray(node);
    const open = children.length > 0 && depth < view.openDepth !== view.toggled.has(path);
    rows.push({ path, depth, key, kind: isArray ? 'array' : 'object', text: isArray ? `[${children.length}]` : `{${children.length}}`, open });
    if (!open) return;
    const shown = PAGE * (view.more?.get(path) ?? 1);
    for (const [name, child] of children.slice(0, shown)) visit(child, isArray ? `${path}[${name}]` : `${path}${member(name)}`, name, depth + 1);
    if (children.length > shown) rows.push({ path, depth: depth + 1, key: undefined, kind: 'more', text: String(children.length - shown), open: false });
  };
  visit(value, '$', undefined, 0);
  return rows;
}

function childrenOf(node: JsonValue): readonly (readonly [string, JsonValue])[] | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  return Array.isArray(node) ? node.map((child, index) => [String(index), child as JsonValue] as const) : Object.entries(node);
}

function kindOf(node: JsonValue): 'string' | 'number' | 'boolean' | 'null' {
  if (node === null) return 'null';
  return typeof node === 'string' ? 'string' : typeof node === 'number' ? 'number' : 'boolean';
}

/** `.name`, or with backquotes where the name is no plain word, as JSONata wants it. */
function member(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? `.${name}` : `.\`${name}\``;
}

/** The path of a row as an expression continues with it: without `$`, with `prefix` in front. */
export function expressionPath(path: string, prefix: string): string {
  const rest = path.slice(1);
  return prefix === '' ? rest.replace(/^\./, '') : `${prefix}${rest}`;
}
