/** What the operator at the machine's shell may do (`studio token create`, `reset-password`, `claim`): whoever reads the workspace's keys
 *  is already trusted. Works on the database alone, also while the server runs: it hears of changes by notification. */
import { scope } from '../contract/api-keys.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import type { Database } from '../store/client.ts';
import { updateMemberStatus } from '../store/members.ts';
import { deleteSessions } from '../store/sessions.ts';
import { readAccountByEmail, readFirstSuperAdmin, updatePassword, type Account } from '../store/users.ts';
import { createApiKeys } from './api-keys.ts';
import { createCommit, type Commit } from './commit.ts';
import { hashPassword, temporaryPassword } from './passwords.ts';
import { createRevocations } from './revocation.ts';
import { endSessions } from './sessions.ts';
import type { Logger } from '../kernel/log.ts';

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

const AUTHOR = { actor: 'system', address: 'shell' } as const;

/** Makes an API key for a person: by e-mail address, else the first super administrator. The key is in the reply only. */
export async function createToken(
  parts: Parts,
  wanted: { readonly email?: string | undefined; readonly name: string; readonly scopes: readonly string[]; readonly expiresAt?: string | undefined },
): Promise<{ id: string; key: string; email: string; expiresAt: string | null }> {
  const unknown = wanted.scopes.filter((given) => !scope.safeParse(given).success);
  if (wanted.scopes.length === 0 || unknown.length > 0)
    fail('invalid_body', `"${unknown.join(', ')}" is no scope: a scope is "*" or noun:verb, as in workflows:run.`);
  const account = await accountOf(parts.database, wanted.email);
  const keys = createApiKeys({ sql: parts.database.engine, clock: parts.clock, commit: commitOf(parts) });
  const made = await keys.create({ userId: account.id, orgId: account.orgId, scopes: null }, wanted, { ...AUTHOR, orgId: account.orgId });
  return { id: made.id, key: made.key, email: account.email, expiresAt: made.expiresAt };
}

/** Gives a person a temporary password and ends all their sessions; one who is shut out of their org is let in again. */
export async function resetPassword(parts: Parts, wanted: { readonly email?: string | undefined }): Promise<{ email: string; temporaryPassword: string }> {
  const account = await accountOf(parts.database, wanted.email);
  const password = temporaryPassword();
  const passwordHash = await hashPassword(password);
  await commitOf(parts)({ ...AUTHOR, orgId: account.orgId }, async (change) => {
    await updatePassword(change.sql, { userId: account.id, passwordHash, changeRequired: true, now: change.now });
    if (account.status !== 'active') await updateMemberStatus(change.sql, { orgId: account.orgId, userId: account.id, status: 'active', reason: '' });
    await endSessions(change, await deleteSessions(change.sql, { userId: account.id }), 'password_reset');
    change.tell({ kind: 'user', userId: account.id });
    await change.audit('user.password_reset', account.id);
  });
  return { email: account.email, temporaryPassword: password };
}

function commitOf({ database, clock, log }: Parts): Commit {
  return createCommit({ database, clock, revocations: createRevocations({ log }) });
}

async function accountOf(database: Database, email: string | undefined): Promise<Account> {
  const account = email === undefined ? await readFirstSuperAdmin(database.engine) : await readAccountByEmail(database.engine, email);
  return (
    account ?? fail('not_found', email === undefined ? 'There is no user yet. Open the claim link first: `studio claim`.' : `There is no user "${email}".`)
  );
}
