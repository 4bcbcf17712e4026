/** Tokens of webhooks: a JWT of the one algorithm that the trigger names, signed by the key in its secret, not expired. Fails closed: whatever is
 *  odd about the token, the key or their fit is a fault. Never takes an algorithm, a key or an address of keys from the token. */
import { createLocalJWKSet, decodeProtectedHeader, errors, importJWK, importSPKI, jwtVerify, type JSONWebKeySet, type JWK, type JWTVerifyOptions } from 'jose';
import type { WebhookParams } from '../contract/trigger-params.ts';

type JwtParams = NonNullable<WebhookParams['jwt']>;

/** Senders' clocks are off by seconds. */
const CLOCK_TOLERANCE_S = 30;
const MAX_TOKEN_CHARS = 8_192;
const MAX_JTI_CHARS = 500;
/** Of HS256: at least its output's length. */
const MIN_SECRET_BYTES = 32;

type Key = Parameters<typeof jwtVerify>[1];

/** @returns the token's jti ('' where it needs none), or what is wrong, in words that a stranger may read */
export async function readWebhookToken(
  token: string,
  secret: string,
  params: JwtParams & { readonly nowMs: number },
): Promise<{ readonly jti: string } | { readonly fault: string }> {
  if (token === '') return { fault: 'none was sent' };
  if (token.length > MAX_TOKEN_CHARS) return { fault: `it is longer than ${MAX_TOKEN_CHARS} characters` };
  const key = await keyOf(secret, params.alg);
  if (key === undefined) return { fault: "this webhook's key can not be used; its owner has to set it" };
  const options: JWTVerifyOptions = {
    algorithms: [params.alg],
    requiredClaims: ['exp', ...(params.once ? ['jti'] : []), ...(params.maxAgeS === undefined ? [] : ['iat'])],
    clockTolerance: CLOCK_TOLERANCE_S,
    currentDate: new Date(params.nowMs),
    ...(params.issuer === undefined ? {} : { issuer: params.issuer }),
    ...(params.audience === undefined ? {} : { audience: params.audience }),
    ...(params.maxAgeS === undefined ? {} : { maxTokenAge: params.maxAgeS }),
  };
  try {
    if (decodeProtectedHeader(token).alg !== params.alg) return { fault: 'its algorithm is another' };
    const { payload } = await (typeof key === 'function' ? jwtVerify(token, key, options) : jwtVerify(token, key, options));
    const jti = payload.jti ?? '';
    if (params.once && (jti === '' || jti.length > MAX_JTI_CHARS)) return { fault: `its jti has 1 to ${MAX_JTI_CHARS} characters` };
    return { jti };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

function faultOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim "${error.claim}" is missing or another`;
  return 'it is not signed as expected';
}

/** Why a secret can't be the key of such tokens, for its owner; undefined when it can. */
export async function webhookKeyFault(secret: string, alg: JwtParams['alg']): Promise<string | undefined> {
  if ((await keyOf(secret, alg)) !== undefined) return undefined;
  return alg === 'HS256'
    ? `it must be a text of at least ${MIN_SECRET_BYTES} bytes, and no public key`
    : `it must be a public key for ${alg}: PEM (BEGIN PUBLIC KEY), a JWK or a JWKS`;
}

/** A public key is never taken as the shared secret of HS256: who has read it could sign with it. */
async function keyOf(secret: string, alg: JwtParams['alg']): Promise<Key | ReturnType<typeof createLocalJWKSet> | undefined> {
  const text = secret.trim();
  try {
    if (text.startsWith('{')) {
      const parsed = JSON.parse(text) as JSONWebKeySet | JWK;
      const wanted = alg === 'HS256' ? 'oct' : alg === 'RS256' ? 'RSA' : 'EC';
      const keys = ('keys' in parsed && Array.isArray(parsed.keys) ? parsed.keys : [parsed as JWK]).filter((key) => key.kty === wanted);
      const [only] = keys;
      if (only === undefined || (wanted === 'oct' && keys.some((key) => Buffer.from(key.k ?? '', 'base64url').length < MIN_SECRET_BYTES))) return undefined;
      if (keys.length > 1) return createLocalJWKSet({ keys });
      return await importJWK({ ...only, alg }, alg);
    }
    if (text.includes('-----BEGIN')) return alg === 'HS256' ? undefined : await importSPKI(text, alg);
    return alg === 'HS256' && Buffer.byteLength(secret) >= MIN_SECRET_BYTES ? new TextEncoder().encode(secret) : undefined;
  } catch {
    return undefined;
  }
}
