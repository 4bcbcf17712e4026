/** The typed client of the API: one function, keyed by endpoint. Cookie session, JSON only. Never holds state of pages.
 *  All URLs are made from the page's base, so that they work under a path prefix. Errors are always ApiError. */
import type * as z from 'zod';
import type { ErrorCode } from '../src/contract/error.ts';
import type { BodyOf, EndpointKey, EndpointOf, ReplyOf } from '../src/contract/index.ts';

/** What a list's call answers for each item. */
export type ItemOf<Key extends EndpointKey> = ReplyOf<Key> extends { items: readonly (infer One)[] } ? One : never;

type QueryValue = string | number | boolean | undefined;
type Parsed<Key extends EndpointKey, Part extends 'params' | 'query'> = z.infer<NonNullable<EndpointOf<Key>[Part]>>;
type Needed<Name extends string, Value> = [Value] extends [undefined] ? unknown : { readonly [N in Name]: Value };
type Loose<Value, Of> = [Value] extends [undefined] ? undefined : { readonly [Name in keyof Value]: Of };

/** What a call takes: `params` of its path, `query`, `body`, and how it is made. */
export type CallInput<Key extends EndpointKey> = Needed<'params', Loose<Parsed<Key, 'params'>, string | number>> &
  ([Parsed<Key, 'query'>] extends [undefined] ? unknown : { readonly query?: Partial<Loose<Parsed<Key, 'query'>, QueryValue>> }) &
  Needed<'body', BodyOf<Key>> &
  CallOptions;

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** ETag that a change expects (`If-Match`). */
  readonly ifMatch?: string;
  /** Default 30 s; long polls ask for more. */
  readonly timeoutMs?: number;
  /** Goes out even when the page is being left. */
  readonly keepalive?: boolean;
}

/** `network`: no answer came; `aborted`: the caller gave up; `bad_reply`: an answer that is not Studio's (a proxy's page). */
export type ClientErrorCode = ErrorCode | 'network' | 'timeout' | 'aborted' | 'bad_reply';

/** A refused or failed call. `requestId` finds it in Studio's log. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ClientErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(facts: {
    status: number;
    code: ClientErrorCode;
    message: string;
    details?: Record<string, unknown>;
    requestId?: string;
    retryAfterMs?: number;
    cause?: unknown;
  }) {
    super(facts.message, { cause: facts.cause });
    this.name = 'ApiError';
    this.status = facts.status;
    this.code = facts.code;
    this.details = facts.details ?? {};
    this.requestId = facts.requestId;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Any thrown thing as an ApiError, so that views have one shape to show. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError({ status: 0, code: 'internal', message: error instanceof Error ? error.message : String(error), cause: error });
}

const DEFAULT_TIMEOUT_MS = 30_000;

let onUnauthenticated: (() => void) | undefined;

/** Names the one listener for "the session is over": called on every 401 but those of logging in. */
export function watchSession(listener: () => void): void {
  onUnauthenticated = listener;
}

/** Where the UI's root lies, with a slash at the end: everything the page asks for is below it. */
export function baseUrl(): URL {
  return new URL('./', document.baseURI);
}

/** The URL of an endpoint's path, its `{params}` filled and encoded (`{path+}` keeps its slashes). */
export function urlOf(
  path: string,
  params: Readonly<Record<string, string | number>> = {},
  query: Readonly<Record<string, QueryValue>> = {},
  base: URL = baseUrl(),
): URL {
  const filled = path.replace(/\{(\w+)(\+?)\}/g, (_whole, name: string, rest: string) => {
    const value = String(params[name] ?? '');
    return rest === '+' ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
  });
  const url = new URL(`.${filled}`, base);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
  return url;
}

/** Makes one call. @throws ApiError, and nothing else */
export async function call<Key extends EndpointKey>(key: Key, input: CallInput<Key>): Promise<ReplyOf<Key>> {
  return (await send(key, input as RawInput)) as ReplyOf<Key>;
}

interface RawInput extends CallOptions {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: unknown;
}

/** Makes one call that is answered with server-sent events. The caller reads them, or gives up by `signal`; no time limits it.
 *  @throws ApiError, and nothing else; what breaks while it is read is for `unanswered` to name */
export async function callStream<Key extends EndpointKey>(key: Key, input: CallInput<Key>): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { signal } = input;
  let response: Response;
  let text: string;
  try {
    response = await request(key, input as RawInput, { accept: 'text/event-stream', signal });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (response.ok && isStream && response.body !== null) return response.body;
    text = await response.text();
  } catch (error) {
    throw unanswered(error, signal);
  }
  readReply(response, text);
  throw new ApiError({
    status: response.status,
    code: 'bad_reply',
    message: 'The answer came whole, not as a stream. A proxy in between may have changed it.',
  });
}

async function send(key: string, input: RawInput): Promise<unknown> {
  const timeout = AbortSignal.timeout(input.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const signal = input.signal === undefined ? timeout : AbortSignal.any([input.signal, timeout]);
  let response: Response;
  let text: string;
  try {
    response = await request(key, input, { accept: 'application/json', signal });
    text = await response.text();
  } catch (error) {
    throw unanswered(error, input.signal);
  }
  return readReply(response, text);
}

/** @throws what fetch throws */
async function request(key: string, input: RawInput, { accept, signal }: { accept: string; signal: AbortSignal | undefined }): Promise<Response> {
  const space = key.indexOf(' ');
  const method = key.slice(0, space);
  const path = key.slice(space + 1);
  const headers: Record<string, string> = { accept, 'x-studio-client': 'web' };
  if (input.body !== undefined) headers['content-type'] = 'application/json';
  if (input.ifMatch !== undefined) headers['if-match'] = input.ifMatch;
  if (method === 'POST' && !takesNoIdempotencyKey(path)) headers['idempotency-key'] = randomKey();
  const init: RequestInit = { method, headers, signal: signal ?? null, credentials: 'same-origin', keepalive: input.keepalive === true };
  if (input.body !== undefined) init.body = JSON.stringify(input.body);
  const response = await fetch(urlOf(path, input.params, input.query), init);
  if (response.status === 401 && !path.startsWith('/api/v1/auth/')) onUnauthenticated?.();
  return response;
}

/** Endpoints that refuse an Idempotency-Key, as their replies hold what must not be kept; and those that change nothing. */
function takesNoIdempotencyKey(path: string): boolean {
  return path.startsWith('/api/v1/auth/') || path === '/api/v1/api-keys' || path === '/api/v1/expressions/preview' || path.startsWith('/v1/');
}

/** 128 random bits. Not randomUUID: that exists on https and localhost alone, and Studio is opened over plain http on a LAN too. */
export function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Why no answer came, or no more of it. `signal`: the caller’s own. */
export function unanswered(error: unknown, signal: AbortSignal | undefined): ApiError {
  if (signal?.aborted === true) return new ApiError({ status: 0, code: 'aborted', message: 'The request was given up.', cause: error });
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new ApiError({ status: 0, code: 'timeout', message: 'Studio did not answer in time. It may be busy; try again.', cause: error });
  }
  return new ApiError({
    status: 0,
    code: 'network',
    message: 'Studio can’t be reached from this browser. It may be restarting, or the network is down.',
    cause: error,
  });
}

/** Parses an answer. @throws ApiError when it is an error, or not JSON */
export function readReply(response: Pick<Response, 'ok' | 'status' | 'headers'>, text: string): unknown {
  if (response.status === 204 || (response.ok && text === '')) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new ApiError({
      status: response.status,
      code: 'bad_reply',
      message: `The answer is not Studio’s (status ${response.status}). A proxy in between may have answered.`,
      cause: error,
    });
  }
  if (response.ok) return body;
  throw errorOf(response, body);
}

function errorOf(response: Pick<Response, 'status' | 'headers'>, body: unknown): ApiError {
  const inner = isRecord(body) && isRecord(body['error']) ? body['error'] : {};
  const requestId = inner['requestId'] ?? response.headers.get('x-request-id');
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ApiError({
    status: response.status,
    code: typeof inner['code'] === 'string' ? (inner['code'] as ErrorCode) : 'bad_reply',
    message: typeof inner['message'] === 'string' ? inner['message'] : `Studio answered with status ${response.status}.`,
    ...(isRecord(inner['details']) ? { details: inner['details'] } : {}),
    ...(typeof requestId === 'string' ? { requestId } : {}),
    ...(Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1_000 } : {}),
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
