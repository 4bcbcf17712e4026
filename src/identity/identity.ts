/** Joins the parts of identity: who somebody is (authenticate), what they hold (sessions, keys, secrets), and who must hear when that ends. */
import type { AuditEntry } from '../contract/audit.ts';
import type { Caller } from '../contract/caller.ts';
import type { Role } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { deleteOldAudit, listAudit } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { deleteOldIdempotencyKeys } from '../store/idempotency-keys.ts';
import { deleteOldInvites } from '../store/invites.ts';
import type { Listen } from '../store/listen.ts';
import { deleteExpiredSessions } from '../store/sessions.ts';
import { readAccount } from '../store/users.ts';
import { createAccounts, type Accounts } from './accounts.ts';
import { createApiKeys, type ApiKeys } from './api-keys.ts';
import { createAuthenticate, type Authenticate } from './authenticate.ts';
import { createCipher, type Cipher } from './cipher.ts';
import { createCommit } from './commit.ts';
import { createFirstAdmins, type FirstAdmins } from './first-admin.ts';
import { createInvites, EXPIRED_KEPT_MS, type Invites } from './invites.ts';
import { createLoginLimits } from './login-limits.ts';
import { createMembers, type Members } from './members.ts';
import { createRevocations } from './revocation.ts';
import { createSavedViews, type SavedViews } from './saved-views.ts';
import { createSecrets, type Secrets } from './secrets.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSettings, type SettingsStore } from './settings.ts';
import { createAccessTokens } from './tokens.ts';

/** Rows that time has emptied of meaning are removed this often. */
const CLEAN_MS = 10 * 60_000;
export const IDEMPOTENCY_KEPT_MS = 24 * 3_600_000;
/** A year and a month: last year's trail is there when somebody asks for it. */
const AUDIT_KEPT_MS = 396 * 86_400_000;

export interface IdentityParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** JWT_SECRET_KEY. */
  readonly jwtSecret: string;
  /** CREDENTIAL_ENCRYPTION_KEY. */
  readonly encryptionKey: string;
  /** Where claim-url is kept. */
  readonly workspacePath: string;
  /** Origin of links when nobody confirmed `publicOrigin`: `http://localhost:8000`. */
  readonly defaultOrigin: string;
  /** ADMIN_EMAIL and ADMIN_PASSWORD. */
  readonly seed?: { readonly email: string; readonly password: string } | undefined;
  /** NOTIFY of other processes. Without it their changes are heard of within 2 s. */
  readonly listen?: Listen | undefined;
  readonly onClaimed?: ((admin: { readonly orgId: string; readonly userId: string }) => Promise<void>) | undefined;
}

/** Exactly one of the ids: what ended, or (userId) whose rights must be looked at again. */
export interface SessionEnd {
  readonly sessionId?: string;
  readonly keyId?: string;
  readonly userId?: string;
}

export interface Identity {
  readonly authenticate: Authenticate;
  readonly firstAdmins: FirstAdmins;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly members: Members;
  readonly invites: Invites;
  readonly secrets: Secrets;
  readonly savedViews: SavedViews;
  readonly settings: SettingsStore;
  readonly cipher: Cipher;
  audit(
    caller: Caller,
    page: { readonly limit: number; readonly after?: string | undefined; readonly action?: string | undefined; readonly actor?: string | undefined },
  ): Promise<{ items: AuditEntry[]; next: string | null }>;
  /** The role a person has in an org at this moment; null when they are no member or shut out. */
  roleOf(orgId: string, userId: string): Promise<Role | null>;
  /** Hears every end of a session or key and every change of rights, of this process and of others. @returns a function that ends it */
  onSessionEnded(listener: (end: SessionEnd) => void): () => void;
  start(): void;
  stop(): void;
}

export function createIdentity(parts: IdentityParts): Identity {
  const { database, clock, log } = parts;
  const sql = database.engine;
  const revocations = createRevocations({ listen: parts.listen, log });
  const tokens = createAccessTokens(parts.jwtSecret, clock);
  const cipher = createCipher(parts.encryptionKey);
  const commit = createCommit({ database, clock, revocations });
  const limits = createLoginLimits({ sql, clock });
  const sessions = createSessions({ sql, clock, tokens, commit });
  const settings = createSettings({ sql, clock, commit, revocations });
  const publicUrl = async (): Promise<string> => (await settings.of('')).publicOrigin ?? parts.defaultOrigin;
  let cancelClean = (): void => {};
  let isStopped = false;
  const clean = async (): Promise<void> => {
    const now = clock.now();
    await limits.clean();
    await deleteExpiredSessions(sql, new Date(now));
    await deleteOldInvites(sql, new Date(now - EXPIRED_KEPT_MS));
    await deleteOldAudit(sql, new Date(now - AUDIT_KEPT_MS));
    await deleteOldIdempotencyKeys(sql, new Date(now - IDEMPOTENCY_KEPT_MS));
  };
  const armClean = (): void => {
    if (isStopped) return;
    cancelClean = clock.after(CLEAN_MS, () => {
      clean()
        .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'old rows of identity could not be removed; tried again later'))
        .finally(armClean);
    });
  };
  return {
    authenticate: createAuthenticate({ sql, clock, log, tokens, revocations }),
    firstAdmins: createFirstAdmins({
      ...parts,
      sql,
      limits,
      sessions,
      commit,
      publicUrl,
    }),
    accounts: createAccounts({ sql, limits, sessions, commit }),
    sessions,
    apiKeys: createApiKeys({ sql, clock, commit }),
    members: createMembers({ sql, clock, commit }),
    invites: createInvites({ sql, clock, commit, limits, sessions, publicUrl }),
    secrets: createSecrets({ sql, cipher, commit }),
    savedViews: createSavedViews({ sql, commit }),
    settings,
    cipher,
    audit: (caller, page) => listAudit(sql, { orgId: caller.orgId, ...page }),
    async roleOf(orgId, userId) {
      const account = await readAccount(sql, { orgId, userId });
      return account?.status !== 'active' ? null : account.role;
    },
    onSessionEnded: (listener) =>
      revocations.onChange((change) => {
        if (change.kind === 'session') listener({ sessionId: change.sessionId });
        else if (change.kind === 'key') listener({ keyId: change.keyId });
        else if (change.kind === 'user') listener({ userId: change.userId });
      }),
    start: armClean,
    stop() {
      isStopped = true;
      cancelClean();
      revocations.stop();
    },
  };
}
