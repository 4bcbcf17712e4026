/** Rows of sessions: a token or cookie counts only while its row lives. Secrets are stored as SHA-256 of 256 random bits. */
import type { Session } from '../contract/auth.ts';
import type { Role } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { roleOf } from './users.ts';

/** Everything a process must know at once about ended sessions and changed rights. */
export const IDENTITY_CHANNEL = 'studio_identity';

/** Whoever a live credential belongs to, with the rights of this moment. */
export interface Principal {
  readonly userId: string;
  readonly orgId: string;
  readonly role: Role;
  readonly mustChangePassword: boolean;
}

export interface LiveSession extends Principal {
  readonly sessionId: string;
  readonly lastSeenAt: Date;
}

interface LiveRow {
  id: string;
  user_id: string;
  org_id: string;
  last_seen_at: Date;
  is_super_admin: boolean;
  password_change_required: boolean;
  role: 'user' | 'admin';
}

const LIVE = `select s.id, s.user_id, s.org_id, s.last_seen_at, u.is_super_admin, u.password_change_required, m.role
  from sessions s join users u on u.id = s.user_id join members m on m.org_id = s.org_id and m.user_id = s.user_id
  where m.status = 'active' and s.expires_at > $2`;

/** The session an access token names. */
export async function readLiveSession(sql: Sql, sessionId: string, now: Date): Promise<LiveSession | undefined> {
  const { rows } = await sql.query<LiveRow>(`${LIVE} and s.client = 'api' and s.id = $1`, [sessionId, now]);
  return rows[0] === undefined ? undefined : liveOf(rows[0]);
}

/** The session of a browser's cookie, or of a refresh token. */
export async function readSessionBySecret(
  sql: Sql,
  secretHash: Buffer,
  at: { readonly client: 'web' | 'api'; readonly now: Date },
): Promise<LiveSession | undefined> {
  const { rows } = await sql.query<LiveRow>(`${LIVE} and s.client = $3 and s.refresh_hash = $1`, [secretHash, at.now, at.client]);
  return rows[0] === undefined ? undefined : liveOf(rows[0]);
}

export interface NewSession {
  readonly id: string;
  readonly orgId: string;
  readonly userId: string;
  readonly client: 'web' | 'api';
  readonly secretHash: Buffer;
  readonly userAgent: string;
  readonly address: string;
  readonly now: Date;
  readonly expiresAt: Date;
}

export async function insertSession(sql: Sql, session: NewSession): Promise<void> {
  await sql.query(
    `insert into sessions (id, org_id, user_id, client, refresh_hash, user_agent, address, created_at, last_seen_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)`,
    [session.id, session.orgId, session.userId, session.client, session.secretHash, session.userAgent, session.address, session.now, session.expiresAt],
  );
}

/** Exchanges one refresh token for the next; the old one is remembered.
 *  @returns the session's id; undefined when `oldHash` is no live session's */
export async function rotateSession(
  sql: Sql,
  change: { readonly oldHash: Buffer; readonly newHash: Buffer; readonly now: Date; readonly expiresAt: Date },
): Promise<string | undefined> {
  const { rows } = await sql.query<{ id: string }>(
    `with rotated as (
       update sessions set refresh_hash = $2, last_seen_at = $3, expires_at = least($4, created_at + interval '90 days') where refresh_hash = $1 and client = 'api' and expires_at > $3 returning id
     ), used as (
       insert into used_refresh_tokens (token_hash, session_id, used_at) select $1, id, $3 from rotated
     )
     select id from rotated`,
    [change.oldHash, change.newHash, change.now, change.expiresAt],
  );
  return rows[0]?.id;
}

/** The session whose refresh token was exchanged before and now came back. */
export async function readReusedSession(sql: Sql, tokenHash: Buffer): Promise<string | undefined> {
  const { rows } = await sql.query<{ session_id: string }>(`select session_id from used_refresh_tokens where token_hash = $1`, [tokenHash]);
  return rows[0]?.session_id;
}

/** Notes that a session is in use. Whatever `expiresAt` asks for, 90 days after signing in one signs in again. */
export async function touchSession(sql: Sql, session: { readonly id: string; readonly now: Date; readonly expiresAt?: Date | undefined }): Promise<void> {
  await sql.query(`update sessions set last_seen_at = $2, expires_at = least(coalesce($3, expires_at), created_at + interval '90 days') where id = $1`, [
    session.id,
    session.now,
    session.expiresAt ?? null,
  ]);
}

/** A page of a person's live sessions, newest first. `current` is set by the caller's own id. */
export async function listSessions(
  sql: Sql,
  page: { readonly userId: string; readonly currentId: string | null; readonly limit: number; readonly after?: string | undefined; readonly now: Date },
): Promise<{ items: Session[]; next: string | null }> {
  const { rows } = await sql.query<{
    id: string;
    client: 'web' | 'api';
    user_agent: string;
    address: string;
    created_at: Date;
    last_seen_at: Date;
    expires_at: Date;
  }>(
    `select id, client, user_agent, address, created_at, last_seen_at, expires_at from sessions
     where user_id = $1 and expires_at > $2 and ($3::text is null or id < $3) order by id desc limit $4`,
    [page.userId, page.now, page.after ?? null, page.limit + 1],
  );
  const items = rows.slice(0, page.limit).map((row) => ({
    id: row.id,
    client: row.client,
    userAgent: row.user_agent,
    address: row.address,
    current: row.id === page.currentId,
    createdAt: row.created_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  }));
  return { items, next: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

export interface EndedSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly orgId: string;
}

/** Ends sessions: one by id, or all of a person (of one org when given) but `exceptId`. @returns those that lived */
export async function deleteSessions(
  sql: Sql,
  which: {
    readonly id?: string | undefined;
    readonly userId?: string | undefined;
    readonly orgId?: string | undefined;
    readonly exceptId?: string | null | undefined;
  },
): Promise<EndedSession[]> {
  const { rows } = await sql.query<{ id: string; user_id: string; org_id: string }>(
    `delete from sessions where (id = $1 or ($1::text is null and user_id = $2::text)) and ($2::text is null or user_id = $2) and ($3::text is null or org_id = $3)
       and ($4::text is null or id <> $4) returning id, user_id, org_id`,
    [which.id ?? null, which.userId ?? null, which.orgId ?? null, which.exceptId ?? null],
  );
  return rows.map((row) => ({ sessionId: row.id, userId: row.user_id, orgId: row.org_id }));
}

/** Ends a person's oldest sessions beyond the newest `keep`. @returns those that lived */
export async function deleteOldestSessions(sql: Sql, which: { readonly userId: string; readonly keep: number }): Promise<EndedSession[]> {
  const { rows } = await sql.query<{ id: string; user_id: string; org_id: string }>(
    `delete from sessions where id in (select id from sessions where user_id = $1 order by last_seen_at desc, id desc offset $2) returning id, user_id, org_id`,
    [which.userId, which.keep],
  );
  return rows.map((row) => ({ sessionId: row.id, userId: row.user_id, orgId: row.org_id }));
}

export async function deleteExpiredSessions(sql: Sql, now: Date): Promise<void> {
  await sql.query(`delete from sessions where expires_at <= $1`, [now]);
}

/** Tells every process, when the transaction commits. */
export async function notifyIdentity(sql: Sql, message: string): Promise<void> {
  await sql.query(`select pg_notify($1, $2)`, [IDENTITY_CHANNEL, message]);
}

function liveOf(row: LiveRow): LiveSession {
  return {
    sessionId: row.id,
    userId: row.user_id,
    orgId: row.org_id,
    role: roleOf(row),
    mustChangePassword: row.password_change_required,
    lastSeenAt: row.last_seen_at,
  };
}
