/** Puts routes on hono. Per call, in this order: who, may they, from where, what (params, query, body), once only, then the handler.
 *  Rights hang on the matched route, never on a prefix of the path, so that no odd spelling of a path gets around them. */
import type { Context, Hono } from 'hono';
import * as z from 'zod';
import type { Caller } from '../contract/caller.ts';
import type { EndpointSpec } from '../contract/endpoint.ts';
import type { Credentials } from '../identity/credentials.ts';
import { policy, refusalOf, type Rule } from '../identity/policy.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { isConnectionLoss, type Database } from '../store/client.ts';
import { currentCursor } from '../store/outbox.ts';
import { credentialsOf, refuseForeignOrigin } from './auth.ts';
import type { Cors } from './headers.ts';
import { beginOnce, type Attempt, type Once } from './idempotency.ts';
import { decodePart, parseBy, parseJson, parseQuery, readBody } from './parse.ts';
import type { Peer } from './peer.ts';
import type { Call, JsonReply, Route } from './route.ts';
import { createTimeLimits, type TimeLimit, type TimeLimits } from './time-limit.ts';

/** What the app's first middleware knows of every request. */
export interface RequestFacts {
  readonly requestId: string;
  readonly peer: Peer;
}
export type AppEnv = { Variables: { facts: RequestFacts; route: string; caller: Caller } };

export interface MountOptions {
  readonly authenticate: (credentials: Credentials) => Promise<Caller | null>;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cors: Cors;
  readonly once: Once;
  readonly requestTimeoutMs: number;
  readonly isDraining: () => boolean;
  /** It has not answered for a while: asking it again would only wait. */
  readonly isDatabaseAway: () => boolean;
  /** What people are told while they are kept out; undefined: they are not. */
  readonly maintenance: () => string | undefined;
  /** No room on a disk: what would add to it is refused before it is read. */
  readonly isDiskFull: () => boolean;
  /** Parses replies by the contract too: for tests. */
  readonly checkReplies: boolean;
}

interface MountParts extends MountOptions {
  readonly limits: TimeLimits;
}

export function mount(app: Hono<AppEnv>, routes: readonly Route[], options: MountOptions): void {
  const parts: MountParts = { ...options, limits: createTimeLimits(options) };
  for (const route of routes.toSorted(bySpecificity)) {
    const { method, path } = splitKey(route.spec.key);
    const rule = ruleOf(route.spec.key);
    const serve = (context: Context<AppEnv>): Promise<Response> => {
      context.set('route', route.spec.key);
      return serveCall(route, rule, context, parts);
    };
    // hono answers HEAD by the GET route; a HEAD route of its own is one that GET can't reach.
    if (method === 'HEAD') app.get(honoPath(path), (context, next) => (context.req.method === 'HEAD' ? serve(context) : next()));
    else app.on(method, honoPath(path), serve);
  }
}

function ruleOf(key: string): Rule {
  const rule = (policy as Readonly<Record<string, Rule | undefined>>)[key];
  if (rule === undefined) throw new Error(`identity/policy.ts has no rule for ${key}`);
  return rule;
}

export function splitKey(key: string): { readonly method: string; readonly path: string } {
  const space = key.indexOf(' ');
  return { method: key.slice(0, space), path: key.slice(space + 1) };
}

/** `{name}` → `:name`, `{name+}` → the rest of the path. */
function honoPath(path: string): string {
  return path.replace(/\{(\w+)\+\}/g, ':$1{.+}').replace(/\{(\w+)\}/g, ':$1');
}

/** Literal segments before parameters, HEAD before GET: hono takes the first that matches. */
function bySpecificity(a: Route, b: Route): number {
  const rank = (route: Route): string => {
    const { method, path } = splitKey(route.spec.key);
    return `${path.replace(/\{\w+\+\}/g, '~~').replace(/\{\w+\}/g, '~')} ${method === 'HEAD' ? 0 : 1}`;
  };
  const [left, right] = [rank(a), rank(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

async function serveCall(route: Route, rule: Rule, context: Context<AppEnv>, parts: MountParts): Promise<Response> {
  const request = context.req.raw;
  const limit = parts.limits.begin();
  // Health says itself what is away.
  if (route.spec.tag === 'health') limit.outlastDatabase();
  try {
    const asked = await limit.of(admitAndParse(route.spec, { rule, context, limit }, parts));
    // Who asked to be told later is told later: the wait is the caller's own.
    if (isWaiting(asked.query)) limit.outlastDatabase();
    if (route.spec.streams === true) return await answer(route, rule, { ...asked, signal: request.signal }, parts);
    return await limit.of(answer(route, rule, { ...asked, signal: AbortSignal.any([request.signal, limit.signal]) }, parts));
  } finally {
    limit.stop();
  }
}

/** A query that asks for an answer only once something has happened. */
function isWaiting(query: unknown): boolean {
  return typeof query === 'object' && query !== null && 'wait' in query && typeof query.wait === 'number' && query.wait > 0;
}

/** A request that was let in and understood. */
interface Asked {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  /** Of the body; null: a stream that the handler reads. */
  readonly bytes: Buffer | null;
  readonly caller: Caller | null;
  readonly facts: RequestFacts;
  readonly request: Request;
}

async function admitAndParse(
  spec: EndpointSpec,
  { rule, context, limit }: { rule: Rule; context: Context<AppEnv>; limit: TimeLimit },
  parts: MountParts,
): Promise<Asked> {
  // Health says itself what is away.
  if (spec.tag !== 'health' && parts.isDatabaseAway()) fail('database_unavailable', { retryAfterS: 2 });
  const request = context.req.raw;
  const facts = context.get('facts');
  const caller = await admit(rule, context, parts);
  if (caller?.role !== 'super_admin' && !isOpenInMaintenance(spec, rule)) {
    const notice = parts.maintenance();
    if (notice !== undefined) fail('maintenance', { message: notice, retryAfterS: MAINTENANCE_RETRY_S });
  }
  if (!['GET', 'HEAD', 'OPTIONS'].includes(request.method)) {
    refuseForeignOrigin({ request, peer: facts.peer, viaCookie: caller?.via === 'cookie', cors: parts.cors });
    if (parts.isDraining()) fail('draining');
  }
  if (spec.errors?.includes('disk_full') === true && parts.isDiskFull())
    fail('disk_full', 'The disk is nearly full: nothing is added until there is room. Delete files, models or old runs, or enlarge the volume.');
  const url = new URL(request.url);
  const params = spec.params === undefined ? undefined : parseBy(spec.params, pathValues(spec.key, url.pathname), 'path');
  const query = parseBy(spec.query ?? emptyObject, parseQuery(url.search), 'query');
  const bytes = spec.bodyKind === 'bytes' ? null : await limit.whileReading(readBody(request, spec.maxBodyBytes));
  const body = bytes === null ? undefined : parseBody(spec, bytes, request.headers);
  return { params, query, body, bytes, caller, facts, request };
}

async function answer(route: Route, rule: Rule, asked: Asked & { readonly signal: AbortSignal }, parts: MountParts): Promise<Response> {
  const { request, caller, facts, bytes } = asked;
  const attempt = await beginOnce({ once: parts.once, spec: route.spec, caller, request, requestId: facts.requestId, url: new URL(request.url), bytes });
  if (attempt?.replay !== undefined) return attempt.replay;
  const call = callOf({ ...asked, attempt, parts });
  try {
    const cursor = ['GET', 'HEAD'].includes(request.method) && caller !== null ? await cursorHeader(call, rule) : undefined;
    const response = await respond(route.spec, await route.handle(call), parts);
    if (cursor !== undefined && !response.headers.has('studio-cursor')) response.headers.set('studio-cursor', cursor);
    return (await attempt?.end(response)) ?? response;
  } catch (error) {
    throw (await attempt?.fail(error)) ?? error;
  }
}

/** The caller, when the rule lets them in. @throws AppError unauthenticated, forbidden, password_change_required */
async function admit(rule: Rule, context: Context<AppEnv>, parts: MountParts): Promise<Caller | null> {
  if ('access' in rule) return null;
  const credentials = credentialsOf(context.req.raw.headers);
  if (credentials === undefined) {
    if (rule.loopback === true && context.get('facts').peer.isLocal) return null;
    fail('unauthenticated');
  }
  const caller = await parts.authenticate(credentials);
  if (caller !== null) context.set('caller', caller);
  if (caller === null) fail('unauthenticated', 'The access token, API key or cookie is not, or no longer, valid. Log in again.');
  if (caller.mustChangePassword === true && rule.beforePasswordChange !== true) fail('password_change_required');
  const refusal = refusalOf(rule, caller);
  if (refusal !== undefined) fail('forbidden', `${refusal[0]?.toUpperCase()}${refusal.slice(1)}. Ask an administrator.`);
  return caller;
}

const MAINTENANCE_RETRY_S = 60;

/** Probes, the way in, and what a page needs to say why it shows nothing. */
function isOpenInMaintenance(spec: EndpointSpec, rule: Rule): boolean {
  return (
    spec.tag === 'health' ||
    spec.tag === 'auth' ||
    ('access' in rule && spec.tag === 'machine') ||
    ('beforePasswordChange' in rule && rule.beforePasswordChange === true)
  );
}

const emptyObject = z.strictObject({});

function parseBody(spec: EndpointSpec, bytes: Buffer, headers: Headers): unknown {
  if (bytes.length === 0 && spec.body === undefined) return undefined;
  const value = parseJson(bytes, headers);
  return spec.body === undefined ? void parseBy(emptyObject, value, 'body') : parseBy(spec.body, value, 'body');
}

/** Path parameters, decoded from the raw path segment by segment, so that `%2F` stays inside its own. */
function pathValues(key: string, pathname: string): Record<string, string> {
  const template = splitKey(key).path.split('/');
  const given = pathname.split('/');
  const values: [string, string][] = template.flatMap((segment, index) => {
    const name = /^\{(\w+)(\+?)\}$/.exec(segment);
    if (name?.[1] === undefined) return [];
    const raw = name[2] === '+' ? given.slice(index) : given.slice(index, index + 1);
    return [[name[1], raw.map((part) => decodePart(part, 'the path')).join('/')]];
  });
  return Object.fromEntries(values);
}

interface CallParts extends Asked {
  readonly signal: AbortSignal;
  readonly attempt: Attempt | undefined;
  readonly parts: MountParts;
}

function callOf({ params, query, body, caller, facts, request, signal, attempt, parts }: CallParts): Call {
  let cursor: Promise<string> | undefined;
  const known = (): Caller => caller ?? fail('internal', 'a public route asked for its caller');
  return {
    params,
    query,
    body,
    get caller() {
      return known();
    },
    maybeCaller: caller,
    get sql() {
      return parts.database.org(known().orgId);
    },
    requestId: facts.requestId,
    address: facts.peer.address,
    peer: facts.peer,
    request,
    signal,
    header: (name) => request.headers.get(name) ?? undefined,
    cursor: () => (cursor ??= currentCursor(parts.database.engine)),
    newId: (prefix) => attempt?.newId(prefix) ?? newId(prefix, parts.clock),
    isRepeat: attempt?.isRepeat ?? false,
  };
}

/** Health is also answered while the database is away: then without a cursor. */
async function cursorHeader(call: Call, rule: Rule): Promise<string | undefined> {
  try {
    return await call.cursor();
  } catch (error) {
    if ('loopback' in rule && isConnectionLoss(error)) return undefined;
    throw error;
  }
}

async function respond(spec: EndpointSpec, reply: JsonReply<EndpointSpec> | Response, parts: MountParts): Promise<Response> {
  if (reply instanceof Response) return reply;
  const status = reply.status ?? spec.status;
  if (parts.checkReplies) {
    const checked = spec.reply.safeParse(reply.body);
    if (!checked.success) throw new Error(`the reply of ${spec.key} breaks its contract: ${checked.error.message}`);
  }
  if (reply.body === undefined || status === 204) return new Response(null, { status, headers: reply.headers ?? {} });
  return new Response(JSON.stringify(reply.body), { status, headers: { 'content-type': 'application/json; charset=utf-8', ...reply.headers } });
}
