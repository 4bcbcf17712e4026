/** The people of an org, changed by its administrators. Nobody gives a role above their own, and one super administrator always remains. */
import type { Caller } from '../contract/caller.ts';
import type { Member } from '../contract/members.ts';
import type { MemberStatus, Role } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { deleteApiKeys } from '../store/api-keys.ts';
import type { SqlPool } from '../store/client.ts';
import {
  countAdmins,
  countSuperAdmins,
  deleteMember,
  insertMember,
  listMembers,
  listMemberships,
  lockMember,
  updateMemberRole,
  updateMemberStatus,
} from '../store/members.ts';
import { deleteSessions } from '../store/sessions.ts';
import { deleteOrphanedUser, insertUser, updateUser } from '../store/users.ts';
import type { Author, Change, Commit } from './commit.ts';
import { hashPassword, temporaryPassword } from './passwords.ts';
import { hasRole } from './policy.ts';
import { endSessions } from './sessions.ts';

export interface Members {
  list(caller: Caller, page: { readonly limit: number; readonly after?: string | undefined }): Promise<{ items: Member[]; next: string | null }>;
  /** The orgs that let the caller in. */
  orgsOf(caller: Caller): Promise<{ id: string; name: string; role: Role; current: boolean }[]>;
  /** @throws AppError conflict when the e-mail address is taken */
  add(
    caller: Caller,
    person: { readonly email: string; readonly name: string; readonly role: Role },
    author: Author,
  ): Promise<{ member: Member; temporaryPassword: string }>;
  /** @throws AppError not_found, forbidden, conflict */
  patch(
    caller: Caller,
    userId: string,
    wanted: { readonly role?: Role | undefined; readonly status?: MemberStatus | undefined; readonly reason?: string | undefined },
    author: Author,
  ): Promise<Member>;
  /** @throws AppError not_found, forbidden, conflict */
  remove(caller: Caller, userId: string, author: Author): Promise<void>;
}

export function createMembers({ sql, clock, commit }: { readonly sql: SqlPool; readonly clock: Clock; readonly commit: Commit }): Members {
  return {
    list: (caller, page) => listMembers(sql, { orgId: caller.orgId, ...page }),
    orgsOf: async (caller) => (await listMemberships(sql, caller.userId)).map((org) => ({ ...org, current: org.id === caller.orgId })),
    async add(caller, { email, name, role }, author) {
      refuseAbove(caller, role);
      const password = temporaryPassword();
      const passwordHash = await hashPassword(password);
      const userId = newId('user', clock);
      const member = await commit(author, async (change) => {
        const isNew = await insertUser(change.sql, {
          id: userId,
          email,
          name,
          passwordHash,
          isSuperAdmin: role === 'super_admin',
          passwordChangeRequired: true,
          now: change.now,
        });
        if (!isNew) fail('conflict', `The e-mail address "${email}" belongs to an account already; use another one.`);
        await insertMember(change.sql, { orgId: caller.orgId, userId, role: orgRole(role), now: change.now });
        await told(change, caller.orgId, userId, 'added', { role });
        return reread(change, caller.orgId, userId);
      });
      return { member, temporaryPassword: password };
    },
    patch: (caller, userId, wanted, author) =>
      commit(author, async (change) => {
        const member = await subject(change, caller, userId);
        const role = wanted.role ?? member.role;
        const status = wanted.status ?? member.status;
        const reason = status === 'active' ? '' : (wanted.reason ?? member.statusReason);
        refuseAbove(caller, role);
        if (status !== 'active' && userId === caller.userId) fail('conflict', 'You can’t shut yourself out; ask another administrator.');
        await keepAdmins(change, caller.orgId, member, { role, status });
        await updateMemberRole(change.sql, { orgId: caller.orgId, userId, role: orgRole(role) });
        await updateMemberStatus(change.sql, { orgId: caller.orgId, userId, status, reason });
        await updateUser(change.sql, { userId, isSuperAdmin: role === 'super_admin', now: change.now });
        if (status !== 'active' && member.status === 'active')
          await endSessions(change, await deleteSessions(change.sql, { userId, orgId: caller.orgId }), status);
        if (status === 'deactivated') await endKeys(change, caller.orgId, userId);
        change.tell({ kind: 'user', userId });
        await told(change, caller.orgId, userId, 'changed', { role, status, ...(reason === '' ? {} : { reason }) });
        return reread(change, caller.orgId, userId);
      }),
    remove: (caller, userId, author) =>
      commit(author, async (change) => {
        const member = await subject(change, caller, userId);
        if (userId === caller.userId) fail('conflict', 'You can’t remove yourself; ask another administrator.');
        await keepAdmins(change, caller.orgId, member, undefined);
        await endSessions(change, await deleteSessions(change.sql, { userId, orgId: caller.orgId }), 'removed');
        await endKeys(change, caller.orgId, userId);
        await deleteMember(change.sql, { orgId: caller.orgId, userId });
        await deleteOrphanedUser(change.sql, userId);
        change.tell({ kind: 'user', userId });
        await told(change, caller.orgId, userId, 'removed', {});
      }),
  };
}

/** The member a change is about. @throws AppError not_found (also another org's), forbidden for one above the caller */
async function subject(change: Change, caller: Caller, userId: string): Promise<Member> {
  const member = (await lockMember(change.sql, { orgId: caller.orgId, userId })) ?? fail('not_found', `This org has no member "${userId}".`);
  if (!hasRole(caller.role, member.role)) fail('forbidden', `Only a ${member.role} may change a ${member.role}; you are ${caller.role}.`);
  return member;
}

/** @throws AppError forbidden */
export function refuseAbove(caller: Caller, role: Role): void {
  if (!hasRole(caller.role, role)) fail('forbidden', `Only a ${role} may give the role ${role}; you are ${caller.role}.`);
}

/** The machine keeps a super administrator and the org an administrator, each of whom can sign in.
 *  @param next what becomes of the member; undefined: they are removed */
async function keepAdmins(
  change: Change,
  orgId: string,
  member: Member,
  next: { readonly role: Role; readonly status: MemberStatus } | undefined,
): Promise<void> {
  if (member.status !== 'active') return;
  const stays = next?.status === 'active';
  if (member.role === 'super_admin' && !(stays && next.role === 'super_admin') && (await countSuperAdmins(change.sql)) < 2)
    fail('conflict', 'This is the last super administrator; make another one first.');
  if (member.role !== 'user' && !(stays && next.role !== 'user') && (await countAdmins(change.sql, orgId)) < 2)
    fail('conflict', 'This is the last administrator of the organisation; make another one first.');
}

async function endKeys(change: Change, orgId: string, userId: string): Promise<void> {
  for (const keyId of await deleteApiKeys(change.sql, { orgId, userId })) change.tell({ kind: 'key', keyId });
}

async function reread(change: Change, orgId: string, userId: string): Promise<Member> {
  return (await lockMember(change.sql, { orgId, userId })) ?? fail('not_found', `This org has no member "${userId}".`);
}

/** `super_admin` is of the machine; in its org such a person is an administrator. */
export function orgRole(role: Role): 'user' | 'admin' {
  return role === 'user' ? 'user' : 'admin';
}

export async function told(
  change: Change,
  orgId: string,
  userId: string,
  what: 'added' | 'changed' | 'removed' | 'joined',
  details: Readonly<Record<string, string | boolean>>,
): Promise<void> {
  await change.event({ kind: 'member', id: userId, type: 'identity:member:changed', orgId, parent: `user:${userId}`, payload: { change: what, ...details } });
  await change.audit(`member.${what}`, userId, details);
}
