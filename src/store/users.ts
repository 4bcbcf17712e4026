/** Rows of people: accounts and their membership. Passwords are stored as argon2id hashes only; who may change what is identity's to say. */
import type { User } from '../contract/auth.ts';
import type { MemberStatus, Role } from '../contract/values.ts';
import type { Sql } from './client.ts';

/** Of a row `u` of users: whether any org lets the person in. What they may do beyond an org (super_admin) holds only then. */
export const HAS_ACCESS = `exists (select 1 from members open where open.user_id = u.id and open.status = 'active')`;

/** An account with the org it acts in. */
export interface Account extends User {
  readonly passwordHash: string;
  /** Of their membership in that org: only `active` lets them in. */
  readonly status: MemberStatus;
}

interface AccountRow {
  id: string;
  email: string;
  name: string;
  password_hash: string;
  is_super_admin: boolean;
  password_change_required: boolean;
  status: MemberStatus;
  created_at: Date;
  org_id: string;
  org_name: string;
  role: 'user' | 'admin';
}

const SELECT = `select u.id, u.email, u.name, u.password_hash, u.is_super_admin, u.password_change_required, u.created_at,
    m.org_id, o.name as org_name, m.role, m.status
  from users u join members m on m.user_id = u.id join orgs o on o.id = m.org_id`;

/** The account of an e-mail address (case does not matter), in the oldest org that lets it in, else in its oldest. */
export async function readAccountByEmail(sql: Sql, email: string): Promise<Account | undefined> {
  const { rows } = await sql.query<AccountRow>(
    `${SELECT} where lower(u.email) = lower($1) order by (m.status = 'active') desc, m.created_at, m.org_id limit 1`,
    [email],
  );
  return rows[0] === undefined ? undefined : accountOf(rows[0]);
}

/** A person, whatever orgs they are in. */
export async function readUser(sql: Sql, userId: string): Promise<{ readonly email: string; readonly name: string } | undefined> {
  const { rows } = await sql.query<{ email: string; name: string }>(`select email, name from users where id = $1`, [userId]);
  return rows[0];
}

/** An account in one of its orgs. */
export async function readAccount(sql: Sql, at: { readonly userId: string; readonly orgId: string }): Promise<Account | undefined> {
  const { rows } = await sql.query<AccountRow>(`${SELECT} where u.id = $1 and m.org_id = $2`, [at.userId, at.orgId]);
  return rows[0] === undefined ? undefined : accountOf(rows[0]);
}

/** The oldest super administrator: on whose behalf the command line acts. */
export async function readFirstSuperAdmin(sql: Sql): Promise<Account | undefined> {
  const { rows } = await sql.query<AccountRow>(`${SELECT} where u.is_super_admin and m.status = 'active' order by u.id, m.created_at limit 1`);
  return rows[0] === undefined ? undefined : accountOf(rows[0]);
}

export async function hasUsers(sql: Sql): Promise<boolean> {
  const { rows } = await sql.query<{ found: boolean }>(`select exists (select 1 from users) as found`);
  return rows[0]?.found ?? false;
}

/** Serialises whoever makes the first user, until the transaction ends. */
export async function lockFirstUser(sql: Sql): Promise<void> {
  await sql.query(`select pg_advisory_xact_lock($1)`, [0x57_75_64_20]);
}

export interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly passwordHash: string;
  readonly isSuperAdmin: boolean;
  readonly passwordChangeRequired: boolean;
  readonly now: Date;
}

/** @returns false when the e-mail address is taken */
export async function insertUser(sql: Sql, user: NewUser): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into users (id, email, name, password_hash, is_super_admin, password_change_required, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict (lower(email)) do nothing`,
    [user.id, user.email, user.name, user.passwordHash, user.isSuperAdmin, user.passwordChangeRequired, user.now],
  );
  return rowCount === 1;
}

export interface UserChange {
  readonly userId: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly isSuperAdmin?: boolean | undefined;
  readonly now: Date;
}

/** Changes what is given. @returns false when the e-mail address is another account's */
export async function updateUser(sql: Sql, change: UserChange): Promise<boolean> {
  if (change.email !== undefined) {
    const { rows } = await sql.query<{ id: string }>(`select id from users where lower(email) = lower($1) and id <> $2`, [change.email, change.userId]);
    if (rows.length > 0) return false;
  }
  await sql.query(
    `update users set name = coalesce($2, name), email = coalesce($3, email), is_super_admin = coalesce($4, is_super_admin), updated_at = $5
     where id = $1`,
    [change.userId, change.name ?? null, change.email ?? null, change.isSuperAdmin ?? null, change.now],
  );
  return true;
}

export async function updatePassword(
  sql: Sql,
  change: { readonly userId: string; readonly passwordHash: string; readonly changeRequired: boolean; readonly now: Date },
): Promise<void> {
  await sql.query(`update users set password_hash = $2, password_change_required = $3, updated_at = $4 where id = $1`, [
    change.userId,
    change.passwordHash,
    change.changeRequired,
    change.now,
  ]);
}

/** Deletes an account that is a member of no org any more. */
export async function deleteOrphanedUser(sql: Sql, userId: string): Promise<void> {
  await sql.query(`delete from users u where u.id = $1 and not exists (select 1 from members m where m.user_id = u.id)`, [userId]);
}

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: roleOf(row),
    orgId: row.org_id,
    orgName: row.org_name,
    passwordChangeRequired: row.password_change_required,
    createdAt: row.created_at.toISOString(),
    passwordHash: row.password_hash,
    status: row.status,
  };
}

/** The one role of a person in an org: `super_admin` is of the machine and stands above. */
export function roleOf(row: { readonly is_super_admin: boolean; readonly role: 'user' | 'admin' }): Role {
  return row.is_super_admin ? 'super_admin' : row.role;
}
