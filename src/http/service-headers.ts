/** What of a message's headers crosses between a browser and a service: hop-by-hop headers end here, Studio's credentials never arrive there, and what the
 *  service says of the origin as a whole (cookies of `/`, service workers, HSTS) is cut down to its own path. Pure. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { SESSION_COOKIE } from './auth.ts';

/** Where a service's page hangs below Studio. */
export interface PagePlace {
  readonly name: string;
  /** Path that the browser sees before the service's own, with a slash at the end: `/services/name/` or `/services/name/~ticket/`. */
  readonly prefix: string;
  /** The same without the ticket: where its cookies belong. */
  readonly cookiePath: string;
  readonly port: number;
  readonly isSandboxed: boolean;
  /** Its own paths begin at its root; false: it knows `/services/name/`. */
  readonly isStripped: boolean;
}

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
const FORWARDED = /^(forwarded|via|x-forwarded-.*|x-real-ip|x-studio-.*|cf-.*|true-client-ip)$/;
/** They speak of the whole origin, which is Studio's. */
const NOT_ITS_OWN = [
  'strict-transport-security',
  'public-key-pins',
  'clear-site-data',
  'service-worker-allowed',
  'alt-svc',
  'expect-ct',
  'report-to',
  'nel',
  'x-hono-already-sent',
];
/** Of a page with an origin of its own, rules about the same origin would lock out the page itself. */
const NOT_IN_SANDBOX = ['cross-origin-resource-policy', 'cross-origin-opener-policy', 'cross-origin-embedder-policy', 'x-frame-options', 'referrer-policy'];

/** No `allow-same-origin`: scripts of the page can use neither Studio's cookie nor its storage, and can't reach into its windows. */
export const SANDBOX =
  'sandbox allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-downloads allow-pointer-lock allow-presentation allow-orientation-lock';

export interface Forwarding {
  readonly address: string;
  readonly scheme: string;
  readonly host: string;
  /** The header in which the caller's credential came: it goes no further. */
  readonly spent: readonly string[];
}

/** The headers a service gets. */
export function requestHeaders(headers: IncomingHttpHeaders, place: PagePlace, from: Forwarding): OutgoingHttpHeaders {
  const named = namedIn(headers.connection);
  const kept = Object.entries(headers).filter(
    ([name]) =>
      !HOP_BY_HOP.includes(name) &&
      !named.has(name) &&
      !FORWARDED.test(name) &&
      !from.spent.includes(name) &&
      !['host', 'expect', 'cookie', 'origin', 'referer'].includes(name),
  );
  const cookie = foreignCookies(headers.cookie);
  // As a page of its own would ask: programs that listen on the loopback refuse other hosts and origins, and ours was checked here.
  const own = `127.0.0.1:${place.port}`;
  return {
    ...Object.fromEntries(kept),
    ...(place.isSandboxed && headers['sec-fetch-site'] !== undefined ? { 'sec-fetch-site': 'same-origin' } : {}),
    ...(cookie === '' ? {} : { cookie }),
    ...(headers.origin === undefined ? {} : { origin: `http://${own}` }),
    host: own,
    'x-forwarded-for': from.address,
    'x-forwarded-proto': from.scheme,
    'x-forwarded-host': from.host,
    'x-forwarded-prefix': place.prefix.replace(/\/$/, ''),
    'accept-encoding': place.isSandboxed && isDocument(headers) ? 'identity' : (headers['accept-encoding'] ?? 'identity'),
  };
}

/** Whether the browser asks for a page, not for a part of one. */
export function isDocument(headers: IncomingHttpHeaders): boolean {
  const dest = headers['sec-fetch-dest'];
  return dest === undefined ? (headers.accept ?? '').includes('text/html') : ['document', 'iframe', 'frame'].includes(String(dest));
}

/** All cookies but Studio's. */
function foreignCookies(header: string | undefined): string {
  return (header ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !isStudioCookie(part))
    .join('; ');
}

function isStudioCookie(pair: string): boolean {
  const name = (pair.split('=')[0] ?? '').trim().toLowerCase();
  return name === SESSION_COOKIE || /^(__host-|__secure-)?studio_/.test(name);
}

/** The headers a browser gets. */
export function responseHeaders(headers: IncomingHttpHeaders, place: PagePlace, origin: string | undefined): OutgoingHttpHeaders {
  const named = namedIn(headers.connection);
  const dropped = [...HOP_BY_HOP, ...NOT_ITS_OWN, ...(place.isSandboxed ? NOT_IN_SANDBOX : []), 'set-cookie', 'location'];
  const kept = Object.entries(headers).filter(
    ([name]) => !dropped.includes(name) && !named.has(name) && !(place.isSandboxed && name.startsWith('access-control-')),
  );
  const cookies = (headers['set-cookie'] ?? []).flatMap((cookie) => ownCookie(cookie, place.cookiePath) ?? []);
  const policies = [headers['content-security-policy'] ?? []].flat();
  const crossing: OutgoingHttpHeaders = Object.fromEntries(kept);
  if (cookies.length > 0) crossing['set-cookie'] = cookies;
  if (headers.location !== undefined) crossing.location = ownLocation(headers.location, place);
  if (!place.isSandboxed) return { ...crossing, 'x-frame-options': String(headers['x-frame-options'] ?? 'SAMEORIGIN') };
  return { ...crossing, 'content-security-policy': [...policies, SANDBOX].join(', '), 'referrer-policy': 'no-referrer', ...corsOf(origin) };
}

/** A sandboxed page's own calls come from the origin `null`: they carry its ticket, and are let in by that. */
function corsOf(origin: string | undefined): OutgoingHttpHeaders {
  return origin === 'null' ? { 'access-control-allow-origin': 'null', 'access-control-expose-headers': '*', vary: 'Origin' } : { vary: 'Origin' };
}

/** The cookie below the service's path, on this host alone; undefined: it is named like one of Studio's. */
function ownCookie(cookie: string, cookiePath: string): string | undefined {
  if (isStudioCookie(cookie)) return undefined;
  const [pair = '', ...attributes] = cookie.split(';').map((part) => part.trim());
  const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
  const below = path.startsWith(cookiePath) ? path : `${cookiePath.replace(/\/$/, '')}${path.startsWith('/') ? path : '/'}`;
  const others = attributes.filter((attribute) => !/^(path|domain)=/i.test(attribute) && !/^(domain)$/i.test(attribute));
  // __Host- demands Path=/: under its own path the browser would refuse it.
  return [pair.replace(/^__Host-/i, ''), `Path=${below}`, ...others].join('; ');
}

/** A redirect to the service's own address, or to its root, stays below its path; one to elsewhere goes there. */
function ownLocation(location: string, place: PagePlace): string {
  const own = new RegExp(`^https?://(127\\.0\\.0\\.1|localhost|\\[::1\\]):${place.port}(?=/|$|\\?|#)`, 'i');
  const path = location.replace(own, '');
  if (path === location && !(location.startsWith('/') && !location.startsWith('//'))) return location;
  const absolute = path.startsWith('/') ? path : `/${path}`;
  if (absolute.startsWith(place.prefix)) return absolute;
  if (!place.isStripped) return absolute;
  return `${place.prefix}${absolute.slice(1)}`;
}

function namedIn(connection: string | string[] | undefined): ReadonlySet<string> {
  return new Set([connection ?? []].flat().flatMap((value) => value.split(',').map((name) => name.trim().toLowerCase())));
}
