/** What node types that speak HTTP share: the params of a request, the exchange, and the body of its answer.
 *  Never decides where it may connect: context.http does, on the address. */
import * as z from 'zod';
import { credentialId } from '../contract/credentials.ts';
import type { Json } from '../contract/endpoint.ts';
import { asField, NodeError, type NodeContext } from './kit.ts';
import type { HttpReply } from './kit-ports.ts';

/** Larger answers become a file: a step's output row holds 256 KiB. */
const INLINE_BYTES = 128 * 1024;
const MAX_REPLY_BYTES = 100 * 1024 * 1024;

const auth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bearer'), token: z.string().min(1) }),
  z.strictObject({ type: z.literal('basic'), username: z.string(), password: z.string() }),
  z.strictObject({ type: z.literal('header'), name: z.string().min(1).max(100), value: z.string().min(1) }),
  z.strictObject({ type: z.literal('credential').optional(), credential: credentialId.meta(asField({ control: 'credential', raw: true })) }),
]);

/** The params of a request. */
export const requestParams = {
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET'),
  url: z.string().min(1).max(8_192).describe('http:// or https://; public addresses, and hosts an administrator allowed'),
  headers: z.record(z.string().max(200), z.string().max(16_384)).optional(),
  query: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe('Added to the URL, encoded'),
  body: z.json().optional().describe('A text is sent as it is; anything else as JSON'),
  auth: auth.optional().describe('A credential, sent to its own hosts alone; or values as {{ secrets.NAME }}'),
  timeoutMs: z.int().min(1).max(3_600_000).default(30_000),
};
const shape = z.strictObject(requestParams);
type RequestParams = z.infer<typeof shape>;

/** A URL that is known before the run, or its scheme, where an expression gives only the rest. @param path where it stands in the node */
export function urlProblems(url: Json | undefined, path: string): readonly { readonly path: string; readonly code: string; readonly message: string }[] {
  if (typeof url !== 'string' || url === '') return [];
  const constant = url.split('{{', 1)[0] ?? '';
  const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(constant)?.[1];
  const isWhole = constant.length === url.length;
  const isFit = scheme === undefined ? constant.trim() === '' : /^https?$/i.test(scheme) && (!isWhole || URL.canParse(url));
  const shown = url.length > 200 ? `${url.slice(0, 199)}…` : url;
  return isFit ? [] : [{ path, code: 'bad_url', message: `"${shown}" is no URL that can be asked; write http:// or https:// and a host` }];
}

/** One exchange. Every attempt of a step sends the same Idempotency-Key, unless the params name one.
 *  @throws NodeError egress_refused (final), egress_failed, egress_timeout, reply_too_large (final) */
export async function exchange(values: RequestParams, context: NodeContext): Promise<HttpReply> {
  const url = withQuery(values.url, values.query);
  const { bytes, mediaType } = encodeBody(values.body);
  const headers: Record<string, string> = {
    ...(mediaType === undefined ? {} : { 'content-type': mediaType }),
    ...(values.method === 'GET' || values.method === 'HEAD' ? {} : { 'idempotency-key': context.idempotencyKey }),
    ...Object.fromEntries(Object.entries(values.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
    ...authHeader(values.auth),
  };
  try {
    return await context.http.request({
      method: values.method,
      url,
      headers,
      ...(bytes === undefined ? {} : { body: bytes }),
      timeoutMs: values.timeoutMs,
      maxBytes: MAX_REPLY_BYTES,
      signal: context.signal,
      ...(values.auth !== undefined && 'credential' in values.auth ? { credential: values.auth.credential } : {}),
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(egress_|reply_)/.test(error.code)) {
      throw new NodeError(error.code, error.message, { final: error.code === 'egress_refused' || error.code === 'reply_too_large', cause: error });
    }
    throw error;
  }
}

function withQuery(text: string, query: RequestParams['query']): string {
  if (query === undefined) return text;
  if (!URL.canParse(text)) throw new NodeError('egress_refused', `"${text.slice(0, 200)}" is not a URL; write https://host/path`, { final: true });
  const url = new URL(text);
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, String(value));
  return url.href;
}

function encodeBody(body: Json | undefined): { readonly bytes?: Buffer; readonly mediaType?: string } {
  if (body === undefined) return {};
  return typeof body === 'string'
    ? { bytes: Buffer.from(body), mediaType: 'text/plain; charset=utf-8' }
    : { bytes: Buffer.from(JSON.stringify(body)), mediaType: 'application/json' };
}

function authHeader(value: RequestParams['auth']): Record<string, string> {
  if (value === undefined || 'credential' in value) return {};
  if (value.type === 'bearer') return { authorization: `Bearer ${value.token}` };
  if (value.type === 'basic') return { authorization: `Basic ${Buffer.from(`${value.username}:${value.password}`).toString('base64')}` };
  return { [value.name.toLowerCase()]: value.value };
}

/** JSON parsed, text as it is; what is binary or larger than 128 KiB becomes a file: `{ file: { path, bytes, sha256 } }`.
 *  @param saveTo the file's path: then it becomes one whatever it is */
export async function bodyOf(reply: HttpReply, context: NodeContext, saveTo?: string): Promise<Json> {
  const mediaType = reply.headers['content-type'] ?? '';
  const isText =
    /^(text\/|application\/([\w.+-]*(json|xml|javascript|yaml)|x-www-form-urlencoded))/i.test(mediaType) || (mediaType === '' && isUtf8(reply.body));
  if (saveTo !== undefined || !isText || reply.body.length > INLINE_BYTES) {
    if (reply.body.length === 0 && saveTo === undefined) return '';
    const path = saveTo ?? `http/${context.instanceId}/${context.path.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}`;
    return { file: { ...(await context.files.write(path, reply.body, { signal: context.signal })) } };
  }
  const text = reply.body.toString();
  return /json/i.test(mediaType) ? parseJson(text) : text;
}

/** The beginning of a long answer, for the details of an error. Never ends inside a word: half a token that was sent back could not be recognised and hidden. */
export function headOf(text: string): string {
  return text.length <= 2_000 ? text : `${text.slice(0, 2_000).replace(/[\w+/=.~%-]+$/, '')}…`;
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString()).equals(bytes);
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // A server that calls something JSON which is not: the text is still the answer.
    return text;
  }
}
