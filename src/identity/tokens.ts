/** Tokens: short access tokens (JWT HS256 that names a session) and opaque secrets of 256 random bits, stored as their SHA-256.
 *  A JWT alone is worth nothing: the session it names must live (identity/authenticate). */
import { createHash, randomBytes } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../kernel/clock.ts';

/** 15 min: what a stolen access token is worth at most if the session's end were never heard of. */
export const ACCESS_TOKEN_S = 15 * 60;
const ISSUER = 'studio';
const AUDIENCE = 'studio-api';
const TYPE = 'at+jwt';
/** HS256 wants a key of at least its output's length. */
const MIN_KEY_BYTES = 32;

/** What stored secrets are hashed with, and what signs access tokens. */
export const SECRET_HASH = 'sha256';
export const TOKEN_ALGORITHM = 'HS256';

const PREFIXES = { key: 'stk_', refresh: 'str_', claim: 'stc_', invite: 'sti_', cookie: '' } as const;

/** A new opaque secret of a kind that its prefix shows (so that scanners find leaked ones). */
export function newSecret(kind: keyof typeof PREFIXES): string {
  return PREFIXES[kind] + randomBytes(32).toString('base64url');
}

/** What is stored of a secret. No salt: 256 random bits can't be guessed or looked up. Finding a row by it leaks no timing of the secret. */
export function hashSecret(secret: string): Buffer {
  return createHash(SECRET_HASH).update(secret).digest();
}

export function isApiKey(value: string): boolean {
  return value.startsWith(PREFIXES.key);
}

export interface AccessTokens {
  sign(session: { readonly sessionId: string; readonly userId: string }): Promise<string>;
  /** @returns undefined for anything but a token of ours that has not expired */
  verify(token: string): Promise<{ readonly sessionId: string; readonly userId: string } | undefined>;
}

/** @param key JWT_SECRET_KEY  @throws when it is shorter than 256 bits */
export function createAccessTokens(key: string, clock: Pick<Clock, 'now'>): AccessTokens {
  const bytes = new TextEncoder().encode(key);
  if (bytes.length < MIN_KEY_BYTES)
    throw new Error(`JWT_SECRET_KEY has ${bytes.length} bytes; it needs at least ${MIN_KEY_BYTES}. Make one with: openssl rand -hex 32`);
  return {
    sign({ sessionId, userId }) {
      const nowS = Math.floor(clock.now() / 1_000);
      return new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg: TOKEN_ALGORITHM, typ: TYPE })
        .setSubject(userId)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt(nowS)
        .setExpirationTime(nowS + ACCESS_TOKEN_S)
        .sign(bytes);
    },
    async verify(token) {
      const payload = await readToken(token, bytes, clock);
      const sessionId = payload?.['sid'];
      return typeof sessionId === 'string' && typeof payload?.['sub'] === 'string' ? { sessionId, userId: payload['sub'] } : undefined;
    },
  };
}

/** The claims; undefined when the token is not ours, in whatever way. */
async function readToken(token: string, key: Uint8Array, clock: Pick<Clock, 'now'>): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [TOKEN_ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: TYPE,
      requiredClaims: ['exp', 'iat', 'sub', 'sid'],
      currentDate: new Date(clock.now()),
    });
    return payload;
  } catch {
    // Every fault means the same to a caller: not a token of ours. Which one is nobody's business.
    return undefined;
  }
}
