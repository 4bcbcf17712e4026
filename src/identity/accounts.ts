/** Signing in with a password, and one's own account. Says the same, and takes as long, whether or not an account exists. */
import type { User } from '../contract/auth.ts';
import type { Caller } from '../contract/caller.ts';
import { fail } from '../kernel/fail.ts';
import type { SqlPool } from '../store/client.ts';
import { deleteSessions } from '../store/sessions.ts';
import { readAccount, readAccountByEmail, updatePassword, updateUser, type Account } from '../store/users.ts';
import type { Author, Commit } from './commit.ts';
import type { LoginLimits } from './login-limits.ts';
import { hashPassword, isPassword, refuseWeakPassword } from './passwords.ts';
import { endSessions, userOf, type Device, type Sessions, type SignIn } from './sessions.ts';

export interface Accounts {
  /** @throws AppError unauthenticated, rate_limited */
  login(given: { readonly email: string; readonly password: string }, device: Device): Promise<SignIn>;
  me(caller: Caller): Promise<User>;
  /** @throws AppError conflict, invalid_body */
  patch(
    caller: Caller,
    change: { readonly name?: string | undefined; readonly email?: string | undefined; readonly currentPassword?: string | undefined },
    author: Author,
  ): Promise<User>;
  /** Ends every other session. @throws AppError invalid_body when the current password is wrong or the new one weak */
  changePassword(caller: Caller, given: { readonly currentPassword: string; readonly newPassword: string }, author: Author): Promise<void>;
}

interface Parts {
  readonly sql: SqlPool;
  readonly limits: LoginLimits;
  readonly sessions: Sessions;
  readonly commit: Commit;
}

export function createAccounts({ sql, limits, sessions, commit }: Parts): Accounts {
  return {
    async login({ email, password }, device) {
      const attempt = await limits.begin({ account: email, address: device.address });
      const account = await readAccountByEmail(sql, email);
      const matches = await isPassword(account?.passwordHash, password);
      if (account === undefined || !matches || account.status !== 'active') {
        await attempt.failed();
        const author = { actor: 'anonymous', orgId: account?.orgId ?? null, address: device.address };
        await commit(author, (change) => change.audit('session.refused', account?.id ?? '', { reason: 'wrong e-mail address or password' }));
        return fail('unauthenticated', 'The e-mail address or the password is wrong.');
      }
      await attempt.succeeded();
      return commit({ actor: account.id, orgId: account.orgId, address: device.address, requestId: device.requestId }, (change) =>
        sessions.begin(change, account, device),
      );
    },
    me: async (caller) => userOf(await own(caller)),
    async patch(caller, change, author) {
      const account = await own(caller);
      const isNewEmail = change.email !== undefined && change.email.toLowerCase() !== account.email.toLowerCase();
      if (isNewEmail) await confirmPassword(account, change.currentPassword, author.address);
      await commit(author, async ({ sql: tx, now, audit }) => {
        if (!(await updateUser(tx, { userId: account.id, name: change.name, email: change.email, now })))
          fail('conflict', `The e-mail address "${change.email}" belongs to another account; use another one.`);
        await audit('user.changed', account.id, { fields: Object.keys(change).filter((field) => field !== 'currentPassword') });
      });
      return userOf(await own(caller));
    },
    async changePassword(caller, { currentPassword, newPassword }, author) {
      const account = await own(caller);
      await confirmPassword(account, currentPassword, author.address);
      if (newPassword === currentPassword) refuse('newPassword', 'The new password is the current one; choose another.');
      refuseWeakPassword(newPassword, [account.email, account.email.split('@')[0] ?? '', account.name]);
      const passwordHash = await hashPassword(newPassword);
      await commit(author, async (change) => {
        await updatePassword(change.sql, { userId: account.id, passwordHash, changeRequired: false, now: change.now });
        await endSessions(change, await deleteSessions(change.sql, { userId: account.id, exceptId: caller.sessionId }), 'password_changed');
        await change.audit('user.password_changed', account.id);
        if (account.passwordChangeRequired) change.tell({ kind: 'user', userId: account.id });
      });
    },
  };

  async function own(caller: Caller): Promise<Account> {
    return (await readAccount(sql, caller)) ?? fail('unauthenticated', 'This account no longer exists.');
  }

  /** Guessing one's password through an open session counts like guessing it at the door. */
  async function confirmPassword(account: Account, given: string | undefined, address: string): Promise<void> {
    if (given === undefined) return refuse('currentPassword', 'Changing the e-mail address needs currentPassword.');
    const attempt = await limits.begin({ account: account.email, address });
    if (await isPassword(account.passwordHash, given)) return attempt.succeeded();
    await attempt.failed();
    refuse('currentPassword', 'The current password is wrong.');
  }
}

function refuse(path: string, message: string): never {
  fail('invalid_body', { message, details: { in: 'body', problems: [{ path, message }] } });
}
