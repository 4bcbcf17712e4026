/** How bytes of a media type are shown. Pure. Nothing that could run is ever shown as itself: SVG only inside <img>, HTML as text. */

export type PreviewKind = 'image' | 'json' | 'csv' | 'text' | 'none';

const IMAGES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/svg+xml', 'image/bmp', 'image/x-icon']);
const TEXTS = /\.(txt|log|md|csv|tsv|json|jsonl|ya?ml|toml|xml|html?|css|js|ts|py|sh|sql|ini|conf|srt|vtt)$/i;

// A picture beyond this is a download: decoding it may take the tab down.
const MAX_IMAGE_BYTES = 32 * 1024 * 1024;

export function previewKind(mediaType: string, name: string, bytes: number): PreviewKind {
  const type = mediaType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (IMAGES.has(type)) return bytes <= MAX_IMAGE_BYTES ? 'image' : 'none';
  if (type === 'text/csv' || /\.csv$/i.test(name)) return 'csv';
  if (type === 'application/json' || /\.json$/i.test(name)) return 'json';
  return type.startsWith('text/') || TEXTS.test(name) ? 'text' : 'none';
}

/** Rows of a CSV: quotes, doubled quotes and line breaks inside them; at most `maxRows`. */
export function parseCsv(text: string, maxRows: number): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < text.length && rows.length < maxRows; at += 1) {
    const char = text[at] ?? '';
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (char === '"' && cell === '') quoted = true;
    else if (char === ',') {
      row.push(cell);
      cell = '';
    } else if (char === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')]);
      row = [];
      cell = '';
    } else cell += char;
  }
  if (rows.length < maxRows && (cell !== '' || row.length > 0)) rows.push([...row, cell.replace(/\r$/, '')]);
  return rows;
}
