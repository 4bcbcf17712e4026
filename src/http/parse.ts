/** From bytes to trusted values: bodies, queries and path parameters, each refused with the thing, the value, the limit and the next step. */
import type * as z from 'zod';
import { fail } from '../kernel/fail.ts';
import { issueText } from '../kernel/issue-text.ts';

export const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** Deeper than any graph or input needs; below what recursive readers bear. */
export const MAX_JSON_DEPTH = 100;
/** Problems named in one refusal. */
const MAX_PROBLEMS = 20;

/** The whole body, counted while it streams. Empty: no bytes. */
export async function readBody(request: Request, maxBytes: number = MAX_BODY_BYTES): Promise<Buffer> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > maxBytes) refuseLarge(announced, maxBytes);
  if (request.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  try {
    for (;;) {
      // Serial by nature: one chunk after the other.
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > maxBytes) refuseLarge(size, maxBytes);
      chunks.push(value);
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'AppError') throw error;
    fail('invalid_body', { message: `the body ended after ${size} bytes, before it was complete; send it again`, cause: error });
  } finally {
    reader.cancel().catch(() => undefined);
  }
  return Buffer.concat(chunks, size);
}

/** Parses a JSON body. An empty one counts as `{}`.
 *  @throws AppError invalid_body: another content type or encoding, not UTF-8, not JSON, too deep, a forbidden key or character */
export function parseJson(bytes: Buffer, headers: Headers): unknown {
  if (bytes.length === 0) return {};
  const media = mediaTypeOf(headers, 'application/json');
  if (!/^application\/([a-z0-9.+-]+\+)?json$/.test(media))
    fail('invalid_body', `the content type is "${media.slice(0, 100)}"; this call takes Content-Type: application/json`);
  const value = parseText(decodeText(bytes));
  checkValue(value);
  return value;
}

/** The media type of a body sent as it is, as UTF-8. @throws AppError invalid_body */
export function mediaTypeOf(headers: Headers, expected: string): string {
  const type = headers.get('content-type');
  if (type === null) return fail('invalid_body', `the content type is missing; this call takes Content-Type: ${expected}`);
  const [media = '', ...parameters] = type.split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters
    .find((part) => part.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '');
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8')
    fail('invalid_body', `the charset is "${charset.slice(0, 40)}"; this call takes utf-8`);
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') fail('invalid_body', `the content encoding is "${encoding.slice(0, 40)}"; send the body uncompressed`);
  return media;
}

/** @throws AppError invalid_body when the bytes are not UTF-8 */
export function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (error) {
    return fail('invalid_body', { message: 'the body is not UTF-8 text', cause: error });
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail('invalid_body', { message: `the body is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`, cause: error });
  }
}

/** Whether a value can be kept. Walks it without recursion: depth, prototype keys, and characters that PostgreSQL can't store. */
export function checkValue(root: unknown): void {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_JSON_DEPTH) fail('invalid_body', `the body is nested deeper than ${MAX_JSON_DEPTH} levels; flatten it, or send it as a file`);
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value === 'string') checkText(value);
      else if (Array.isArray(value)) for (const item of value) next.push(item);
      else if (typeof value === 'object' && value !== null) {
        for (const [key, item] of Object.entries(value)) {
          if (key === '__proto__') fail('invalid_body', 'the body has a key "__proto__"; rename it');
          checkText(key);
          next.push(item);
        }
      }
    }
    level = next;
  }
}

function checkText(text: string): void {
  const fault = textFault(text);
  if (fault !== undefined) fail('invalid_body', `the body has a string with ${fault}: ${JSON.stringify(text.slice(0, 60))}; send such bytes as a file`);
}

/** What makes text unfit to be stored; undefined when it is fit. */
function textFault(text: string): string | undefined {
  if (text.includes('\u0000')) return 'a NUL character (U+0000)';
  return text.isWellFormed() ? undefined : 'half of a surrogate pair';
}

/** The query as an object of single values. A name without `=` is `true`. */
export function parseQuery(search: string): Record<string, string> {
  const values = new Map<string, string>();
  for (const part of search.replace(/^\?/, '').split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = decodeForm(at < 0 ? part : part.slice(0, at));
    if (values.has(name)) fail('invalid_query', `the query names "${name.slice(0, 60)}" twice; give it once`);
    if (name === '__proto__') fail('invalid_query', 'the query has a name "__proto__"; remove it');
    values.set(name, at < 0 ? 'true' : decodeForm(part.slice(at + 1)));
  }
  return Object.fromEntries(values);
}

function decodeForm(text: string): string {
  return decodePart(text.replaceAll('+', ' '), 'the query');
}

/** Strict percent-decoding. @throws AppError invalid_query */
export function decodePart(text: string, where: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch (error) {
    return fail('invalid_query', { message: `${where} holds "${text.slice(0, 60)}", which is not percent-encoded UTF-8`, cause: error });
  }
  const fault = textFault(decoded);
  if (fault !== undefined) fail('invalid_query', `${where} holds ${fault}; remove it`);
  return decoded;
}

/** Parses by schema. @throws AppError with one problem per fault, the first in the message */
export function parseBy(schema: z.ZodType, value: unknown, where: 'body' | 'query' | 'path'): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.slice(0, MAX_PROBLEMS).map((issue) => ({ path: pathOf(issue.path), message: issueText(issue, value) }));
  const first = problems[0];
  const rest = result.error.issues.length - 1;
  return fail(where === 'body' ? 'invalid_body' : 'invalid_query', {
    message: `${where === 'path' ? 'path parameter' : where}${first?.path ? ` "${first.path}"` : ''}: ${first?.message ?? 'refused'}${rest > 0 ? ` (and ${rest} more)` : ''}`,
    details: { in: where, problems },
  });
}

/** `nodes[3].params.url` */
export function pathOf(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`)).join('');
}

function refuseLarge(size: number, maxBytes: number): never {
  fail('too_large', { message: `the body has ${size} bytes or more; the limit is ${maxBytes}. Send less, or upload it as a file`, details: { maxBytes } });
}
