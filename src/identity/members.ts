/** The people of an org, changed by its administrators. Nobody gives a role above their own, and one super administrator always remains. */
import type { Caller } from '../contract/caller.ts';
import type { Member } from '../contract/members.ts';
import type { Role } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { deleteApiKeys } from '../store/api-keys.ts';
import type { SqlPool } from '../store/client.ts';
import { countSuperAdmins, deleteMember, insertMember, listMembers, lockMember, updateMemberRole } from '../store/members.ts';
import { deleteSessions } from '../store/sessions.ts';
import { deleteOrphanedUser, insertUser, updateUser } from '../store/users.ts';
import type { Author, Change, Commit } from './commit.ts';
import { hashPassword, temporaryPassword } from './passwords.ts';
import { hasRole } from './policy.ts';
import { endSessions } from './sessions.ts';

export interface Members {
  list(caller: Caller, page: { readonly limit: number; readonly after?: string | undefined }): Promise<{ items: Member[]; next: string | null }>;
  /** @throws AppError conflict when the e-mail address is taken */
  add(
    caller: Caller,
    person: { readonly email: string; readonly name: string; readonly role: Role },
    author: Author,
  ): Promise<{ member: Member; temporaryPassword: string }>;
  /** @throws AppError not_found, forbidden, conflict */
  patch(caller: Caller, userId: string, wanted: { readonly role?: Role | undefined; readonly disabled?: boolean | undefined }, author: Author): Promise<Member>;
  /** @throws AppError not_found, forbidden, conflict */
  remove(caller: Caller, userId: string, author: Author): Promise<void>;
}

export function createMembers({ sql, clock, commit }: { readonly sql: SqlPool; readonly clock: Clock; readonly commit: Commit }): Members {
  return {
    list: (caller, page) => listMembers(sql, { orgId: caller.orgId, ...page }),
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
        const disabled = wanted.disabled ?? member.disabled;
        refuseAbove(caller, role);
        if (member.role === 'super_admin' && !member.disabled && (role !== 'super_admin' || disabled)) await keepOneSuperAdmin(change);
        if (disabled && userId === caller.userId) fail('conflict', 'You can’t disable yourself; ask another administrator.');
        await updateMemberRole(change.sql, { orgId: caller.orgId, userId, role: orgRole(role) });
        await updateUser(change.sql, { userId, isSuperAdmin: role === 'super_admin', isDisabled: disabled, now: change.now });
        if (disabled && !member.disabled) await endSessions(change, await deleteSessions(change.sql, { userId }), 'disabled');
        change.tell({ kind: 'user', userId });
        await told(change, caller.orgId, userId, 'changed', { role, disabled });
        return reread(change, caller.orgId, userId);
      }),
    remove: (caller, userId, author) =>
      commit(author, async (change) => {
        const member = await subject(change, caller, userId);
        if (userId === caller.userId) fail('conflict', 'You can’t remove yourself; ask another administrator.');
        if (member.role === 'super_admin' && !member.disabled) await keepOneSuperAdmin(change);
        await endSessions(change, await deleteSessions(change.sql, { userId, orgId: caller.orgId }), 'removed');
        for (const keyId of await deleteApiKeys(change.sql, { orgId: caller.orgId, userId })) change.tell({ kind: 'key', keyId });
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

function refuseAbove(caller: Caller, role: Role): void {
  if (!hasRole(caller.role, role)) fail('forbidden', `Only a ${role} may give the role ${role}; you are ${caller.role}.`);
}

async function keepOneSuperAdmin(change: Change): Promise<void> {
  if ((await countSuperAdmins(change.sql)) < 2) fail('conflict', 'This is the last super administrator; make another one first.');
}

async function reread(change: Change, orgId: string, userId: string): Promise<Member> {
  return (await lockMember(change.sql, { orgId, userId })) ?? fail('not_found', `This org has no member "${userId}".`);
}

/** `super_admin` is of the machine; in its org such a person is an administrator. */
function orgRole(role: Role): 'user' | 'admin' {
  return role === 'user' ? 'user' : 'admin';
}

async function told(
  change: Change,
  orgId: string,
  userId: string,
  what: 'added' | 'changed' | 'removed',
  details: Readonly<Record<string, string | boolean>>,
): Promise<void> {
  await change.event({ kind: 'member', id: userId, type: 'identity:member:changed', orgId, parent: `user:${userId}`, payload: { change: what, ...details } });
  await change.audit(`member.${what}`, userId, details);
}
