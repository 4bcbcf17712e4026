/** Where a request's credentials stand, and from where a change may come. Who they belong to is identity's to say. */
import type { Credentials } from '../identity/credentials.ts';
import { fail } from '../kernel/fail.ts';
import type { Cors } from './headers.ts';
import type { Peer } from './peer.ts';

export const SESSION_COOKIE = 'studio_session';

/** Longest credential that is looked at; ours are shorter. */
const MAX_CREDENTIAL_LENGTH = 4_096;

/** The one credential that counts: Authorization, then X-Api-Key, then the cookie. Undefined: none was given.
 *  A malformed Authorization is not "none": it must not fall back to the cookie. */
export function credentialsOf(headers: Headers): Credentials | undefined {
  const authorization = headers.get('authorization');
  if (authorization !== null) return { kind: 'bearer', value: bounded(/^Bearer +([^\s,]+)$/i.exec(authorization)?.[1]) };
  const key = headers.get('x-api-key');
  if (key !== null) return { kind: 'bearer', value: bounded(key.trim()) };
  const cookie = sessionCookieOf(headers);
  return cookie === undefined ? undefined : { kind: 'cookie', value: bounded(cookie) };
}

/** The value of the session cookie; undefined when there is none. Two of them are none: one may have been planted. */
export function sessionCookieOf(headers: Headers): string | undefined {
  const values = (headers.get('cookie') ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${SESSION_COOKIE}=`))
    .map((part) => part.slice(SESSION_COOKIE.length + 1));
  return values.length === 1 && values[0] !== '' ? values[0] : undefined;
}

/** The Set-Cookie of a session, or with `value` empty its removal. */
export function sessionCookie(value: string, options: { readonly isSecure: boolean; readonly maxAgeS: number }): string {
  return `${SESSION_COOKIE}=${value}; Path=/; Max-Age=${value === '' ? 0 : options.maxAgeS}; HttpOnly; SameSite=Lax${options.isSecure ? '; Secure' : ''}`;
}

/** Whether the browser that calls is on https, also behind a proxy that does not say so: its own Origin names the scheme. */
export function isSecureBrowser(request: Request, peer: Peer): boolean {
  if (peer.scheme === 'https') return true;
  return request.headers.get('origin')?.toLowerCase() === `https://${peer.host}`;
}

/** Refuses a change that a foreign page makes: with a cookie an Origin must be given and trusted; without one, a given Origin on a
 *  browser's call must be trusted too (signing somebody in is a change). @throws AppError forbidden */
export function refuseForeignOrigin(options: { readonly request: Request; readonly peer: Peer; readonly viaCookie: boolean; readonly cors: Cors }): void {
  const { request, peer, cors } = options;
  const isBrowser =
    options.viaCookie ||
    request.headers.get('x-studio-client') === 'web' ||
    (request.headers.get('authorization') === null && sessionCookieOf(request.headers) !== undefined);
  const origin = request.headers.get('origin');
  if (!isBrowser || (origin === null && !options.viaCookie)) return;
  if (origin === null) fail('forbidden', 'A change made with the session cookie needs an Origin header; none was sent. Programs use an API key instead.');
  if (!cors.isTrusted(origin, peer.host)) {
    fail(
      'forbidden',
      `The origin "${origin.slice(0, 200)}" may not make changes here: its host is not "${peer.host}" and it is not in CORS_ORIGINS. Behind a proxy that changes Host, set PROXY_FIX_ENABLED or CORS_ORIGINS.`,
    );
  }
}

function bounded(value: string | undefined): string {
  return value === undefined || value.length > MAX_CREDENTIAL_LENGTH ? '' : value;
}
