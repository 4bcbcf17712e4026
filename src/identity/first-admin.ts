/** The first administrator: by a one-time claim link, or from ADMIN_EMAIL and ADMIN_PASSWORD. There is never a default account.
 *  One thing to know: the link's token is only in its file and in the log; the database holds its hash. */
import { chmod, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { deleteClaims, isClaim, replaceClaim } from '../store/claims.ts';
import type { SqlPool } from '../store/client.ts';
import { insertMember } from '../store/members.ts';
import { ensureDefaultOrg } from '../store/orgs.ts';
import { hasUsers, insertUser, lockFirstUser, readAccount, type Account } from '../store/users.ts';
import type { Change, Commit } from './commit.ts';
import type { LoginLimits } from './login-limits.ts';
import { hashPassword, refuseWeakPassword } from './passwords.ts';
import type { Device, Sessions, SignIn } from './sessions.ts';
import { hashSecret, newSecret } from './tokens.ts';

/** How a Studio without a user gets one. */
export type FirstAdmin = { readonly kind: 'exists' } | { readonly kind: 'seeded'; readonly email: string } | { readonly kind: 'claim'; readonly url: string };

export interface FirstAdmins {
  /** Makes the seeded administrator, or the claim link and its file. Safe to call at every start. */
  ensure(): Promise<FirstAdmin>;
  /** @throws AppError unauthenticated for a token that is not the link's, or was used */
  claim(given: { readonly token: string; readonly email: string; readonly password: string; readonly name: string }, device: Device): Promise<SignIn>;
}

interface Parts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: LoginLimits;
  readonly sessions: Sessions;
  readonly commit: Commit;
  readonly workspacePath: string;
  /** Origin (and prefix) of the link, without a slash at the end. */
  readonly publicUrl: () => Promise<string>;
  readonly seed?: { readonly email: string; readonly password: string } | undefined;
  /** The first administrator exists now: a place for the example workflow. */
  readonly onClaimed?: ((admin: { readonly orgId: string; readonly userId: string }) => Promise<void>) | undefined;
}

export function createFirstAdmins(parts: Parts): FirstAdmins {
  const { sql, clock, log, commit } = parts;
  const path = claimPath(parts.workspacePath);
  return {
    async ensure() {
      if (await hasUsers(sql)) {
        await rm(path, { force: true });
        return { kind: 'exists' };
      }
      const { seed } = parts;
      if (seed !== undefined) {
        const passwordHash = await hashPassword(seed.password);
        const account = await commit({ actor: 'system', orgId: null, address: '' }, (change) =>
          makeFirst(change, { email: seed.email, name: seed.email.split('@')[0] ?? seed.email, passwordHash, passwordChangeRequired: true }),
        );
        if (account === undefined) return { kind: 'exists' };
        await settled(account);
        return { kind: 'seeded', email: seed.email };
      }
      const url = `${await parts.publicUrl()}/claim#token=${await keptToken()}`;
      await writePrivate(path, `${url}\n`);
      return { kind: 'claim', url };
    },
    async claim({ token, email, password, name }, device) {
      const attempt = await parts.limits.begin({ account: 'claim link', address: device.address });
      if (!(await isClaim(sql, hashSecret(token)))) {
        await attempt.failed();
        await commit({ actor: 'anonymous', orgId: null, address: device.address }, (change) => change.audit('claim.refused'));
        return fail('unauthenticated', 'This claim link is not valid, or was used before. See `studio claim`, or log in.');
      }
      await attempt.succeeded();
      refuseWeakPassword(password, [email, email.split('@')[0] ?? '', name]);
      const passwordHash = await hashPassword(password);
      const { account, signIn } = await commit({ actor: 'anonymous', orgId: null, address: device.address, requestId: device.requestId }, async (change) => {
        // Again, under the lock: two people may open the link at once.
        await lockFirstUser(change.sql);
        const made = (await isClaim(change.sql, hashSecret(token)))
          ? await makeFirst(change, { email, name, passwordHash, passwordChangeRequired: false })
          : undefined;
        if (made === undefined) return fail('unauthenticated', 'This claim link was used a moment ago. Log in.');
        return { account: made, signIn: await parts.sessions.begin(change, made, device) };
      });
      await settled(account);
      return signIn;
    },
  };

  /** The token of the link's file while it is still the right one, so that a restart does not void a link somebody copied. */
  async function keptToken(): Promise<string> {
    const kept = tokenOf(await readFile(path, 'utf8').catch(() => ''));
    if (kept !== undefined && (await isClaim(sql, hashSecret(kept)))) return kept;
    const token = newSecret('claim');
    await replaceClaim(sql, hashSecret(token), new Date(clock.now()));
    return token;
  }

  async function makeFirst(
    change: Change,
    user: { readonly email: string; readonly name: string; readonly passwordHash: string; readonly passwordChangeRequired: boolean },
  ): Promise<Account | undefined> {
    await lockFirstUser(change.sql);
    if (await hasUsers(change.sql)) return undefined;
    const { now } = change;
    const orgId = await ensureDefaultOrg(change.sql, { id: newId('org', clock), name: 'Default', now });
    const userId = newId('user', clock);
    await insertUser(change.sql, { id: userId, isSuperAdmin: true, now, ...user });
    await insertMember(change.sql, { orgId, userId, role: 'admin', now });
    await deleteClaims(change.sql);
    await change.audit('user.first_admin_made', userId, {}, orgId);
    return readAccount(change.sql, { userId, orgId });
  }

  async function settled(account: Account): Promise<void> {
    await rm(path, { force: true });
    try {
      await parts.onClaimed?.({ orgId: account.orgId, userId: account.id });
    } catch (error) {
      // The account stands; only what comes with it is missing.
      log.error({ cause: messageOf(error) }, 'the example could not be made');
    }
  }
}

export function claimPath(workspacePath: string): string {
  return join(workspacePath, 'claim-url');
}

function tokenOf(link: string): string | undefined {
  return /[?&#]token=([A-Za-z0-9_-]+)\s*$/.exec(link)?.[1];
}

/** Readable by its owner only, from its first byte; complete or not there. */
async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}
