/** Access tokens of the client-credentials grant (RFC 6749, 4.4): fetched when one is needed, kept in memory until shortly before it ends.
 *  The client's secret goes to the token URL alone: a redirect is an answer like any other, and no token. */
import { createHash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import { messageOf } from '../kernel/fail.ts';
import { NodeError } from '../nodes/kit.ts';
import type { CredentialValues } from './types.ts';

const TIMEOUT_MS = 20_000;
const MAX_REPLY_BYTES = 256 * 1024;
/** A provider that does not say: short enough that a revoked client is noticed. */
const DEFAULT_LIFE_MS = 5 * 60_000;
/** Given up this long before its end: a request takes its time. */
const EARLY_MS = 60_000;
const MAX_KEPT = 1_000;

/** A credential can't be used; a step that needs it fails with this. The message holds no secret. */
export class CredentialError extends NodeError {
  override readonly code:
    | 'credential_missing'
    | 'credential_expired'
    | 'credential_forbidden'
    | 'credential_unreadable'
    | 'credential_refused'
    | 'credential_failed';
  constructor(code: CredentialError['code'], message: string, options: { readonly final: boolean; readonly cause?: unknown }) {
    super(code, message, options);
    this.code = code;
  }
}

export interface AccessTokens {
  /** @throws CredentialError */
  of(http: Pick<Egress, 'request'>, values: CredentialValues): Promise<string>;
}

export function createAccessTokens(clock: Clock): AccessTokens {
  const kept = new Map<string, { readonly token: Promise<Fetched>; readonly askedAt: number }>();
  return {
    async of(http, values) {
      // All that the token depends on: whoever changes a field asks anew.
      const key = createHash('sha256')
        .update(JSON.stringify(Object.entries(values).toSorted()))
        .digest('hex');
      const known = kept.get(key);
      if (known !== undefined) {
        const fetched = await known.token.catch(() => undefined);
        if (fetched !== undefined && clock.now() < known.askedAt + fetched.lifeMs) return fetched.token;
        if (kept.get(key) === known) kept.delete(key);
      }
      // Several steps at once share one request.
      const flight = kept.get(key) ?? { token: fetchToken(http, values), askedAt: clock.now() };
      kept.set(key, flight);
      const [oldest] = kept.keys();
      if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
      return (await flight.token).token;
    },
  };
}

interface Fetched {
  readonly token: string;
  readonly lifeMs: number;
}

async function fetchToken(http: Pick<Egress, 'request'>, values: CredentialValues): Promise<Fetched> {
  const { tokenUrl = '', clientId = '', clientSecret = '', scope, audience } = values;
  const inBody = values['sendAs'] === 'body';
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== undefined) form.set('scope', scope);
  if (audience !== undefined) form.set('audience', audience);
  if (inBody) {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  }
  const pair = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64');
  const { host } = new URL(tokenUrl);
  let reply;
  try {
    reply = await http.request({
      method: 'POST',
      url: tokenUrl,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        ...(inBody ? {} : { authorization: `Basic ${pair}` }),
      },
      body: Buffer.from(form.toString()),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_REPLY_BYTES,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      keepsRedirects: true,
    });
  } catch (error) {
    throw new CredentialError('credential_failed', `no access token from ${host}: ${messageOf(error)}`, { final: false, cause: error });
  }
  const body = parse(reply.body);
  const token = body['access_token'];
  if (reply.status !== 200 || typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    const said = typeof body['error'] === 'string' ? ` (${body['error'].slice(0, 100)})` : '';
    const why = reply.status === 200 ? 'its answer held no access token' : `it answered ${reply.status}${said}`;
    throw new CredentialError('credential_refused', `no access token from ${host}: ${why}`, { final: reply.status < 500 && reply.status !== 429 });
  }
  const lifeS = Number(body['expires_in']);
  const lifeMs = Number.isFinite(lifeS) && lifeS > 0 ? Math.max(lifeS * 1_000 - EARLY_MS, lifeS * 500) : DEFAULT_LIFE_MS;
  return { token, lifeMs };
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // A page where JSON should be: no token.
    return {};
  }
}
