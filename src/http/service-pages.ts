/** The door to services' own pages: `/services/<name>/…`. Who, may they, is it up; then service-proxy.ts carries the request.
 *
 *  A page of a service must not be able to act as who looks at it. It shares Studio's host, and a path is no wall between scripts of one origin, nor are Referer
 *  and Sec-Fetch (a script can change its own address). So by default its answers carry a CSP sandbox without allow-same-origin: the page has an origin of its own.
 *  Its calls then bring no cookie, therefore its address holds a ticket (`~…`): good for this service and this session alone, nothing to the API.
 *  `trusted` pages share Studio's origin, cookies included; whoever defines one says with it that its scripts may do what their reader can. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Caller } from '../contract/caller.ts';
import type { ServiceDefinition } from '../contract/services.ts';
import type { Credentials } from '../identity/credentials.ts';
import { hasRole } from '../identity/policy.ts';
import type { SessionEnd } from '../identity/identity.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { ServiceHost } from '../services/services.ts';
import { isAllowedHost, isLoopbackAddress, isLoopbackName, peerOf, type Peer, type ProxyHops } from './peer.ts';
import { concerns, createAdmission, type Admitted } from './service-admission.ts';
import { isDocument, type Forwarding, type PagePlace } from './service-headers.ts';
import { noticeResponse } from './service-notice.ts';
import { parseServicePath, type ServicePath } from './service-path.ts';
import { carryRequest, carryUpgrade, ServiceGone } from './service-proxy.ts';
import { SHIM, SHIM_PATH } from './service-shim.ts';
import { createTickets } from './service-tickets.ts';

export interface ServicePagesParts {
  readonly host: Pick<ServiceHost, 'definitionOf' | 'tryUse' | 'read'>;
  readonly authenticate: (credentials: Credentials) => Promise<Caller | null>;
  readonly isTrustedOrigin: (origin: string, host: string) => boolean;
  readonly onSessionEnded: (listener: (end: SessionEnd) => void) => () => void;
  readonly config: { readonly allowedHosts: readonly string[]; readonly proxy: ProxyHops | null };
  readonly isDraining: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ServicePages {
  /** Whether a path is a service's: `/services/<name>` and below; `/services` itself is Studio's page. */
  owns(path: string): boolean;
  /** Resolves when the answer is out: then the Response only says so. */
  answer(request: {
    readonly incoming: IncomingMessage;
    readonly outgoing: ServerResponse;
    readonly peer: Peer;
    readonly requestId: string;
  }): Promise<Response>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Cuts what is still open. */
  stop(): void;
}

interface Target extends ServicePath {
  readonly definition: ServiceDefinition;
  readonly page: NonNullable<ServiceDefinition['page']>;
}

const SENT = { 'x-hono-already-sent': 'true' };
const REFRESH_S = 2;

export function createServicePages(parts: ServicePagesParts): ServicePages {
  const { host, authenticate, clock, log } = parts;
  const tickets = createTickets(clock);
  const { admit, refuseForeign } = createAdmission({ tickets, authenticate, isTrustedOrigin: parts.isTrustedOrigin });
  const open = new Set<{ readonly caller: Caller; readonly credentials: Credentials; end(): void }>();
  // Whose rights changed has its open streams and sockets looked at again, at once.
  const endRevising = parts.onSessionEnded((end) => {
    for (const one of open) if (concerns(end, one.caller)) void authenticate(one.credentials).then((caller) => caller ?? one.end(), one.end);
  });

  function targetOf(url: string, isKnownTo: Caller): Target {
    const target = parseServicePath(url) ?? fail('not_found');
    const definition = host.definitionOf(target.name);
    if (definition === null || definition.page === null || !hasRole(isKnownTo.role, definition.page.role)) {
      const { state } = host.read(target.name, isKnownTo.role);
      if (definition === null || definition.page === null)
        fail('not_found', `The service ${target.name} (${state}) has no page; give its definition a "page" to open one here.`);
      fail('forbidden', `The page of ${target.name} is for the role ${definition.page.role}; yours is ${isKnownTo.role}. Ask an administrator.`);
    }
    return { ...target, definition, page: definition.page };
  }

  function placeOf(target: Target, peer: Peer, port: number): PagePlace {
    const cookiePath = `${peer.prefix}/services/${target.name}/`;
    const isSandboxed = target.page.isolation === 'sandbox';
    const prefix = target.ticket === undefined ? cookiePath : `${cookiePath}~${target.ticket}/`;
    return { name: target.name, prefix, cookiePath, port, isSandboxed, isStripped: target.page.stripPrefix };
  }

  /** A request that may go to the service. Undefined: the answer is there already. */
  async function respond(request: Parameters<ServicePages['answer']>[0], headers: Headers): Promise<Response> {
    const { incoming, outgoing, peer } = request;
    const url = incoming.url ?? '/';
    const method = incoming.method ?? 'GET';
    const parsed = parseServicePath(url) ?? fail('not_found');
    if (parsed.ticket !== undefined && method === 'OPTIONS' && headers.get('origin') === 'null') return preflight(headers);
    if (parsed.ticket !== undefined && parsed.rest === `/${SHIM_PATH}`) return new Response(SHIM, { headers: SHIM_HEADERS });
    const admitted = await admit(url, headers);
    const target = targetOf(url, admitted.caller);
    refuseForeign(admitted, target.page, { method, headers, peer });
    const base = `${peer.prefix}/services/${target.name}`;
    if (!url.startsWith(`/services/${target.name}/`)) return redirect(`${base}${target.page.path}${target.search}`);
    if (admitted.via !== 'ticket' && admitted.via !== 'bearer' && target.page.isolation === 'sandbox') {
      if (!['GET', 'HEAD'].includes(method)) fail('forbidden', `The page of ${target.name} has an address of its own: open ${base}/ in the browser first.`);
      return redirect(`${base}/~${tickets.issue(target.name, admitted.credentials)}${target.rest}${target.search}`);
    }
    if (parts.isDraining()) fail('draining');
    const used = host.tryUse(target.name);
    if (used === undefined) return notThere(target.name, admitted.caller, { incoming, peer });
    const path = target.page.stripPrefix ? target.rest : `/services/${target.name}${target.rest}`;
    const entry = { caller: admitted.caller, credentials: admitted.credentials, end: () => void outgoing.destroy() };
    open.add(entry);
    try {
      const place = placeOf(target, peer, used.port);
      await carryRequest({ incoming, place, path: `${path}${target.search}`, from: forwardingOf(peer, admitted) }, outgoing);
      return new Response(null, { headers: SENT });
    } catch (error) {
      if (!(error instanceof ServiceGone)) throw error;
      throw new AppError('upstream_failed', { message: `The service ${target.name} did not answer: ${messageOf(error)}. Look at its log.`, cause: error });
    } finally {
      open.delete(entry);
      used.done();
    }
  }

  function notThere(name: string, caller: Caller, { incoming, peer }: { readonly incoming: IncomingMessage; readonly peer: Peer }): Response {
    const { state, reason, progress } = host.read(name, caller.role);
    const isComing = ['waiting', 'starting', 'backing_off'].includes(state);
    // What it wrote last is for who may read its log.
    const why = reason === undefined ? '' : caller.role === 'super_admin' ? `: ${reason}` : '';
    const text = isComing ? `It is ${state.replace('_', ' ')}${why}. This page goes on by itself.` : `It is ${state.replace('_', ' ')}${why}.`;
    if (!isDocument(incoming.headers))
      throw new AppError('starting', { message: `The service ${name} is not there: it is ${state}${why}.`, retryAfterS: REFRESH_S });
    return noticeResponse({
      status: 503,
      title: isComing ? `${name} is starting` : `${name} does not run`,
      text,
      progress: isComing ? progress : undefined,
      refreshS: isComing ? REFRESH_S : undefined,
      link: { href: `${peer.prefix}/services?service=${encodeURIComponent(name)}`, text: isComing ? 'Look at it in Studio' : 'Start it in Studio' },
    });
  }

  return {
    owns: (path) => /^\/services\/[^/]/.test(path),
    async answer(request) {
      const headers = headersOf(request.incoming);
      try {
        return await respond(request, headers);
      } catch (error) {
        if (!(error instanceof AppError) || !isDocument(request.incoming.headers)) throw error;
        const isOut = error.code === 'unauthenticated';
        // The address may hold a ticket of an earlier Studio: the browser's own cookie gets a new one.
        const parsed = parseServicePath(request.incoming.url ?? '/');
        if (isOut && parsed?.ticket !== undefined && headers.has('cookie'))
          return redirect(`${request.peer.prefix}/services/${parsed.name}${parsed.rest}${parsed.search}`);
        const link = isOut ? { href: `${request.peer.prefix}/`, text: 'Sign in' } : { href: `${request.peer.prefix}/services`, text: 'Services' };
        return noticeResponse({ status: error.status, title: isOut ? 'Sign in first' : 'This page can’t be opened', text: error.message, link });
      }
    },
    upgrade(incoming, socket, head) {
      socket.on('error', () => socket.destroy());
      void (async () => {
        const headers = headersOf(incoming);
        const peer = peerOf(headers, `http://studio.invalid${incoming.url ?? '/'}`, { incoming }, parts.config.proxy);
        if (!isAllowedHost(peer.host, parts.config.allowedHosts) && !(isLoopbackAddress(peer.address) && isLoopbackName(peer.host)))
          fail('misdirected_host', `"${peer.host}" is no host of this Studio; add it to ALLOWED_HOSTS.`);
        const admitted = await admit(incoming.url ?? '/', headers);
        const target = targetOf(incoming.url ?? '/', admitted.caller);
        if (admitted.via === 'cookie' && target.page.isolation === 'sandbox')
          fail('forbidden', `A socket of ${target.name} is opened by its own page, at the address that page has.`);
        refuseForeign(admitted, target.page, { method: 'GET', headers, peer });
        if (parts.isDraining()) fail('draining');
        const used = host.tryUse(target.name) ?? fail('starting', { message: `The service ${target.name} is not there yet.`, retryAfterS: REFRESH_S });
        const path = target.page.stripPrefix ? target.rest : `/services/${target.name}${target.rest}`;
        const entry = { caller: admitted.caller, credentials: admitted.credentials, end: () => void socket.destroy() };
        open.add(entry);
        try {
          await carryUpgrade(
            { incoming, place: placeOf(target, peer, used.port), path: `${path}${target.search}`, from: forwardingOf(peer, admitted) },
            socket,
            head,
          );
        } finally {
          open.delete(entry);
          used.done();
        }
      })().catch((error: unknown) => refuseSocket(socket, error, log));
    },
    stop() {
      endRevising();
      for (const one of open) one.end();
    },
  };
}

const SHIM_HEADERS = { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache', 'cross-origin-resource-policy': 'cross-origin' };

function preflight(headers: Headers): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-origin': 'null',
      'access-control-allow-methods': headers.get('access-control-request-method') ?? 'GET',
      'access-control-allow-headers': headers.get('access-control-request-headers') ?? '',
      'access-control-max-age': '600',
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    },
  });
}

function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' } });
}

function forwardingOf(peer: Peer, { spent }: Admitted): Forwarding {
  return { address: peer.address, scheme: peer.scheme, host: peer.host, spent };
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) for (const one of [value ?? []].flat()) headers.append(name, one);
  return headers;
}

function refuseSocket(socket: Duplex, error: unknown, log: Logger): void {
  if (socket.destroyed) return;
  if (!(error instanceof AppError) && !(error instanceof ServiceGone)) log.error({ cause: messageOf(error) }, 'a socket of a service could not be opened');
  const known = error instanceof AppError ? error : new AppError('upstream_failed', { message: `The service did not answer: ${messageOf(error)}.` });
  const body = JSON.stringify({ error: { code: known.code, message: known.message } });
  socket.end(
    `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status] ?? 'Error'}\r\nConnection: close\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
