/** http.request: one HTTP exchange. Never decides where it may connect: context.http does, on the address. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { filePath } from '../../contract/files.ts';
import { defineNode, inPort, NodeError, outPort, type HttpReply, type NodeContext } from '../kit.ts';

/** Larger answers become a file: a step's output row holds 256 KiB. */
const INLINE_BYTES = 128 * 1024;
const MAX_REPLY_BYTES = 100 * 1024 * 1024;

const auth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bearer'), token: z.string().min(1) }),
  z.strictObject({ type: z.literal('basic'), username: z.string(), password: z.string() }),
  z.strictObject({ type: z.literal('header'), name: z.string().min(1).max(100), value: z.string().min(1) }),
]);

const params = z.strictObject({
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET'),
  url: z.string().min(1).max(8_192).describe('http:// or https://; public addresses, and hosts an administrator allowed'),
  headers: z.record(z.string().max(200), z.string().max(16_384)).optional(),
  query: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe('Added to the URL, encoded'),
  body: z.json().optional().describe('A text is sent as it is; anything else as JSON'),
  auth: auth.optional().describe('Use {{ secrets.NAME }} for its values'),
  timeoutMs: z.int().min(1).max(3_600_000).default(30_000),
  expectStatus: z.array(z.int().min(100).max(599)).optional().describe('Default: 200 to 299'),
  saveTo: filePath.optional().describe('Keep the body as this file, whatever its size'),
});
type Params = z.infer<typeof params>;

export const httpRequest = defineNode({
  type: 'http.request',
  version: 1,
  title: 'HTTP request',
  summary: 'Asks a web server, and hands on what it answers.',
  category: 'network',
  inputs: inPort,
  outputs: outPort,
  params,
  example: { method: 'GET', url: 'https://example.com/api/items', query: { page: 1 }, auth: { type: 'bearer', token: '{{ secrets.API_TOKEN }}' } },
  docs: `Output: \`{ status, headers, body }\`; JSON is parsed. A body that is binary or larger than 128 KiB becomes a file: \`body\` is then \`{ file: { path, bytes, sha256 } }\`.

Every attempt sends the same \`Idempotency-Key\` header unless you set one, so that a server that heeds it acts once.

Connects to public addresses only, decided on the address it connects to and again at each redirect; a super administrator can allow a host under Settings. Credentials are dropped when a redirect leaves the host.

Errors: \`http_status\` (not an expected one; 4xx but 408, 425 and 429 is final), \`egress_refused\` (final), \`egress_failed\`, \`egress_timeout\`, \`reply_too_large\` (final; the limit is 100 MiB).`,
  check: (node) => urlProblems(node.params?.['url']),
  runs: 'inline',
  pure: false,
  async run(values, context) {
    const reply = await exchange(values, context);
    requireExpected(values, reply);
    return { kind: 'output', output: { status: reply.status, headers: reply.headers, body: await bodyOf(values, reply, context) } };
  },
});

/** A URL that is known before the run, or its scheme, where an expression gives only the rest. */
function urlProblems(url: Json | undefined): readonly { readonly path: string; readonly code: string; readonly message: string }[] {
  if (typeof url !== 'string' || url === '') return [];
  const constant = url.split('{{', 1)[0] ?? '';
  const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(constant)?.[1];
  const isWhole = constant.length === url.length;
  const isFit = scheme === undefined ? constant.trim() === '' : /^https?$/i.test(scheme) && (!isWhole || URL.canParse(url));
  const shown = url.length > 200 ? `${url.slice(0, 199)}…` : url;
  return isFit ? [] : [{ path: 'params.url', code: 'bad_url', message: `"${shown}" is no URL that can be asked; write http:// or https:// and a host` }];
}

async function exchange(values: Params, context: NodeContext): Promise<HttpReply> {
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
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(egress_|reply_)/.test(error.code)) {
      throw new NodeError(error.code, error.message, { final: error.code === 'egress_refused' || error.code === 'reply_too_large', cause: error });
    }
    throw error;
  }
}

function withQuery(text: string, query: Params['query']): string {
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

function authHeader(value: Params['auth']): Record<string, string> {
  if (value === undefined) return {};
  if (value.type === 'bearer') return { authorization: `Bearer ${value.token}` };
  if (value.type === 'basic') return { authorization: `Basic ${Buffer.from(`${value.username}:${value.password}`).toString('base64')}` };
  return { [value.name.toLowerCase()]: value.value };
}

/** Tells a retry what is worth trying again: 408, 425, 429 and 5xx are; other 4xx will answer the same. */
function requireExpected(values: Params, reply: HttpReply): void {
  const isExpected = values.expectStatus === undefined ? reply.status >= 200 && reply.status < 300 : values.expectStatus.includes(reply.status);
  if (isExpected) return;
  const isFinal = reply.status < 500 && ![408, 425, 429].includes(reply.status);
  throw new NodeError('http_status', `${new URL(values.url).host} answered ${reply.status}, expected ${values.expectStatus?.join(', ') ?? '200 to 299'}`, {
    final: isFinal,
    details: { status: reply.status, body: reply.body.subarray(0, 2_000).toString() },
  });
}

async function bodyOf(values: Params, reply: HttpReply, context: NodeContext): Promise<Json> {
  const mediaType = reply.headers['content-type'] ?? '';
  const isText =
    /^(text\/|application\/([\w.+-]*(json|xml|javascript|yaml)|x-www-form-urlencoded))/i.test(mediaType) || (mediaType === '' && isUtf8(reply.body));
  if (values.saveTo !== undefined || !isText || reply.body.length > INLINE_BYTES) {
    if (reply.body.length === 0 && values.saveTo === undefined) return '';
    const path = values.saveTo ?? `http/${context.instanceId}/${context.path.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}`;
    return { file: await context.files.write(path, reply.body, { signal: context.signal }) };
  }
  const text = reply.body.toString();
  return /json/i.test(mediaType) ? parseJson(text) : text;
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
