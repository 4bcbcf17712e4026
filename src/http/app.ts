/** The HTTP application: what every request passes, then the routes, then the UI. Never holds a handler of its own. */
import { randomBytes } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { Identity } from '../identity/identity.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { runForRequest, type TracePlace } from '../kernel/request-context.ts';
import type { Database } from '../store/client.ts';
import { errorResponse, publicError } from './errors.ts';
import { complete, createCors } from './headers.ts';
import { mount, type AppEnv } from './mount.ts';
import { isAllowedHost, isLoopbackAddress, isLoopbackName, peerOf, type Peer, type ProxyHops, type Wire } from './peer.ts';
import type { Route } from './route.ts';
import type { ServicePages } from './service-pages.ts';
import { isReservedPath, type StaticUi } from './static.ts';

/** How they are called in metrics and logs: their addresses hold tickets. */
const SERVICE_PAGES = '/services/{name}/{path+}';

/** Read anew for each request: it may change while Studio runs. */
export interface HttpConfig {
  /** CORS_ORIGINS; empty: same origin only. */
  readonly corsOrigins: readonly string[];
  /** ALLOWED_HOSTS; empty: any. This machine may always call itself by a loopback name. */
  readonly allowedHosts: readonly string[];
  /** PROXY_FIX_*; null: forwarded headers are ignored. */
  readonly proxy: ProxyHops | null;
  readonly requestTimeoutMs: number;
}

export interface AppParts {
  readonly routes: readonly Route[];
  readonly identity: Pick<Identity, 'authenticate' | 'cipher'>;
  readonly database: Database;
  readonly log: Logger;
  readonly clock: Clock;
  readonly config: HttpConfig;
  /** Without it nothing but the API is answered. */
  readonly ui?: StaticUi | undefined;
  /** Services' own pages, below /services/. */
  readonly servicePages?: Pick<ServicePages, 'owns' | 'answer'> | undefined;
  /** This process among others on the same database: the engine's owner id, from when it has one. */
  readonly holder?: (() => string | undefined) | undefined;
  readonly isDraining?: (() => boolean) | undefined;
  /** The database has not answered for a while: calls are refused at once instead of waiting for it. */
  readonly isDatabaseAway?: (() => boolean) | undefined;
  readonly isDiskFull?: (() => boolean) | undefined;
  /** What people are told while they are kept out. */
  readonly maintenance?: (() => string | undefined) | undefined;
  /** Hears of every answered request, for metrics. `route` is the endpoint's key, or empty. */
  readonly observe?: ((facts: { readonly route: string; readonly method: string; readonly status: number; readonly ms: number }) => void) | undefined;
  /** Begins to tell of a request in a trace: its place there, and who is to hear of its end. Must be quick, and never throw. */
  readonly trace?: ((request: { readonly requestId: string; readonly traceparent: string | null }) => RequestTrace) | undefined;
  /** Checks replies against the contract: for tests. */
  readonly checkReplies?: boolean | undefined;
}

interface RequestTrace {
  readonly place: TracePlace;
  end(answered: {
    readonly route: string;
    readonly method: string;
    readonly status: number;
    readonly orgId: string | undefined;
    readonly userId: string | undefined;
    readonly keyId: string | undefined;
  }): void;
}

export interface HttpApp {
  fetch(request: Request, wire?: unknown): Promise<Response>;
  /** The answer to what the listener could not even read as a request. */
  badRequest(): Response;
  /** For the socket's upgrade: whether a page of this origin may use the cookie here. */
  isTrustedOrigin(origin: string, host: string): boolean;
}

export function createApp(parts: AppParts): HttpApp {
  const { log, clock, config } = parts;
  const ownName = `http_${randomBytes(12).toString('hex')}`;
  const cors = createCors(config);
  const app = new Hono<AppEnv>({ strict: true });
  app.use('*', async (context, next) => {
    const { req } = context;
    const startedMs = clock.monotonic();
    const facts = { requestId: requestIdOf(req.raw.headers, clock), peer: peerOf(req.raw.headers, req.url, context.env as Wire | undefined, config.proxy) };
    context.set('facts', facts);
    const trace = parts.trace?.({ requestId: facts.requestId, traceparent: req.raw.headers.get('traceparent') });
    await runForRequest({ requestId: facts.requestId, trace: trace?.place }, next);
    context.res = complete(context.res, { requestId: facts.requestId, origin: req.raw.headers.get('origin'), cors });
    const answered = { route: context.get('route') ?? '', method: req.method, status: context.res.status, ms: clock.monotonic() - startedMs };
    parts.observe?.(answered);
    const caller = trace === undefined ? undefined : context.get('caller');
    trace?.end({ ...answered, orgId: caller?.orgId, userId: caller?.userId, keyId: caller?.keyId ?? undefined });
    const traced = trace === undefined ? {} : { trace_id: trace.place.traceId, span_id: trace.place.spanId };
    log.debug({ requestId: facts.requestId, ...traced, ...answered }, 'request answered');
  });
  app.use('*', async (context, next) => {
    const { method, raw } = context.req;
    refuseForeignHost(context.get('facts').peer, config.allowedHosts);
    const bindings = context.env as Partial<HttpBindings> | undefined;
    if (parts.servicePages?.owns(context.req.path) === true && bindings?.incoming !== undefined && bindings.outgoing !== undefined) {
      context.set('route', SERVICE_PAGES);
      const { requestId, peer } = context.get('facts');
      return parts.servicePages.answer({ incoming: bindings.incoming, outgoing: bindings.outgoing, peer, requestId });
    }
    const origin = raw.headers.get('origin');
    if (method === 'OPTIONS' && origin !== null && raw.headers.has('access-control-request-method')) return cors.preflight(origin);
    return next();
  });
  mount(app, parts.routes, {
    ...parts,
    authenticate: parts.identity.authenticate,
    cors,
    once: {
      sql: parts.database.engine,
      clock,
      log,
      cipher: parts.identity.cipher,
      holder: () => parts.holder?.() ?? ownName,
      get requestTimeoutMs() {
        return config.requestTimeoutMs;
      },
      active: new Set(),
    },
    get requestTimeoutMs() {
      return config.requestTimeoutMs;
    },
    isDraining: parts.isDraining ?? (() => false),
    isDatabaseAway: parts.isDatabaseAway ?? (() => false),
    isDiskFull: parts.isDiskFull ?? (() => false),
    maintenance: parts.maintenance ?? (() => undefined),
    checkReplies: parts.checkReplies ?? false,
  });
  app.notFound(async (context) => {
    const { method, path, raw } = context.req;
    const isPage = (method === 'GET' || method === 'HEAD') && !isReservedPath(path);
    const message = `There is nothing at ${method} ${path.slice(0, 200)}. The reference is at /api/docs.`;
    return (isPage ? await parts.ui?.serve(raw) : undefined) ?? errorResponse(new AppError('not_found', { message }), context.get('facts').requestId, path);
  });
  app.onError((error, context) => {
    const { requestId } = context.get('facts');
    return errorResponse(publicError(error, { log, requestId, route: context.get('route') ?? context.req.path }), requestId, context.req.path);
  });
  return {
    fetch: async (request, wire) => app.fetch(request, wire as object),
    badRequest() {
      const requestId = newId('req', clock);
      const error = new AppError('invalid_query', { message: 'This is not a well-formed HTTP request: look at its path and its Host header.' });
      return complete(errorResponse(error, requestId), { requestId, origin: null, cors });
    },
    isTrustedOrigin: cors.isTrusted,
  };
}

/** Against DNS rebinding: a page of another name that was pointed at our address. This machine may always use a loopback name. */
function refuseForeignHost(peer: Peer, allowed: readonly string[]): void {
  if (isAllowedHost(peer.host, allowed) || (isLoopbackName(peer.host) && isLoopbackAddress(peer.address))) return;
  fail('misdirected_host', `This Studio does not answer to the host "${peer.host.slice(0, 200)}"; add it to ALLOWED_HOSTS, or use an allowed one.`);
}

/** A caller's own id when it is a sane one (for tracing through proxies), else a new one. */
function requestIdOf(headers: Headers, clock: Clock): string {
  const given = headers.get('x-request-id');
  return given !== null && /^[A-Za-z0-9._-]{8,128}$/.test(given) ? given : newId('req', clock);
}
