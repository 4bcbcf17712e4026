/** Rows that make a person a member of an org. */
import type { Member } from '../contract/members.ts';
import type { MemberStatus, Role } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { HAS_ACCESS, roleOf } from './users.ts';

interface MemberRow {
  user_id: string;
  email: string;
  name: string;
  role: 'user' | 'admin';
  is_super_admin: boolean;
  status: MemberStatus;
  status_reason: string;
  password_change_required: boolean;
  created_at: Date;
}

const SELECT = `select m.user_id, u.email, u.name, m.role, u.is_super_admin, m.status, m.status_reason, u.password_change_required, m.created_at
  from members m join users u on u.id = m.user_id`;

/** A page of an org's members, newest first. */
export async function listMembers(
  sql: Sql,
  page: { readonly orgId: string; readonly limit: number; readonly after?: string | undefined },
): Promise<{ items: Member[]; next: string | null }> {
  const { rows } = await sql.query<MemberRow>(`${SELECT} where m.org_id = $1 and ($2::text is null or m.user_id < $2) order by m.user_id desc limit $3`, [
    page.orgId,
    page.after ?? null,
    page.limit + 1,
  ]);
  const items = rows.slice(0, page.limit).map(memberOf);
  return { items, next: rows.length > page.limit ? (items.at(-1)?.userId ?? null) : null };
}

/** Read for a change: nobody else changes this member until the transaction ends. */
export async function lockMember(sql: Sql, at: { readonly orgId: string; readonly userId: string }): Promise<Member | undefined> {
  const { rows } = await sql.query<MemberRow>(`${SELECT} where m.org_id = $1 and m.user_id = $2 for update of m, u`, [at.orgId, at.userId]);
  return rows[0] === undefined ? undefined : memberOf(rows[0]);
}

export async function insertMember(
  sql: Sql,
  member: { readonly orgId: string; readonly userId: string; readonly role: 'user' | 'admin'; readonly now: Date },
): Promise<void> {
  await sql.query(`insert into members (org_id, user_id, role, created_at) values ($1, $2, $3, $4)`, [member.orgId, member.userId, member.role, member.now]);
}

export async function updateMemberRole(sql: Sql, member: { readonly orgId: string; readonly userId: string; readonly role: 'user' | 'admin' }): Promise<void> {
  await sql.query(`update members set role = $3 where org_id = $1 and user_id = $2`, [member.orgId, member.userId, member.role]);
}

export async function deleteMember(sql: Sql, at: { readonly orgId: string; readonly userId: string }): Promise<void> {
  await sql.query(`delete from members where org_id = $1 and user_id = $2`, [at.orgId, at.userId]);
}

export async function updateMemberStatus(
  sql: Sql,
  member: { readonly orgId: string; readonly userId: string; readonly status: MemberStatus; readonly reason: string },
): Promise<void> {
  await sql.query(`update members set status = $3, status_reason = $4 where org_id = $1 and user_id = $2`, [
    member.orgId,
    member.userId,
    member.status,
    member.reason,
  ]);
}

/** Administrators of an org that can sign in. Locks them, so that two removals can't each leave the other as the last. */
export async function countAdmins(sql: Sql, orgId: string): Promise<number> {
  const { rows } = await sql.query<{ id: string }>(
    `select user_id as id from members where org_id = $1 and role = 'admin' and status = 'active' order by user_id for update`,
    [orgId],
  );
  return rows.length;
}

/** The orgs that let a person in, by name. */
export async function listMemberships(sql: Sql, userId: string): Promise<{ readonly id: string; readonly name: string; readonly role: Role }[]> {
  const { rows } = await sql.query<{ id: string; name: string; role: 'user' | 'admin'; is_super_admin: boolean }>(
    `select o.id, o.name, m.role, u.is_super_admin from members m join orgs o on o.id = m.org_id join users u on u.id = m.user_id
     where m.user_id = $1 and m.status = 'active' order by lower(o.name), o.id limit 200`,
    [userId],
  );
  return rows.map((row) => ({ id: row.id, name: row.name, role: roleOf(row) }));
}

/** Super administrators that can sign in. Locks them, so that two removals can't each leave the other as the last. */
export async function countSuperAdmins(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ id: string }>(`select u.id from users u where u.is_super_admin and ${HAS_ACCESS} order by u.id for update`);
  return rows.length;
}

function memberOf(row: MemberRow): Member {
  return {
    userId: row.user_id,
    email: row.email,
    name: row.name,
    role: roleOf(row),
    status: row.status,
    statusReason: row.status_reason,
    passwordChangeRequired: row.password_change_required,
    createdAt: row.created_at.toISOString(),
  };
}
