/** Security headers of every response, and CORS. A handler may set stricter ones (a sandboxed artifact); it can't drop any. */
import { canonicalHost, hostOfOrigin } from './peer.ts';

const ALWAYS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
};

/** For everything that is no page: nothing in it may load, run or be framed. */
const CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/** The policy of Studio's own pages. `nonce` allows the style element that the code editor inserts; no inline code, no eval. */
export function pagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "media-src 'self' blob:",
    // Documents in the browser's own viewer: bytes that the page itself has named a PDF, whatever they are.
    'frame-src blob:',
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Completes a response on its way out. */
export function complete(response: Response, options: { readonly requestId: string; readonly origin: string | null; readonly cors: Cors }): Response {
  const out = isWritable(response) ? response : new Response(response.body, response);
  const { headers } = out;
  for (const [name, value] of Object.entries(ALWAYS)) if (!headers.has(name)) headers.set(name, value);
  const policy = headers.get('content-security-policy') ?? CLOSED;
  headers.set('content-security-policy', policy.includes('frame-ancestors') ? policy : `${policy}; frame-ancestors 'none'`);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  headers.set('x-request-id', options.requestId);
  for (const [name, value] of Object.entries(options.cors.headersFor(options.origin))) headers.append(name, value);
  return out;
}

/** Responses of fetch and redirects have frozen headers. */
function isWritable(response: Response): boolean {
  try {
    response.headers.delete('x-powered-by');
    return true;
  } catch {
    return false;
  }
}

const EXPOSED =
  'Studio-Cursor, ETag, Location, Retry-After, X-Request-Id, Idempotency-Replayed, Content-Range, Upload-Offset, Upload-Length, Upload-Expires, Tus-Resumable';
const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const ALLOWED_HEADERS =
  'Authorization, Content-Type, Accept, Idempotency-Key, If-Match, If-None-Match, Range, X-Request-Id, X-Api-Key, X-Studio-Client, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Defer-Length, Tus-Resumable';

export interface Cors {
  /** Whether a change made with a cookie may come from `origin`: the host itself, or a listed origin. Never `*`, never `null`. */
  isTrusted(origin: string, host: string): boolean;
  headersFor(origin: string | null): Readonly<Record<string, string>>;
  /** The answer to a preflight. */
  preflight(origin: string): Response;
}

/** @param config `corsOrigins`: CORS_ORIGINS, which may change. `*` lets any origin read with a token of its own, never with the cookie. */
export function createCors(config: { readonly corsOrigins: readonly string[] }): Cors {
  let known: readonly string[] | undefined;
  let listed: ReadonlySet<string> = new Set();
  const origins = (): ReadonlySet<string> => {
    if (known !== config.corsOrigins) {
      known = config.corsOrigins;
      listed = new Set(known.map((origin) => origin.trim().toLowerCase().replace(/\/$/, '')));
    }
    return listed;
  };
  const isListed = (origin: string): boolean => origin !== 'null' && origin !== '*' && origins().has(origin.toLowerCase());
  return {
    isTrusted: (origin, host) => isListed(origin) || hostOfOrigin(origin) === canonicalHost(host),
    headersFor(origin) {
      if (origin === null) return origins().size === 0 ? {} : { vary: 'Origin' };
      if (isListed(origin))
        return { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', 'access-control-expose-headers': EXPOSED };
      return origins().has('*') ? { vary: 'Origin', 'access-control-allow-origin': '*', 'access-control-expose-headers': EXPOSED } : { vary: 'Origin' };
    },
    preflight(origin) {
      if (!origins().has('*') && !isListed(origin)) return new Response(null, { status: 403 });
      return new Response(null, {
        status: 204,
        headers: { 'access-control-allow-methods': ALLOWED_METHODS, 'access-control-allow-headers': ALLOWED_HEADERS, 'access-control-max-age': '600' },
      });
    },
  };
}
