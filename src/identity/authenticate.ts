/** From a credential to a caller with the rights of this moment. Never decides what they may do (policy.ts does).
 *  One thing to know: an answer is cached 2 s at most, and dropped at once when its session, key or person changes. */
import type { Caller } from '../contract/caller.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { readLiveKey, touchApiKey } from '../store/api-keys.ts';
import type { SqlPool } from '../store/client.ts';
import { readLiveSession, readSessionBySecret, touchSession, type LiveSession, type Principal } from '../store/sessions.ts';
import type { Credentials } from './credentials.ts';
import type { IdentityChange, Revocations } from './revocation.ts';
import { hashSecret, isApiKey, type AccessTokens } from './tokens.ts';

/** The bound on how long an end that no notification told of goes unheard (a process cut off from the database hears nothing). */
const CACHE_MS = 2_000;
const MAX_CACHED = 10_000;
/** How exact "last seen" is: a write a minute and session, not one a request. */
const TOUCH_MS = 60_000;
/** A browser that comes back within this time stays signed in. */
export const WEB_IDLE_MS = 30 * 86_400_000;

export type Authenticate = (credentials: Credentials) => Promise<Caller | null>;

interface Parts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tokens: AccessTokens;
  readonly revocations: Revocations;
}

export function createAuthenticate(parts: Parts): Authenticate {
  const { clock } = parts;
  const cache = new Map<string, { readonly caller: Caller; readonly readAt: number }>();
  parts.revocations.onChange((change) => {
    for (const [key, { caller }] of cache) if (concerns(change, caller)) cache.delete(key);
  });
  return async ({ kind, value }) => {
    const source = await sourceOf(parts, kind, value);
    if (source === undefined) return null;
    const cached = cache.get(source.key);
    if (cached !== undefined && clock.monotonic() - cached.readAt < CACHE_MS) return cached.caller;
    // Before the query: a change that commits while it runs is older than this answer's time allows for.
    const readAt = clock.monotonic();
    const caller = await source.read();
    cache.delete(source.key);
    if (caller === null) return null;
    cache.set(source.key, { caller, readAt });
    const [oldest] = cache.keys();
    if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest);
    return caller;
  };
}

function concerns(change: IdentityChange, caller: Caller): boolean {
  if (change.kind === 'session') return caller.sessionId === change.sessionId;
  if (change.kind === 'key') return caller.keyId === change.keyId;
  return change.kind === 'user' && caller.userId === change.userId;
}

interface Source {
  readonly key: string;
  read(): Promise<Caller | null>;
}

async function sourceOf(parts: Parts, kind: Credentials['kind'], value: string): Promise<Source | undefined> {
  if (value === '') return undefined;
  if (kind === 'cookie') return { key: `cookie ${hashSecret(value).toString('hex')}`, read: () => readCookie(parts, value) };
  if (isApiKey(value)) return { key: `key ${hashSecret(value).toString('hex')}`, read: () => readKey(parts, value) };
  const token = await parts.tokens.verify(value);
  if (token === undefined) return undefined;
  return {
    key: `token ${token.sessionId} ${token.userId}`,
    read: async () => {
      const session = await readLiveSession(parts.sql, token.sessionId, new Date(parts.clock.now()));
      if (session === undefined || session.userId !== token.userId) return null;
      seen(parts, session, undefined);
      return callerOf(session, { via: 'token', sessionId: session.sessionId });
    },
  };
}

async function readCookie(parts: Parts, value: string): Promise<Caller | null> {
  const nowMs = parts.clock.now();
  const session = await readSessionBySecret(parts.sql, hashSecret(value), { client: 'web', now: new Date(nowMs) });
  if (session === undefined) return null;
  seen(parts, session, new Date(nowMs + WEB_IDLE_MS));
  return callerOf(session, { via: 'cookie', sessionId: session.sessionId });
}

async function readKey(parts: Parts, value: string): Promise<Caller | null> {
  const now = new Date(parts.clock.now());
  const key = await readLiveKey(parts.sql, hashSecret(value), now);
  if (key === undefined) return null;
  if (now.getTime() - (key.lastUsedAt?.getTime() ?? 0) > TOUCH_MS) inBackground(parts.log, touchApiKey(parts.sql, key.keyId, now));
  const { keyId, scopes, modelLimits } = key;
  return { ...callerOf(key, { via: 'key', sessionId: null, keyId, scopes }), ...(modelLimits === null ? {} : { modelLimits }) };
}

function seen(parts: Parts, session: LiveSession, expiresAt: Date | undefined): void {
  const nowMs = parts.clock.now();
  if (nowMs - session.lastSeenAt.getTime() <= TOUCH_MS) return;
  inBackground(parts.log, touchSession(parts.sql, { id: session.sessionId, now: new Date(nowMs), expiresAt }));
}

/** "Last seen" is worth no caller's wait, and no caller's failure. */
function inBackground(log: Logger, work: Promise<void>): void {
  work.catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'the time of last use could not be written'));
}

function callerOf(principal: Principal, source: { via: Caller['via']; sessionId: string | null; keyId?: string; scopes?: readonly string[] }): Caller {
  return {
    userId: principal.userId,
    orgId: principal.orgId,
    role: principal.role,
    scopes: source.scopes ?? null,
    via: source.via,
    sessionId: source.sessionId,
    keyId: source.keyId ?? null,
    ...(principal.mustChangePassword ? { mustChangePassword: true } : {}),
  };
}
