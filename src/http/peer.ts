/** Who is at the other end, and under which name it reached us: address, scheme, host, after the trusted proxies.
 *  X-Forwarded-* count only as many hops from the right as PROXY_FIX_* trusts; without it they are ignored. */

/** Trusted hops per header, counted from the right; 0 ignores that header. */
export interface ProxyHops {
  readonly for: number;
  readonly proto: number;
  readonly host: number;
  readonly port: number;
  readonly prefix: number;
}

export interface Peer {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** Host with its port, lower case; the scheme's own port left out. */
  readonly host: string;
  /** Path prefix that a trusted proxy took off, without a slash at the end. */
  readonly prefix: string;
  /** A direct call from this machine: loopback address, loopback name, no trace of a proxy. */
  readonly isLocal: boolean;
}

/** What the listener knows of a connection. */
export interface Wire {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean } };
}

/** Headers that a proxy adds: with any of them a loopback address says nothing about the caller. */
const PROXY_TRACES = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'cf-connecting-ip',
  'cf-ray',
  'true-client-ip',
];
const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

export function peerOf(headers: Headers, url: string, wire: Wire | undefined, hops: ProxyHops | null): Peer {
  const socket = wire?.incoming?.socket;
  const direct = plainAddress(socket?.remoteAddress ?? '');
  const forwarded = (name: string, trusted: number | undefined): string | undefined =>
    trusted === undefined || trusted < 1 ? undefined : fromRight(headers.get(name), trusted);
  const proto = forwarded('x-forwarded-proto', hops?.proto) ?? (socket?.encrypted === true ? 'https' : 'http');
  const scheme = proto === 'https' ? 'https' : 'http';
  const port = forwarded('x-forwarded-port', hops?.port);
  const forwardedHost = forwarded('x-forwarded-host', hops?.host);
  const ownHost = headers.get('host') ?? new URL(url).host;
  const named = forwardedHost ?? ownHost;
  const withPort = port !== undefined && /^\d{1,5}$/.test(port) ? `${nameOf(named)}:${port}` : named;
  return {
    address: plainAddress(forwarded('x-forwarded-for', hops?.for) ?? direct),
    scheme,
    host: canonicalHost(withPort),
    prefix: prefixOf(forwarded('x-forwarded-prefix', hops?.prefix)),
    isLocal: isLoopbackAddress(direct) && isLoopbackName(ownHost) && !PROXY_TRACES.some((name) => headers.has(name)),
  };
}

/** Host and port in one spelling: lower case, without the ports that schemes imply, without a dot at the end. */
export function canonicalHost(host: string): string {
  return host
    .trim()
    .toLowerCase()
    .replace(/:(80|443)$/, '')
    .replace(/\.(?=:\d+$|$)/, '');
}

/** The name or address of `host` without its port. */
export function nameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}

export function isLoopbackName(host: string): boolean {
  return LOOPBACK_NAMES.has(nameOf(host.toLowerCase()));
}

export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** The host of an Origin header in canonical spelling; undefined for `null` and garbage. */
export function hostOfOrigin(origin: string): string | undefined {
  const url = URL.parse(origin);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.origin !== origin.toLowerCase()) return undefined;
  return canonicalHost(url.host);
}

/** Whether `host` stands in the list: exact, by name alone, or below a `*.name`. An empty list allows all. */
export function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  if (allowed.length === 0 || allowed.includes('*')) return true;
  return allowed.some((entry) => {
    const wanted = canonicalHost(entry);
    if (wanted.startsWith('*.')) return nameOf(host).endsWith(wanted.slice(1));
    return wanted === host || wanted === nameOf(host);
  });
}

function fromRight(header: string | null, hops: number): string | undefined {
  const value = header
    ?.split(',')
    .map((part) => part.trim())
    .at(-hops);
  return value === undefined || value === '' ? undefined : value;
}

function prefixOf(header: string | undefined): string {
  const prefix = header?.replace(/\/+$/, '') ?? '';
  return /^(\/[A-Za-z0-9._~-]+)*$/.test(prefix) ? prefix : '';
}

/** IPv4-mapped IPv6 in its IPv4 spelling, so that one caller is one address. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
