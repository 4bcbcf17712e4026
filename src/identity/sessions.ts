/** Sessions: begun at sign-in, refreshed by rotation, ended by their owner, by a password change, or by the reuse of an old refresh token. */
import type { Session, SignedIn, User } from '../contract/auth.ts';
import type { Caller } from '../contract/caller.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SqlPool } from '../store/client.ts';
import {
  deleteOldestSessions,
  deleteSessions,
  insertSession,
  listSessions,
  readReusedSession,
  readSessionBySecret,
  rotateSession,
  touchSession,
  type EndedSession,
} from '../store/sessions.ts';
import { readAccount, type Account } from '../store/users.ts';
import { WEB_IDLE_MS } from './authenticate.ts';
import type { Author, Change, Commit } from './commit.ts';
import { ACCESS_TOKEN_S, hashSecret, newSecret, type AccessTokens } from './tokens.ts';

/** A refresh token not used for this long is over. */
const API_IDLE_MS = 30 * 86_400_000;
/** Sessions a person may have; the one unused for longest goes first. A script that logs in for every call must not grow the table. */
const MAX_SESSIONS = 100;

/** From where somebody signs in. */
export interface Device {
  readonly client: 'web' | 'api';
  readonly userAgent: string;
  readonly address: string;
  readonly requestId?: string | undefined;
}

/** What signing in gives: the reply, and for a browser the cookie's value. */
export interface SignIn {
  readonly reply: SignedIn;
  readonly cookie?: { readonly value: string; readonly maxAgeS: number };
}

export interface Sessions {
  /** Begins a session inside the transaction that let the person in. */
  begin(change: Change, account: Account, device: Device): Promise<SignIn>;
  /** Exchanges a refresh token. @throws AppError unauthenticated; a token used before also ends its session */
  refresh(refreshToken: string, author: Author): Promise<SignIn>;
  /** Renews a browser's cookie: same value, new time. */
  renew(cookie: string): Promise<SignIn>;
  /** Ends a session inside a transaction in which another takes its place. */
  endIn(change: Change, which: { readonly id: string; readonly userId: string; readonly reason: string }): Promise<void>;
  /** Goes on in another org: a new session takes the place of this one. @throws AppError not_found, forbidden */
  switchOrg(caller: Caller, orgId: string, device: Device): Promise<SignIn>;
  list(caller: Caller, page: { readonly limit: number; readonly after?: string | undefined }): Promise<{ items: Session[]; next: string | null }>;
  /** Ends one of the caller's own sessions. @throws AppError not_found */
  end(caller: Caller, id: string, author: Author): Promise<void>;
}

interface Parts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly tokens: AccessTokens;
  readonly commit: Commit;
}

export function createSessions({ sql, clock, tokens, commit }: Parts): Sessions {
  const sessions: Sessions = {
    async begin(change, account, device) {
      const secret = newSecret(device.client === 'web' ? 'cookie' : 'refresh');
      const sessionId = newId('sess', clock);
      const lifeMs = device.client === 'web' ? WEB_IDLE_MS : API_IDLE_MS;
      const { now } = change;
      await insertSession(change.sql, {
        id: sessionId,
        orgId: account.orgId,
        userId: account.id,
        client: device.client,
        secretHash: hashSecret(secret),
        userAgent: storable(device.userAgent).slice(0, 300),
        address: device.address,
        now,
        expiresAt: new Date(now.getTime() + lifeMs),
      });
      await endSessions(change, await deleteOldestSessions(change.sql, { userId: account.id, keep: MAX_SESSIONS }), 'too_many');
      await change.audit('session.started', sessionId, { client: device.client }, account.orgId);
      if (device.client === 'web') return forBrowser(secret, account);
      return {
        reply: { accessToken: await tokens.sign({ sessionId, userId: account.id }), refreshToken: secret, expiresInS: ACCESS_TOKEN_S, user: userOf(account) },
      };
    },
    async refresh(refreshToken, author) {
      const next = newSecret('refresh');
      const nowMs = clock.now();
      const oldHash = hashSecret(refreshToken);
      const newHash = hashSecret(next);
      const sessionId = await rotateSession(sql, { oldHash, newHash, now: new Date(nowMs), expiresAt: new Date(nowMs + API_IDLE_MS) });
      if (sessionId === undefined) return refuseReuse(oldHash, author);
      const session = await readSessionBySecret(sql, newHash, { client: 'api', now: new Date(nowMs) });
      const account = session === undefined ? undefined : await readAccount(sql, session);
      if (account === undefined) return fail('unauthenticated', 'This session is over. Log in again.');
      return {
        reply: { accessToken: await tokens.sign({ sessionId, userId: account.id }), refreshToken: next, expiresInS: ACCESS_TOKEN_S, user: userOf(account) },
      };
    },
    async renew(cookie) {
      const now = new Date(clock.now());
      const session = await readSessionBySecret(sql, hashSecret(cookie), { client: 'web', now });
      const account = session === undefined ? undefined : await readAccount(sql, session);
      if (session === undefined || account === undefined) return fail('unauthenticated', 'This session is over. Log in again.');
      await touchSession(sql, { id: session.sessionId, now, expiresAt: new Date(now.getTime() + WEB_IDLE_MS) });
      return forBrowser(cookie, account);
    },
    async endIn(change, { id, userId, reason }) {
      await endSessions(change, await deleteSessions(change.sql, { id, userId }), reason);
    },
    async switchOrg(caller, orgId, device) {
      const id = caller.sessionId ?? fail('forbidden', 'An API key belongs to one organisation; make one in the other.');
      const author = { actor: caller.userId, orgId, address: device.address, requestId: device.requestId };
      return commit(author, async (change) => {
        const account = await readAccount(change.sql, { userId: caller.userId, orgId });
        if (account?.status !== 'active') return fail('not_found', `You are no member of an organisation "${orgId}".`);
        const signIn = await sessions.begin(change, account, device);
        await sessions.endIn(change, { id, userId: caller.userId, reason: 'switched_org' });
        return signIn;
      });
    },
    list: (caller, page) => listSessions(sql, { userId: caller.userId, currentId: caller.sessionId, now: new Date(clock.now()), ...page }),
    async end(caller, id, author) {
      const ended = await commit(author, async (change) => endSessions(change, await deleteSessions(change.sql, { id, userId: caller.userId }), 'signed_out'));
      if (ended === 0) fail('not_found', `You have no session "${id}".`);
    },
  };
  return sessions;

  /** A refresh token that was exchanged before is in two hands: neither may go on. */
  async function refuseReuse(tokenHash: Buffer, author: Author): Promise<never> {
    const reused = await readReusedSession(sql, tokenHash);
    if (reused !== undefined) {
      await commit(author, async (change) => {
        const ended = await deleteSessions(change.sql, { id: reused });
        await endSessions(change, ended, 'refresh_token_reused');
        for (const session of ended) await change.audit('session.refresh_token_reused', session.sessionId, { userId: session.userId }, session.orgId);
      });
    }
    return fail('unauthenticated', 'This refresh token is not, or no longer, valid. Log in again.');
  }
}

/** Tells of sessions whose rows are gone. @returns how many */
export async function endSessions(change: Change, ended: readonly EndedSession[], reason: string): Promise<number> {
  for (const session of ended) {
    change.tell({ kind: 'session', sessionId: session.sessionId });
    // Serial: one connection, inside one transaction.
    await change.event({
      kind: 'session',
      id: session.sessionId,
      type: 'identity:session:ended',
      orgId: session.orgId,
      parent: `user:${session.userId}`,
      payload: { userId: session.userId, reason },
    });
    await change.audit('session.ended', session.sessionId, { userId: session.userId, reason }, session.orgId);
  }
  return ended.length;
}

/** The public part of an account. */
export function userOf(account: Account): User {
  const { id, email, name, role, orgId, orgName, passwordChangeRequired, createdAt } = account;
  return { id, email, name, role, orgId, orgName, passwordChangeRequired, createdAt };
}

function forBrowser(cookie: string, account: Account): SignIn {
  const maxAgeS = Math.floor(WEB_IDLE_MS / 1_000);
  return { reply: { expiresInS: maxAgeS, user: userOf(account) }, cookie: { value: cookie, maxAgeS } };
}

/** Header text as PostgreSQL can keep it. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '');
}
