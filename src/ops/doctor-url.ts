/** Looks at a Studio from outside, at the address that people use, and tells what stands between: a proxy that takes off, cuts short, collects or rewrites
 *  what Studio needs. Asks only for what is refused to everybody: needs no account, changes nothing, sends no secret. */
import { X509Certificate } from 'node:crypto';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Finding } from './doctor.ts';
import { ask as askAt, errorCodeOf, type Asking, type Reply } from './doctor-url-ask.ts';

interface Place {
  /** Without a slash at the end. */
  readonly base: string;
  readonly url: URL;
  readonly clock: Clock;
  readonly patienceMs: number;
  ask(path: string, asking?: Asking): Promise<Reply>;
}

export interface UrlLook {
  readonly clock?: Clock;
  /** The longest that an answer may take. */
  readonly patienceMs?: number;
}

/** Answers of Studio itself, whatever it says; a proxy's own have no such code. */
const HEALTH_WORDS = ['starting', 'ok', 'degraded', 'draining'];
/** Over what nginx passes on by itself (1 MB), under what Studio takes for JSON (10 MiB). */
const BODY_BYTES = 2 * 1024 * 1024;
/** Over what Cloudflare passes on (100 MB); announced, never sent. */
const UPLOAD_BYTES = 200 * 1024 * 1024;
const SKEW_MS = 30_000;
const EXPIRY_MS = 14 * 86_400_000;
const SEE = 'scripts/deploy/proxy holds files for nginx, Caddy and Traefik that do.';

/** @param text the address as typed @throws Error when it is none */
export async function examineUrl(text: string, { clock = systemClock, patienceMs = 10_000 }: UrlLook = {}): Promise<readonly Finding[]> {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error(`${JSON.stringify(text)} is no address: give one like https://studio.example.com`);
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  const place: Place = { base, url, clock, patienceMs, ask: (path, asking = {}) => askAt(`${base}${path}`, { ...asking, timeoutMs: patienceMs }) };
  const first = await guarded('address', () => lookAtAddress(place));
  if (first.verdict === 'failure') return url.protocol === 'https:' ? [first, await guarded('certificate', () => lookAtCertificate(place))] : [first];
  const looks: readonly [string, () => Promise<Finding>][] = [
    ['certificate', () => lookAtCertificate(place)],
    ['live socket', () => lookAtSocket(place)],
    ['origin', () => lookAtOrigin(place)],
    ['bodies', () => lookAtBodies(place)],
    ['uploads', () => lookAtUploads(place)],
    ['methods', () => lookAtMethods(place)],
    ['paths', () => lookAtPaths(place)],
    ['headers', () => lookAtHeaders(place)],
  ];
  return [first, ...(await Promise.all(looks.map(([name, look]) => guarded(name, look))))];
}

async function guarded(name: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    return failure(name, messageOf(error), 'Mend what is named, then run doctor again.');
  }
}

const fine = (name: string, about: string): Finding => ({ name, verdict: 'ok', about });
const warning = (name: string, about: string, remedy: string): Finding => ({ name, verdict: 'warning', about, remedy });
const failure = (name: string, about: string, remedy: string): Finding => ({ name, verdict: 'failure', about, remedy });

async function lookAtAddress({ ask, base, clock }: Place): Promise<Finding> {
  const reply = await ask('/health');
  const { location } = reply.headers;
  if (reply.status >= 300 && reply.status < 400)
    return failure('address', `${base} leads to ${location ?? 'elsewhere'}`, `Give that address instead, and use it.`);
  const status = (reply.json as { readonly status?: unknown } | undefined)?.status;
  if (!HEALTH_WORDS.includes(String(status)))
    return failure(
      'address',
      `${base}/health answers ${reply.status}, and it is not Studio that answers`,
      'Point the proxy at the port of Studio, with the path below its prefix.',
    );
  const skewMs = reply.headers.date === undefined ? 0 : Math.abs(Date.parse(reply.headers.date) - clock.now());
  if (skewMs > SKEW_MS)
    return warning(
      'address',
      `its clock and this machine's differ by ${Math.round(skewMs / 1_000)} s`,
      'Set the clocks by NTP: signed webhooks and sessions go by them.',
    );
  return fine('address', `${base} is a Studio: ${String(status)}`);
}

async function lookAtCertificate({ url, clock, patienceMs }: Place): Promise<Finding> {
  const name = 'certificate';
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol === 'http:')
    return isLoopback
      ? fine(name, 'plain HTTP on this machine')
      : warning(name, 'plain HTTP: passwords and keys can be read on the way', 'Serve it by HTTPS: TLS_CERT_FILE, or a proxy.');
  const socket = await handshake(url, patienceMs);
  const { alpnProtocol, authorized, authorizationError } = socket;
  const certificate = new X509Certificate(socket.getPeerCertificate(true).raw);
  socket.destroy();
  if (!authorized)
    return failure(
      name,
      `it is not trusted: ${String(authorizationError)}`,
      'Use one of an authority that browsers know (certbot, Caddy), with its whole chain, for this very name.',
    );
  const leftMs = Date.parse(certificate.validTo) - clock.now();
  if (leftMs < EXPIRY_MS) return warning(name, `it ends on ${certificate.validTo}`, 'Renew it; see why that did not happen by itself.');
  const version = alpnProtocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1 (six connections a browser: HTTP/2 is quicker)';
  return fine(name, `trusted until ${certificate.validTo}, ${version}`);
}

function handshake(url: URL, patienceMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const name = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
    const options = { host, port: Number(url.port || 443), rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'], timeout: patienceMs, ...name };
    const socket = connectTls(options, () => resolve(socket));
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${patienceMs / 1_000} s`)));
    socket.once('error', reject);
  });
}

async function lookAtSocket({ ask }: Place): Promise<Finding> {
  const name = 'live socket';
  const reply = await ask('/api/v1/realtime', {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'c3R1ZGlvIGRvY3RvciBhc2s=',
      'sec-websocket-protocol': 'studio.v1',
    },
  });
  const code = errorCodeOf(reply);
  if (code === 'unauthenticated' || reply.status === 101) return fine(name, 'WebSockets reach Studio');
  if (code === 'misdirected_host') return hostRefused(name, reply);
  const about =
    code === 'not_found'
      ? 'the proxy takes the upgrade off'
      : `the upgrade is answered ${reply.status}${code === undefined ? ', not by Studio' : ` (${code})`}`;
  return failure(name, `${about}: pages fall back to polling`, `Let the proxy speak HTTP/1.1 to Studio and hand on Upgrade and Connection. ${SEE}`);
}

function hostRefused(name: string, reply: Reply): Finding {
  return failure(name, reply.text.slice(0, 300), 'Add the name to ALLOWED_HOSTS, or let the proxy pass the Host it was asked for.');
}

/** A login without a body: refused by Studio for its origin, or, as it should be, for its body. */
async function lookAtOrigin({ ask, url }: Place): Promise<Finding> {
  const name = 'origin';
  const headers = { 'content-type': 'application/json', 'x-studio-client': 'web', origin: url.origin };
  const reply = await ask('/api/v1/auth/login', { method: 'POST', headers, body: '{}' });
  const code = errorCodeOf(reply);
  if (code === 'invalid_body') return fine(name, `pages of ${url.origin} may sign in${url.protocol === 'https:' ? ', with a Secure cookie' : ''}`);
  if (code === 'misdirected_host') return hostRefused(name, reply);
  if (code === 'forbidden')
    return failure(
      name,
      `Studio takes itself for another host, so nobody can sign in: ${String((reply.json as { readonly error?: { readonly message?: unknown } }).error?.message)}`,
      `Let the proxy pass Host as it was asked for, or set X-Forwarded-Host and PROXY_FIX_ENABLED=true. ${SEE}`,
    );
  return failure(
    name,
    `a login is answered ${reply.status}${code === undefined ? ', not by Studio' : ` (${code})`}`,
    'Let the proxy pass POST and its headers on.',
  );
}

async function lookAtBodies({ ask }: Place): Promise<Finding> {
  const name = 'bodies';
  const body = JSON.stringify({ padding: 'x'.repeat(BODY_BYTES) });
  const reply = await ask('/api/v1/auth/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  if (errorCodeOf(reply) !== undefined) return fine(name, `${BODY_BYTES / 1024 / 1024} MiB arrive`);
  return failure(
    name,
    `the proxy refuses a body of ${BODY_BYTES / 1024 / 1024} MiB (${reply.status})`,
    `Raise its limit: Studio has limits of its own (nginx: client_max_body_size 0). ${SEE}`,
  );
}

/** Announced, not sent: Studio refuses a stranger before it reads, so a proxy that waits for the whole gives no answer. */
async function lookAtUploads({ ask }: Place): Promise<Finding> {
  const name = 'uploads';
  const options = {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(UPLOAD_BYTES) },
    isBodyHeld: true,
    timeoutMs: 5_000,
  };
  const reply = await ask('/api/v1/files/doctor.bin', options).catch((error: unknown) => messageOf(error));
  if (typeof reply === 'string')
    return warning(
      name,
      `the proxy collects uploads before it passes them on (${reply})`,
      `They start late and fill its disk; turn that off (nginx: proxy_request_buffering off). ${SEE}`,
    );
  if (errorCodeOf(reply) !== undefined) return fine(name, 'passed on as they come');
  const about = `the proxy refuses an upload of ${UPLOAD_BYTES / 1024 / 1024} MiB (${reply.status})`;
  return warning(name, about, 'Raise its limit, or upload large files by another address; uploads in parts (tus) pass smaller limits.');
}

async function lookAtMethods({ ask }: Place): Promise<Finding> {
  const name = 'methods';
  const asked = await Promise.all(
    [
      ['PATCH', '/api/v1/users/me'],
      ['DELETE', '/api/v1/api-keys/key_doctor'],
      ['PUT', '/api/v1/secrets/DOCTOR'],
    ].map(async ([method = '', path = '']) => ({ method, code: errorCodeOf(await ask(path, { method })) })),
  );
  const cut = asked.filter(({ code }) => code === undefined).map(({ method }) => method);
  if (cut.length === 0) return fine(name, 'PATCH, PUT and DELETE arrive');
  return failure(name, `the proxy answers ${cut.join(', ')} itself`, 'Allow every method below the address of Studio.');
}

/** A parameter that holds a slash: decoded on the way it becomes another path. */
async function lookAtPaths({ ask }: Place): Promise<Finding> {
  const name = 'paths';
  const reply = await ask('/api/v1/instances/inst_doctor/steps/a%2Fb/attempts');
  if (errorCodeOf(reply) === 'unauthenticated') return fine(name, 'kept as they were sent');
  return failure(
    name,
    `the proxy changes %2F in a path (${reply.status}): steps inside loops can't be opened`,
    `Let it pass the path undecoded (nginx: no URI in proxy_pass, or $request_uri). ${SEE}`,
  );
}

async function lookAtHeaders({ ask, base }: Place): Promise<Finding> {
  const name = 'headers';
  const requestId = `doctor-${process.pid}-${base.length}`;
  const reply = await ask('/api/v1/users/me', { headers: { authorization: 'Bearer studio-doctor', 'x-request-id': requestId } });
  if (reply.headers['www-authenticate'] !== undefined && errorCodeOf(reply) === undefined)
    return failure(
      name,
      'the proxy asks for a login of its own',
      'API keys need the Authorization header: let the proxy protect with a cookie, or not at all. Studio asks for a login itself.',
    );
  if (errorCodeOf(reply) !== 'unauthenticated') return failure(name, `a call is answered ${reply.status}, not by Studio`, 'Let the proxy pass /api on.');
  if (!/not, or no longer, valid/.test(reply.text))
    return failure(name, 'the proxy takes Authorization off: API keys do not work', 'Let it pass that header on.');
  if (reply.headers.age !== undefined || reply.headers['x-request-id'] !== requestId)
    return failure(name, 'answers come from a cache, or headers are changed', 'Nothing of Studio may be cached: it says no-store; do not override that.');
  if (reply.headers['content-security-policy'] === undefined)
    return warning(name, 'the proxy takes Content-Security-Policy off', 'Let it pass the headers of answers on: they protect those who sign in.');
  return fine(name, 'handed on both ways');
}
