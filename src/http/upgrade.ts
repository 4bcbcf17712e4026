/** The door to the socket: GET /api/v1/realtime with an upgrade. Who, from where, may they; then realtime takes the connection.
 *  A token counts in the subprotocols (`studio.v1, Bearer.<token>`) or in Authorization, never in the URL: addresses end up in logs. */
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Caller } from '../contract/caller.ts';
import type { Credentials } from '../identity/credentials.ts';
import { policy, refusalOf } from '../identity/policy.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { Realtime } from '../realtime/realtime.ts';
import { SUBPROTOCOL } from '../realtime/sockets.ts';
import { isConnectionLoss } from '../store/client.ts';
import { credentialsOf } from './auth.ts';
import { isAllowedHost, isLoopbackAddress, isLoopbackName, peerOf, type ProxyHops } from './peer.ts';

export interface UpgradeParts {
  readonly realtime: Pick<Realtime, 'accept'>;
  readonly authenticate: (credentials: Credentials) => Promise<Caller | null>;
  readonly isTrustedOrigin: (origin: string, host: string) => boolean;
  readonly config: { readonly allowedHosts: readonly string[]; readonly proxy: ProxyHops | null };
  readonly isDraining: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const PATH = '/api/v1/realtime';
const BEARER = 'bearer.';
/** The same as for headers; ours are shorter. */
const MAX_CREDENTIAL_LENGTH = 4_096;

export function createUpgrade(parts: UpgradeParts): UpgradeHandler {
  return (request, socket, head) => {
    // Before the first `await`: a peer that hangs up meanwhile must not end the process.
    socket.on('error', () => socket.destroy());
    admit(parts, request)
      .then((admitted) => {
        if (!socket.destroyed) parts.realtime.accept({ request, socket, head, ...admitted });
      })
      .catch((error: unknown) => refuse(socket, publicOf(error, parts.log), parts.clock));
  };
}

/** @throws AppError with what the door says */
async function admit(parts: UpgradeParts, request: IncomingMessage): Promise<{ readonly caller: Caller; readonly again: () => Promise<Caller | null> }> {
  const headers = headersOf(request);
  const url = URL.parse(request.url ?? '/', 'http://studio.invalid');
  if (url?.pathname !== PATH) fail('not_found', `There is no socket at "${url?.pathname ?? request.url}"; it is at ${PATH}.`);
  if (parts.isDraining()) fail('draining');
  const peer = peerOf(headers, url.href, { incoming: request }, parts.config.proxy);
  const isOwnName = isLoopbackAddress(peer.address) && isLoopbackName(peer.host);
  if (!isOwnName && !isAllowedHost(peer.host, parts.config.allowedHosts))
    fail('misdirected_host', `"${peer.host}" is no host of this Studio; add it to ALLOWED_HOSTS.`);
  const offered = protocolsOf(headers);
  if (!offered.includes(SUBPROTOCOL)) fail('invalid_query', `The socket speaks the subprotocol ${SUBPROTOCOL}; offer it in Sec-WebSocket-Protocol.`);
  const credentials = bearerOf(offered) ?? credentialsOf(headers) ?? fail('unauthenticated');
  refuseOrigin(parts, credentials, headers.get('origin'), peer.host);
  const caller = await parts.authenticate(credentials);
  if (caller === null) fail('unauthenticated', 'The access token, API key or cookie is not, or no longer, valid. Log in again.');
  refuseCaller(caller);
  return {
    caller,
    again: async () => {
      const now = await parts.authenticate(credentials);
      return now === null || isRefused(now) ? null : now;
    },
  };
}

/** A page's script sends the cookie by itself, so with a cookie the page must be ours. A foreign page is refused whatever it shows. */
function refuseOrigin(parts: UpgradeParts, credentials: Credentials, origin: string | null, host: string): void {
  if (origin === null && credentials.kind === 'cookie')
    fail('forbidden', 'A socket opened with the session cookie needs an Origin header; none was sent. Programs use an API key instead.');
  if (origin !== null && !parts.isTrustedOrigin(origin, host)) {
    fail('forbidden', `The origin "${origin.slice(0, 200)}" may not open a socket here: its host is not "${host}" and it is not in CORS_ORIGINS.`);
  }
}

function refuseCaller(caller: Caller): void {
  if (caller.mustChangePassword === true) fail('password_change_required');
  const refusal = refusalOf(policy['GET /api/v1/events'], caller);
  if (refusal !== undefined) fail('forbidden', `${refusal[0]?.toUpperCase()}${refusal.slice(1)}. Ask an administrator.`);
}

function isRefused(caller: Caller): boolean {
  return caller.mustChangePassword === true || refusalOf(policy['GET /api/v1/events'], caller) !== undefined;
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) headers.append(name, one);
  }
  return headers;
}

function protocolsOf(headers: Headers): string[] {
  return (headers.get('sec-websocket-protocol') ?? '').split(',').map((part) => part.trim());
}

/** Undefined: no such subprotocol. One that is malformed is not "none": it must not fall back to the cookie. */
function bearerOf(offered: readonly string[]): Credentials | undefined {
  const bearers = offered.filter((protocol) => protocol.toLowerCase().startsWith(BEARER));
  const [bearer] = bearers;
  if (bearer === undefined) return undefined;
  const value = bearer.slice(BEARER.length);
  return { kind: 'bearer', value: bearers.length > 1 || value.length > MAX_CREDENTIAL_LENGTH ? '' : value };
}

function publicOf(error: unknown, log: Logger): AppError {
  if (error instanceof AppError) return error;
  if (isConnectionLoss(error)) return new AppError('database_unavailable', { retryAfterS: 1 });
  log.error({ cause: messageOf(error) }, 'a socket could not be let in');
  return new AppError('internal');
}

function refuse(socket: Duplex, error: AppError, clock: Clock): void {
  const body = JSON.stringify({ error: { code: error.code, message: error.message, requestId: newId('req', clock) } });
  const lines = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}`,
    'Connection: close',
    'Content-Type: application/json',
    'X-Content-Type-Options: nosniff',
    'Cache-Control: no-store',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(error.retryAfterS === undefined ? [] : [`Retry-After: ${error.retryAfterS}`]),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
