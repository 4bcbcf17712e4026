/** What an inspector shows of a value: paths that match a text, the table in it, the files it names. Pure. */
import { quoted } from '../../form/expression-data.ts';

export interface FoundPath {
  /** As an expression goes on: `.rows[0].price`; '' at the root. */
  readonly path: string;
  readonly value: unknown;
}

// Looking further costs more than it helps; the count says so.
const MAX_FOUND = 200;
const MAX_VISITED = 200_000;

/** Leaves and branches whose name or value holds the text, whatever its case. */
export function findPaths(value: unknown, text: string): { readonly found: readonly FoundPath[]; readonly isCut: boolean } {
  const wanted = text.toLowerCase();
  const found: FoundPath[] = [];
  let visited = 0;
  const visit = (node: unknown, path: string, name: string): void => {
    visited += 1;
    if (found.length >= MAX_FOUND || visited > MAX_VISITED) return;
    const isBranch = typeof node === 'object' && node !== null;
    if (name.toLowerCase().includes(wanted) || (!isBranch && String(node).toLowerCase().includes(wanted))) found.push({ path, value: node });
    if (Array.isArray(node)) for (let index = 0; index < node.length; index += 1) visit(node[index], `${path}[${index}]`, '');
    else if (isBranch) for (const [key, child] of Object.entries(node)) visit(child, `${path}.${quoted(key)}`, key);
  };
  visit(value, '', '');
  return { found, isCut: found.length >= MAX_FOUND || visited > MAX_VISITED };
}

export interface DataTable {
  /** Where its list lies: '' or `.items`. */
  readonly path: string;
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly total: number;
}

const MAX_COLUMNS = 24;
const MAX_ROWS = 200;
const SAMPLED_ROWS = 50;

/** A list of objects as a table: the value itself, or the first such list in it. */
export function tableOf(value: unknown): DataTable | undefined {
  const own = tableOfList(value, '');
  if (own !== undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return own;
  for (const [name, member] of Object.entries(value)) {
    const inner = tableOfList(member, `.${quoted(name)}`);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function tableOfList(value: unknown, path: string): DataTable | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const isRow = (item: unknown): item is Readonly<Record<string, unknown>> => typeof item === 'object' && item !== null && !Array.isArray(item);
  const sample = value.slice(0, SAMPLED_ROWS);
  if (!sample.every(isRow)) return undefined;
  const columns = [...new Set(sample.flatMap((row) => Object.keys(row)))].slice(0, MAX_COLUMNS);
  return { path, columns, rows: value.slice(0, MAX_ROWS).filter(isRow), total: value.length };
}

/** A file or artifact that a value names. */
export type NamedFile =
  | { readonly kind: 'file'; readonly path: string; readonly name: string; readonly bytes: number }
  | { readonly kind: 'artifact'; readonly id: string; readonly name: string; readonly bytes: number };

const MAX_FILES = 50;

/** Files by `{ path, bytes }`, artifacts by `{ id: "art_…", name, bytes }`, wherever they stand. */
export function filesIn(value: unknown): readonly NamedFile[] {
  const found = new Map<string, NamedFile>();
  let visited = 0;
  const visit = (node: unknown): void => {
    visited += 1;
    if (typeof node !== 'object' || node === null || found.size >= MAX_FILES || visited > MAX_VISITED) return;
    const { id, path, name, bytes } = node as { readonly id?: unknown; readonly path?: unknown; readonly name?: unknown; readonly bytes?: unknown };
    if (typeof bytes === 'number' && typeof id === 'string' && id.startsWith('art_'))
      found.set(id, { kind: 'artifact', id, name: typeof name === 'string' ? name : id, bytes });
    else if (typeof bytes === 'number' && typeof path === 'string' && path !== '')
      found.set(path, { kind: 'file', path, name: path.split('/').at(-1) ?? path, bytes });
    for (const child of Object.values(node)) visit(child);
  };
  visit(value);
  return [...found.values()];
}

export type MediaKind = 'image' | 'audio' | 'video' | 'pdf' | 'none';

/** By the end of a name; the browser is told the type by the server, never by this. */
export function mediaOf(name: string): MediaKind {
  const end = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  if (['png', 'jpg', 'jpeg', 'gif', 'webp', 'avif', 'bmp', 'svg'].includes(end)) return 'image';
  if (['mp3', 'wav', 'ogg', 'flac', 'm4a', 'opus', 'aac'].includes(end)) return 'audio';
  if (['mp4', 'webm', 'mov'].includes(end)) return 'video';
  return end === 'pdf' ? 'pdf' : 'none';
}
