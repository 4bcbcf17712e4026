/** HTTP to the outside for data that users control: the address that is connected to is decided on (egress-guard.ts) for each connection and each
 *  redirect. Keeps connections only where it is given `connections`: a kept one stays with the address that was decided on.
 *  Readers: the http.request node, webhooks out, remote models. */
import { lookup as systemLookup } from 'node:dns/promises';
import { request as httpRequest, type Agent, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { isPublicAddress } from './addresses.ts';
import { systemClock, type Clock } from './clock.ts';
import { mayCarry, type Binding } from './egress-binding.ts';
import type { EgressConnections } from './egress-connections.ts';
import { EgressError } from './egress-error.ts';
import { bareHost, guardedLookup, isAllowedHost, type Resolve } from './egress-guard.ts';
import { inflated, readBody, replyHeaders } from './egress-reply.ts';

/** Redirects followed before the request is given up; browsers stop at 20, curl's habit is 5 to 10. */
const MAX_REDIRECTS = 10;
/** Never sent on to another host after a redirect. */
const CREDENTIAL_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'x-goog-api-key']);
/** Set by the connection itself. */
const REFUSED_HEADERS = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'keep-alive', 'expect']);

export interface EgressRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** For the whole exchange, redirects and body included. */
  readonly timeoutMs: number;
  /** Of the inflated body. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Headers for some hosts alone. A URL of another host is refused before anything is sent; a redirect to one is followed without them. */
  readonly bound?: Binding | undefined;
  /** A redirect is the answer: for what must not be sent a second time (a body that holds a secret). */
  readonly keepsRedirects?: boolean | undefined;
}

export interface EgressReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Where the last redirect led. */
  readonly url: string;
}

export interface EgressParts {
  /** Hosts an administrator allowed although they are not public: `name`, `name:port`, `*.name`. */
  readonly allowedHosts: () => Promise<readonly string[]>;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
  readonly clock?: Clock;
  /** Default: every request has a connection of its own. */
  readonly connections?: EgressConnections | undefined;
}

/** An answer whose body is read as it comes. */
export interface EgressStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the redirects on the way, in order. */
  readonly hops: readonly Readonly<Record<string, string>>[];
  /** Inflated. Ends with an error when the signal aborts or the connection breaks; destroy it to let go early. */
  readonly body: Readable;
}

export interface Egress {
  /** @throws EgressError; the signal's reason when it aborts */
  request(request: EgressRequest): Promise<EgressReply>;
  /** Like `request`, but hands the body out unread: `timeoutMs` holds until the head is here, size and pace of the body are the reader's to judge. */
  open(request: Omit<EgressRequest, 'maxBytes'>): Promise<EgressStream>;
}

export function createEgress(parts: EgressParts): Egress {
  const clock = parts.clock ?? systemClock;
  const resolve = parts.resolve ?? ((host) => systemLookup(host, { all: true, verbatim: true }));
  /** Runs `work` under the request's time limit, which ends with it. */
  const limited = async <T>(request: Omit<EgressRequest, 'maxBytes'>, what: string, work: (exchange: Exchange) => Promise<T>): Promise<T> => {
    const allowed = await parts.allowedHosts();
    const timeout = new AbortController();
    const cancel = clock.after(request.timeoutMs, () =>
      timeout.abort(
        new EgressError('egress_timeout', `no ${what} from ${hostOf(request.url)} within ${request.timeoutMs} ms; raise timeoutMs or look at the server`),
      ),
    );
    const signal = AbortSignal.any([request.signal, timeout.signal]);
    try {
      const agentFor = (url: URL): Agent | false =>
        parts.connections?.agentFor(url, (address) => isPublicAddress(address) || isAllowedHost(url, allowed)) ?? false;
      return await work({ request, signal, guard: (url) => guardedLookup(url, allowed, resolve), agentFor });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw error;
    } finally {
      cancel();
    }
  };
  return {
    request: (request) =>
      limited(request, 'complete answer', async (exchange) => {
        const { message, url } = await follow(exchange);
        const body = await readBody(message, request.maxBytes, exchange.signal);
        return { status: message.statusCode ?? 0, headers: replyHeaders(message), body, url };
      }),
    open: (request) =>
      limited(request, 'answer', async (exchange) => {
        const { message, hops } = await follow(exchange);
        return { status: message.statusCode ?? 0, headers: replyHeaders(message), hops, body: inflated(message) };
      }),
  };
}

interface Exchange {
  readonly request: Omit<EgressRequest, 'maxBytes'>;
  readonly signal: AbortSignal;
  readonly guard: (url: URL) => LookupFunction;
  /** False: a connection of its own. */
  readonly agentFor: (url: URL) => Agent | false;
}

interface Followed {
  readonly message: IncomingMessage;
  readonly url: string;
  readonly hops: readonly Readonly<Record<string, string>>[];
}

/** Redirects are followed here, one connection at a time, so that each is decided anew. */
async function follow({ request, signal, guard, agentFor }: Exchange): Promise<Followed> {
  let url = parseUrl(request.url);
  let { method, body } = request;
  let headers = ownHeaders(request.headers);
  const hops: Readonly<Record<string, string>>[] = [];
  const { bound } = request;
  if (bound !== undefined && !mayCarry(bound.hosts, url)) throw notBound(bound, url);
  for (let hop = 0; ; hop++) {
    // One after the other: each hop's address comes from the answer before.
    const sent = bound === undefined || !mayCarry(bound.hosts, url) ? headers : { ...headers, ...ownHeaders(bound.headersFor({ method, url }), {}) };
    const message = await send({ url, method, headers: sent, body, signal, lookup: guard(url), agentFor });
    const status = message.statusCode ?? 0;
    const location = message.headers.location;
    if (location === undefined || request.keepsRedirects === true || ![301, 302, 303, 307, 308].includes(status)) return { message, url: url.href, hops };
    hops.push(replyHeaders(message));
    message.destroy();
    if (hop === MAX_REDIRECTS) throw new EgressError('egress_failed', `${hostOf(request.url)} redirected more than ${MAX_REDIRECTS} times`);
    const next = parseUrl(location, url);
    if (next.host !== url.host || next.protocol !== url.protocol)
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIAL_HEADERS.has(name)));
    if (status === 303 || ((status === 301 || status === 302) && method === 'POST')) {
      method = 'GET';
      body = undefined;
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('content-')));
    }
    url = next;
  }
}

function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base)) throw new EgressError('egress_refused', `"${text.slice(0, 200)}" is not a URL; write https://host/path`);
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new EgressError('egress_refused', `${url.protocol}// is not allowed; only http:// and https://`);
  if (url.username !== '' || url.password !== '')
    throw new EgressError('egress_refused', 'credentials in a URL are not allowed; use auth or a header with a secret');
  return url;
}

function hostOf(text: string): string {
  return URL.canParse(text) ? new URL(text).host : 'the server';
}

const USUAL_HEADERS = { 'user-agent': 'studio', accept: '*/*', 'accept-encoding': 'gzip, deflate, br' };

function ownHeaders(headers: Readonly<Record<string, string>>, usual: Readonly<Record<string, string>> = USUAL_HEADERS): Record<string, string> {
  const own = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const refused = own.find(([name]) => REFUSED_HEADERS.has(name));
  if (refused !== undefined) throw new EgressError('egress_refused', `the header "${refused[0]}" is set by the connection itself; leave it out`);
  return { ...usual, ...Object.fromEntries(own) };
}

function notBound({ hosts }: Binding, url: URL): EgressError {
  const where = hosts.length === 0 ? 'nowhere: it names no host' : `to ${hosts.join(', ')} alone`;
  return new EgressError('egress_refused', `the credential may be sent ${where}, not to ${url.origin}; an administrator can add the host to the credential`);
}

interface Sending {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly signal: AbortSignal;
  readonly lookup: LookupFunction;
  readonly agentFor: (url: URL) => Agent | false;
}

async function send(sending: Sending): Promise<IncomingMessage> {
  const { url, lookup, signal, agentFor } = sending;
  const host = bareHost(url);
  // Node skips the lookup of literal addresses: those are decided before the socket exists.
  if (isIP(host) !== 0) await new Promise<void>((resolve, reject) => lookup(host, {}, (error) => (error === null ? resolve() : reject(error))));
  try {
    return await sendOver(agentFor(url), sending);
  } catch (error) {
    // Closed by the server since it was used last: nothing of the request was answered.
    if (signal.aborted || !(error instanceof StaleConnection)) throw error;
    return sendOver(false, sending);
  }
}

/** A kept connection broke before anything was answered. */
class StaleConnection extends Error {
  override readonly name = 'StaleConnection';
}

function sendOver(agent: Agent | false, { url, method, headers, body, signal, lookup }: Sending): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
    lookup,
    signal,
    agent,
  };
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return reject(new StaleConnection(error.message, { cause: error }));
      reject(error instanceof EgressError ? error : new EgressError('egress_failed', `${url.host}: ${error.message}`, { cause: error }));
    });
    outgoing.end(body);
  });
}
