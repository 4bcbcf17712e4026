/** Rows of pending invitations. The link's secret is stored as its SHA-256; a row goes when it is accepted or revoked. */
import type { Invite } from '../contract/invites.ts';
import type { Role } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { roleOf } from './users.ts';

interface InviteRow {
  id: string;
  org_id: string;
  org_name: string;
  email: string;
  role: Role;
  invited_by: string;
  inviter_name: string;
  inviter_role: 'user' | 'admin' | null;
  inviter_is_super_admin: boolean;
  created_at: Date;
  sent_at: Date;
  expires_at: Date;
}

/** An invitation with what decides whether it still counts. */
export interface StoredInvite {
  readonly id: string;
  readonly orgId: string;
  readonly orgName: string;
  readonly email: string;
  readonly role: Role;
  readonly invitedBy: { readonly userId: string; readonly name: string };
  /** Of who invited, at this moment; null when they are no member any more, or shut out. */
  readonly inviterRole: Role | null;
  readonly createdAt: Date;
  readonly sentAt: Date;
  readonly expiresAt: Date;
}

const SELECT = `select i.id, i.org_id, o.name as org_name, i.email, i.role, i.invited_by, u.name as inviter_name, m.role as inviter_role,
    u.is_super_admin as inviter_is_super_admin, i.created_at, i.sent_at, i.expires_at
  from invites i join orgs o on o.id = i.org_id join users u on u.id = i.invited_by
    left join members m on m.org_id = i.org_id and m.user_id = i.invited_by and m.status = 'active'`;

/** A page of an org's invitations, newest first. */
export async function listInvites(
  sql: Sql,
  page: { readonly orgId: string; readonly limit: number; readonly after?: string | undefined },
): Promise<{ items: StoredInvite[]; next: string | null }> {
  const { rows } = await sql.query<InviteRow>(`${SELECT} where i.org_id = $1 and ($2::text is null or i.id < $2) order by i.id desc limit $3`, [
    page.orgId,
    page.after ?? null,
    page.limit + 1,
  ]);
  const items = rows.slice(0, page.limit).map(inviteOf);
  return { items, next: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** Read for a change. */
export async function lockInvite(sql: Sql, at: { readonly orgId: string; readonly id: string }): Promise<StoredInvite | undefined> {
  const { rows } = await sql.query<InviteRow>(`${SELECT} where i.org_id = $1 and i.id = $2 for update of i`, [at.orgId, at.id]);
  return rows[0] === undefined ? undefined : inviteOf(rows[0]);
}

/** The invitation of a link. `forUse`: nobody else uses it until the transaction ends. */
export async function readInviteByToken(sql: Sql, tokenHash: Buffer, forUse = false): Promise<StoredInvite | undefined> {
  const { rows } = await sql.query<InviteRow>(`${SELECT} where i.token_hash = $1${forUse ? ' for update of i' : ''}`, [tokenHash]);
  return rows[0] === undefined ? undefined : inviteOf(rows[0]);
}

export interface NewInvite {
  readonly id: string;
  readonly orgId: string;
  readonly email: string;
  readonly role: Role;
  readonly tokenHash: Buffer;
  readonly invitedBy: string;
  readonly now: Date;
  readonly expiresAt: Date;
}

/** @returns false when the org has a pending invitation for that address */
export async function insertInvite(sql: Sql, invite: NewInvite): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into invites (id, org_id, email, role, token_hash, invited_by, created_at, sent_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7, $8) on conflict (org_id, lower(email)) do nothing`,
    [invite.id, invite.orgId, invite.email, invite.role, invite.tokenHash, invite.invitedBy, invite.now, invite.expiresAt],
  );
  return rowCount === 1;
}

/** Another link in place of the one before, in the name of who asks for it. */
export async function renewInvite(
  sql: Sql,
  invite: { readonly id: string; readonly tokenHash: Buffer; readonly invitedBy: string; readonly now: Date; readonly expiresAt: Date },
): Promise<void> {
  await sql.query(`update invites set token_hash = $2, invited_by = $3, sent_at = $4, expires_at = $5 where id = $1`, [
    invite.id,
    invite.tokenHash,
    invite.invitedBy,
    invite.now,
    invite.expiresAt,
  ]);
}

/** Another role, in the name of who gives it. */
export async function updateInviteRole(sql: Sql, invite: { readonly id: string; readonly role: Role; readonly invitedBy: string }): Promise<void> {
  await sql.query(`update invites set role = $2, invited_by = $3 where id = $1`, [invite.id, invite.role, invite.invitedBy]);
}

export async function deleteInvite(sql: Sql, id: string): Promise<void> {
  await sql.query(`delete from invites where id = $1`, [id]);
}

export async function deleteOldInvites(sql: Sql, expiredBefore: Date): Promise<void> {
  await sql.query(`delete from invites where expires_at < $1`, [expiredBefore]);
}

export async function countInvites(sql: Sql, orgId: string): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*) as count from invites where org_id = $1`, [orgId]);
  return rows[0]?.count ?? 0;
}

/** Whether the address is a member's of this org. */
export async function isMemberAddress(sql: Sql, at: { readonly orgId: string; readonly email: string }): Promise<boolean> {
  const { rows } = await sql.query<{ found: boolean }>(
    `select exists (select 1 from members m join users u on u.id = m.user_id where m.org_id = $1 and lower(u.email) = lower($2)) as found`,
    [at.orgId, at.email],
  );
  return rows[0]?.found ?? false;
}

/** What lists show. */
export function invitePart(invite: StoredInvite, state: Invite['state']): Invite {
  const { id, email, role, invitedBy } = invite;
  const times = { createdAt: invite.createdAt.toISOString(), sentAt: invite.sentAt.toISOString(), expiresAt: invite.expiresAt.toISOString() };
  return { id, email, role, state, invitedBy, ...times };
}

function inviteOf(row: InviteRow): StoredInvite {
  return {
    id: row.id,
    orgId: row.org_id,
    orgName: row.org_name,
    email: row.email,
    role: row.role,
    invitedBy: { userId: row.invited_by, name: row.inviter_name },
    inviterRole: row.inviter_role === null ? null : roleOf({ is_super_admin: row.inviter_is_super_admin, role: row.inviter_role }),
    createdAt: row.created_at,
    sentAt: row.sent_at,
    expiresAt: row.expires_at,
  };
}
