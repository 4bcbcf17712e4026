/** Looks whether a domain leads to this Studio: asks the DNS, calls the domain as anybody would, and tells by a challenge who answered. Changes nothing.
 *  One thing to know: Cloudflare answers for a proxied name with addresses of its own, so that a missing CNAME says nothing; who answers does. */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Resolver } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIPv6, type LookupFunction } from 'node:net';
import type { DomainVerification } from '../contract/domains.ts';
import { messageOf } from '../kernel/fail.ts';

export type DomainResolver = Pick<Resolver, 'resolve4' | 'resolve6' | 'resolveCname'>;

export interface DomainCheck {
  readonly domain: string;
  /** What it should point at; undefined: not known. */
  readonly target: string | undefined;
  readonly resolver: DomainResolver;
  /** Where it is called: `https://<domain>`. */
  readonly origin: string;
  /** What this Studio answers to a challenge. */
  readonly prove: (challenge: string) => string;
}

const ANSWER_MS = 10_000;
const MAX_BYTES = 4_096;
const PATH = '/api/v1/system/maintenance';

/** @param secret of this Studio alone  @returns the answer to a challenge; no other use of the secret gives the same */
export function createProof(secret: string): (challenge: string) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'studio/domain-identity/v1', 32));
  return (challenge) => createHmac('sha256', key).update(challenge).digest('base64url');
}

/** @throws never */
export async function checkDomain(check: DomainCheck): Promise<Omit<DomainVerification, 'at'>> {
  const { domain, target, resolver } = check;
  const [cnames, four, six] = await Promise.all([
    resolver.resolveCname(domain).catch(() => []),
    resolver.resolve4(domain).catch(() => []),
    resolver.resolve6(domain).catch(() => []),
  ]);
  const addresses = [...four, ...six];
  const found = { addresses, cnames: cnames.map((name) => name.replace(/\.$/, '').toLowerCase()) };
  const wanted = target === undefined ? 'the tunnel' : `the CNAME ${target}`;
  if (addresses.length === 0)
    return {
      ...found,
      verdict: 'does_not_resolve',
      message: `${domain} has no address in the DNS. Add ${wanted} for it; a new record takes minutes to be seen.`,
    };
  const other = target !== undefined && found.cnames.length > 0 && !found.cnames.includes(target) ? found.cnames[0] : undefined;
  const elsewhere = other === undefined ? '' : ` It points at ${other}: make that ${target ?? ''}.`;
  try {
    const answer = await askIdentity(check, addresses);
    if (answer === undefined)
      return {
        ...found,
        verdict: other === undefined ? 'another_answers' : 'points_elsewhere',
        message: `${domain} is answered by something else than this Studio.${elsewhere}`,
      };
    if (answer.isTunnelled) return { ...found, verdict: 'ok', message: `${domain} leads to this Studio through the tunnel.` };
    return {
      ...found,
      verdict: 'not_tunnelled',
      message: `${domain} leads to this Studio, but not through the tunnel: whoever calls it sees this machine's address.${elsewhere}`,
    };
  } catch (error) {
    const verdict = other === undefined ? 'no_answer' : 'points_elsewhere';
    const next = elsewhere === '' ? ' Does cloudflared run, and does the tunnel have a public hostname for it?' : elsewhere;
    return { ...found, verdict, message: `${domain} did not answer: ${messageOf(error)}.${next}` };
  }
}

/** @returns undefined when it was somebody else who answered */
async function askIdentity({ origin, prove }: DomainCheck, addresses: readonly string[]): Promise<{ readonly isTunnelled: boolean } | undefined> {
  const challenge = randomBytes(32).toString('hex');
  const url = new URL(`${origin}${PATH}?challenge=${challenge}`);
  const { status, text } = await get(url, addresses);
  if (status !== 200) return undefined;
  const expected = Buffer.from(prove(challenge));
  const { proof, isTunnelled } = parsed(text);
  const given = Buffer.from(typeof proof === 'string' ? proof : '');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return { isTunnelled: isTunnelled === true };
}

function parsed(text: string): { readonly proof?: unknown; readonly isTunnelled?: unknown } {
  try {
    const value = JSON.parse(text) as { readonly identity?: unknown } | null;
    const identity = value?.identity;
    return typeof identity === 'object' && identity !== null ? identity : {};
  } catch {
    return {};
  }
}

/** Of the addresses that were resolved, so that what was looked at is what is asked. Follows no redirect. */
function get(url: URL, addresses: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
  const known = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  const lookup: LookupFunction = (_host, options, done) => {
    const [first] = known;
    if (options.all === true) done(null, known);
    else done(null, first?.address ?? '', first?.family ?? 4);
  };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { lookup, agent: false, signal }, (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (part: string) => {
        text += part;
        // Longer than any answer of ours.
        if (text.length > MAX_BYTES) reply.destroy();
      });
      reply.on('close', () => resolve({ status: reply.statusCode ?? 0, text }));
      reply.on('error', reject);
    });
    request.on('error', (error) => reject(signal.aborted ? new Error(`no answer within ${ANSWER_MS / 1_000} s`) : error));
    request.end();
  });
}
