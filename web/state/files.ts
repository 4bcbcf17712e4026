/** Files of the org as folders: a path is only a name, so folders are what names have in common. */
import { call } from '../api.ts';
import type { File as StoredFile } from '../../src/contract/files.ts';

export interface FolderRow {
  readonly kind: 'folder';
  readonly name: string;
  /** With a slash at the end. */
  readonly prefix: string;
  readonly count: number;
  readonly bytes: number;
}

export interface FileRow {
  readonly kind: 'file';
  readonly name: string;
  readonly file: StoredFile;
}

export interface FolderView {
  readonly files: readonly StoredFile[];
  /** More lie below than were read. */
  readonly isPartial: boolean;
  readonly cursor: string;
}

// Ten full pages: more names than one looks through; the filter narrows by prefix at the server.
const MAX_PAGES = 10;

/** Everything below a prefix, newest first, up to 2,000. */
export async function loadFolder(prefix: string, signal: AbortSignal): Promise<FolderView> {
  const files: StoredFile[] = [];
  let after: string | undefined;
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    // Serial: each page begins where the one before ended.
    const page = await call('GET /api/v1/files', { query: { prefix, limit: 200, after }, signal });
    files.push(...page.items);
    cursor ??= page.cursor;
    if (page.next === null) return { files, isPartial: false, cursor };
    after = page.next;
  }
  return { files, isPartial: true, cursor: cursor ?? '' };
}

/** The rows of one folder: its folders by name, then its files by name. */
export function folderRows(files: readonly StoredFile[], prefix: string, search: string): readonly (FolderRow | FileRow)[] {
  const folders = new Map<string, FolderRow>();
  const rows: FileRow[] = [];
  const needle = search.toLowerCase();
  for (const file of files) {
    if (!file.path.startsWith(prefix)) continue;
    const rest = file.path.slice(prefix.length);
    if (needle !== '') {
      // A search looks through all folders below.
      if (rest.toLowerCase().includes(needle)) rows.push({ kind: 'file', name: rest, file });
      continue;
    }
    const slash = rest.indexOf('/');
    if (slash < 0) rows.push({ kind: 'file', name: rest, file });
    else addToFolder(folders, prefix, rest.slice(0, slash), file);
  }
  const byName = (a: { readonly name: string }, b: { readonly name: string }): number => a.name.localeCompare(b.name, undefined, { numeric: true });
  return [...[...folders.values()].toSorted(byName), ...rows.toSorted(byName)];
}

function addToFolder(folders: Map<string, FolderRow>, prefix: string, name: string, file: StoredFile): void {
  const old = folders.get(name);
  folders.set(name, { kind: 'folder', name, prefix: `${prefix}${name}/`, count: (old?.count ?? 0) + 1, bytes: (old?.bytes ?? 0) + file.bytes });
}

export type PreviewKind = 'image' | 'video' | 'audio' | 'json' | 'text' | 'none';

// Enough for any text one reads in a page; the rest is for the download.
export const PREVIEW_BYTES = 256 * 1024;
// A tree of a larger document is slower than it is useful.
const JSON_BYTES = 2 * 1024 * 1024;

const TEXT_TYPES = /^(text\/|application\/(x-)?(yaml|toml|sh|javascript|typescript|xml|sql|x-ndjson|ndjson|jsonl)\b|application\/[\w.+-]+\+xml)/;
const TEXT_NAMES =
  /\.(txt|md|log|csv|tsv|ya?ml|toml|ini|cfg|conf|env|sh|bash|py|js|mjs|ts|tsx|jsx|css|html?|xml|sql|jsonl|ndjson|rs|go|c|h|cpp|java|rb|lua|dockerfile)$/i;

/** How a file can be shown. Only images, sound and film are handed to the browser; text is read as text, whatever it holds. */
export function previewKind(file: { readonly path: string; readonly mediaType: string; readonly bytes: number }): PreviewKind {
  const type = file.mediaType.toLowerCase();
  if (/^image\/(png|jpeg|gif|webp|avif|svg\+xml|bmp|x-icon)/.test(type)) return 'image';
  if (/^video\/(mp4|webm|ogg)/.test(type)) return 'video';
  if (type.startsWith('audio/')) return 'audio';
  if ((/^application\/([\w.+-]+\+)?json/.test(type) || /\.json$/i.test(file.path)) && file.bytes <= JSON_BYTES) return 'json';
  return TEXT_TYPES.test(type) || TEXT_NAMES.test(file.path) || /json/.test(type) ? 'text' : 'none';
}
