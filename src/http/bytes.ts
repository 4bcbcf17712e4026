/** Stored bytes as a response: ranges, validators, and headers that keep what people stored from acting in Studio's name.
 *  One thing to know: `sandbox` gives the bytes an origin of their own, so that HTML or SVG opened from here can't reach the API. */
import { Readable } from 'node:stream';
import { parseRange } from '../files/range.ts';

export interface StoredBytes {
  /** For the file name a browser saves it under: the last segment of a path. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly mediaType: string;
  open(range?: { readonly start: number; readonly end: number }): Promise<Readable>;
}

/** Shown in the page that asks for them; everything else is saved. */
const INLINE = /^(image\/(png|jpeg|gif|webp|avif|svg\+xml)|audio\/|video\/|text\/plain|application\/(json|pdf))/;

export async function bytesResponse(stored: StoredBytes, request: Request): Promise<Response> {
  const headers = headersOf(stored);
  if (request.headers.get('if-none-match')?.includes(headers['etag'] ?? '') === true) return new Response(null, { status: 304, headers });
  const ifRange = request.headers.get('if-range');
  const range = ifRange === null || ifRange === headers['etag'] ? parseRange(request.headers.get('range') ?? undefined, stored.bytes) : undefined;
  if (range === 'unsatisfiable') return new Response(null, { status: 416, headers: { ...headers, 'content-range': `bytes */${stored.bytes}` } });
  const length = range === undefined ? stored.bytes : range.end - range.start + 1;
  const partial = range === undefined ? {} : { 'content-range': `bytes ${range.start}-${range.end}/${stored.bytes}` };
  const all = { ...headers, ...partial, 'content-length': String(length) };
  const status = range === undefined ? 200 : 206;
  if (request.method === 'HEAD' || stored.bytes === 0) return new Response(null, { status, headers: all });
  return new Response(Readable.toWeb(await stored.open(range)) as ReadableStream<Uint8Array>, { status, headers: all });
}

function headersOf(stored: StoredBytes): Record<string, string> {
  const disposition = INLINE.test(stored.mediaType) ? 'inline' : 'attachment';
  // RFC 8187: the plain name for old clients, the encoded one for all others.
  const plain = stored.name.replaceAll(/[^A-Za-z0-9._ -]/g, '_');
  return {
    'content-type': /^text\/|json$/.test(stored.mediaType) ? `${stored.mediaType.split(';')[0]}; charset=utf-8` : stored.mediaType,
    'content-disposition': `${disposition}; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(stored.name).replaceAll(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`)}`,
    'content-security-policy': "sandbox; default-src 'none'; img-src data:; media-src data:",
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
    etag: `"${stored.sha256}"`,
  };
}
