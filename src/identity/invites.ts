/** Invitations: made, sent anew and revoked by administrators, used once by whom they are for. A link is worth nothing without its row, and
 *  nothing once who invited may no longer give its role. Every way in which a link is wrong gives the same answer. */
import type { Caller } from '../contract/caller.ts';
import type { Invite } from '../contract/invites.ts';
import type { Role } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { firstIdAt, newId } from '../kernel/ids.ts';
import { countAudit } from '../store/audit.ts';
import type { Sql, SqlPool } from '../store/client.ts';
import {
  countInvites,
  deleteInvite,
  insertInvite,
  invitePart,
  isMemberAddress,
  listInvites,
  lockInvite,
  readInviteByToken,
  renewInvite,
  updateInviteRole,
  type StoredInvite,
} from '../store/invites.ts';
import { insertMember } from '../store/members.ts';
import { insertUser, readAccount, readUser, updateUser } from '../store/users.ts';
import type { Author, Change, Commit } from './commit.ts';
import type { LoginLimits } from './login-limits.ts';
import { orgRole, refuseAbove, told } from './members.ts';
import { hashPassword, refuseWeakPassword } from './passwords.ts';
import { hasRole } from './policy.ts';
import type { Device, Sessions, SignIn } from './sessions.ts';
import { hashSecret, newSecret } from './tokens.ts';

/** A week: long enough for holidays, short enough for a mailbox that changes hands. */
const INVITE_MS = 7 * 86_400_000;
/** Expired ones stay in the list this long, to be sent again. */
export const EXPIRED_KEPT_MS = 30 * 86_400_000;
const MAX_PENDING = 500;
/** Links that an org may send in an hour: Studio is no mailer for strangers. */
const MAX_SENT_AN_HOUR = 60;
const SENT = ['invite.created', 'invite.resent'] as const;

/** A fresh link: shown to who made it, then nowhere. */
export interface Issued {
  readonly invite: Invite;
  readonly orgName: string;
  readonly token: string;
  readonly url: string;
}

export interface Invites {
  list(caller: Caller, page: { readonly limit: number; readonly after?: string | undefined }): Promise<{ items: Invite[]; next: string | null }>;
  /** @throws AppError forbidden, conflict, rate_limited */
  create(caller: Caller, wanted: { readonly email: string; readonly role: Role }, author: Author): Promise<Issued>;
  /** @throws AppError not_found, forbidden, rate_limited */
  resend(caller: Caller, id: string, author: Author): Promise<Issued>;
  /** @throws AppError not_found, forbidden */
  changeRole(caller: Caller, wanted: { readonly id: string; readonly role: Role }, author: Author): Promise<Invite>;
  /** @throws AppError not_found, forbidden */
  revoke(caller: Caller, id: string, author: Author): Promise<void>;
  /** @throws AppError unauthenticated, rate_limited */
  look(token: string, device: Device): Promise<Pick<StoredInvite, 'orgName' | 'email' | 'role' | 'invitedBy' | 'expiresAt'>>;
  /** Makes the account and signs it in. @throws AppError unauthenticated, conflict, invalid_body */
  accept(given: { readonly token: string; readonly name: string; readonly password: string }, device: Device): Promise<SignIn>;
  /** The caller becomes a member and goes on in that org. @throws AppError unauthenticated, forbidden for another's invitation */
  join(caller: Caller, token: string, device: Device): Promise<SignIn>;
}

interface Parts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly commit: Commit;
  readonly limits: LoginLimits;
  readonly sessions: Sessions;
  /** Origin (and prefix) of links, without a slash at the end. */
  readonly publicUrl: () => Promise<string>;
}

export function createInvites(parts: Parts): Invites {
  const { sql, clock, commit } = parts;
  const partOf = (stored: StoredInvite): Invite => invitePart(stored, stateOf(stored, clock.now()));
  const issuedOf = async (stored: StoredInvite, token: string): Promise<Issued> => ({
    invite: partOf(stored),
    orgName: stored.orgName,
    token,
    url: `${await parts.publicUrl()}/invite#token=${token}`,
  });

  return {
    async list(caller, page) {
      const { items, next } = await listInvites(sql, { orgId: caller.orgId, ...page });
      return { items: items.map(partOf), next };
    },
    async create(caller, { email, role }, author) {
      refuseAbove(caller, role);
      const token = newSecret('invite');
      const id = newId('inv', clock);
      const stored = await commit(author, async (change) => {
        await refuseTooMany(change, caller.orgId, clock);
        if (await isMemberAddress(change.sql, { orgId: caller.orgId, email }))
          fail('conflict', `"${email}" is a member of this organisation already; see the list of members.`);
        if ((await countInvites(change.sql, caller.orgId)) >= MAX_PENDING)
          fail('conflict', `This organisation has ${MAX_PENDING} pending invitations, which is the limit. Revoke one first.`);
        const { orgId, userId: invitedBy } = caller;
        const row = { id, orgId, email, role, tokenHash: hashSecret(token), invitedBy, now: change.now, expiresAt: after(change.now) };
        if (!(await insertInvite(change.sql, row))) fail('conflict', `"${email}" is invited already; send that invitation again instead.`);
        await toldInvite(change, caller.orgId, id, 'created', { email, role });
        return reread(change.sql, caller.orgId, id);
      });
      return issuedOf(stored, token);
    },
    async resend(caller, id, author) {
      const token = newSecret('invite');
      const stored = await commit(author, async (change) => {
        const invite = await subject(change, caller, id);
        await refuseTooMany(change, caller.orgId, clock);
        await renewInvite(change.sql, { id, tokenHash: hashSecret(token), invitedBy: caller.userId, now: change.now, expiresAt: after(change.now) });
        await toldInvite(change, caller.orgId, id, 'resent', { email: invite.email, role: invite.role });
        return reread(change.sql, caller.orgId, id);
      });
      return issuedOf(stored, token);
    },
    changeRole: (caller, { id, role }, author) =>
      commit(author, async (change) => {
        const invite = await subject(change, caller, id);
        refuseAbove(caller, role);
        await updateInviteRole(change.sql, { id, role, invitedBy: caller.userId });
        await toldInvite(change, caller.orgId, id, 'changed', { email: invite.email, role });
        return partOf(await reread(change.sql, caller.orgId, id));
      }),
    revoke: (caller, id, author) =>
      commit(author, async (change) => {
        const invite = await subject(change, caller, id);
        await deleteInvite(change.sql, id);
        await toldInvite(change, caller.orgId, id, 'revoked', { email: invite.email });
      }),
    look: async (token, device) => tried(token, device),
    async accept({ token, name, password }, device) {
      const { email, orgId } = await tried(token, device);
      refuseWeakPassword(password, [email, email.split('@')[0] ?? '', name]);
      const passwordHash = await hashPassword(password);
      return commit({ actor: 'anonymous', orgId, address: device.address, requestId: device.requestId }, async (change) => {
        const invite = await used(change, token);
        const userId = newId('user', clock);
        const isSuperAdmin = invite.role === 'super_admin';
        const user = { id: userId, email, name, passwordHash, isSuperAdmin, passwordChangeRequired: false, now: change.now };
        if (!(await insertUser(change.sql, user)))
          fail('conflict', 'No new account can be made for this address. If you have one, log in first, then open the link again.');
        return begin(change, invite, userId, device);
      });
    },
    async join(caller, token, device) {
      const sessionId = caller.sessionId ?? fail('forbidden', 'An API key joins no organisation; log in and open the link.');
      const looked = await tried(token, device);
      const user = await readUser(sql, caller.userId);
      if (user === undefined || user.email.toLowerCase() !== looked.email.toLowerCase())
        fail('forbidden', `This invitation is for another address than yours (${user?.email ?? caller.userId}). Log out, then open the link again.`);
      const author = { actor: caller.userId, orgId: looked.orgId, address: device.address, requestId: device.requestId };
      return commit(author, async (change) => {
        const invite = await used(change, token);
        if (await isMemberAddress(change.sql, { orgId: invite.orgId, email: invite.email })) fail('conflict', `You are a member of ${invite.orgName} already.`);
        if (invite.role === 'super_admin') await updateUser(change.sql, { userId: caller.userId, isSuperAdmin: true, now: change.now });
        const signIn = await begin(change, invite, caller.userId, device);
        await parts.sessions.endIn(change, { id: sessionId, userId: caller.userId, reason: 'joined_org' });
        return signIn;
      });
    },
  };

  /** The invitation of a link, each wrong one counted against the caller's address. */
  async function tried(token: string, device: Device): Promise<StoredInvite> {
    const attempt = await parts.limits.begin({ account: `invitation from ${device.address}`, address: device.address });
    const invite = await readInviteByToken(sql, hashSecret(token));
    if (invite === undefined || stateOf(invite, clock.now()) !== 'pending') {
      await attempt.failed();
      await commit({ actor: 'anonymous', orgId: invite?.orgId ?? null, address: device.address }, (change) => change.audit('invite.refused', invite?.id ?? ''));
      return refuseLink();
    }
    await attempt.succeeded();
    return invite;
  }

  /** Takes the link out of the world. A second one who uses it at the same moment waits, then finds nothing. */
  async function used(change: Change, token: string): Promise<StoredInvite> {
    const invite = await readInviteByToken(change.sql, hashSecret(token), true);
    if (invite === undefined || stateOf(invite, change.now.getTime()) !== 'pending') return refuseLink();
    await deleteInvite(change.sql, invite.id);
    return invite;
  }

  async function begin(change: Change, invite: StoredInvite, userId: string, device: Device): Promise<SignIn> {
    const { orgId, role } = invite;
    await insertMember(change.sql, { orgId, userId, role: orgRole(role), now: change.now });
    change.tell({ kind: 'user', userId });
    await told(change, orgId, userId, 'joined', { role, invitedBy: invite.invitedBy.userId });
    const account = (await readAccount(change.sql, { userId, orgId })) ?? refuseLink();
    return parts.sessions.begin(change, account, device);
  }
}

function stateOf(invite: StoredInvite, nowMs: number): Invite['state'] {
  if (invite.inviterRole === null || !hasRole(invite.inviterRole, 'admin') || !hasRole(invite.inviterRole, invite.role)) return 'void';
  return invite.expiresAt.getTime() > nowMs ? 'pending' : 'expired';
}

function refuseLink(): never {
  return fail('unauthenticated', 'This invitation is not valid, or no longer: it was used, revoked or replaced, or its time is over. Ask for a new one.');
}

async function refuseTooMany(change: Change, orgId: string, clock: Clock): Promise<void> {
  const hourMs = 3_600_000;
  const count = await countAudit(change.sql, { orgId, actions: SENT, sinceId: firstIdAt('aud', clock.now() - hourMs) });
  if (count >= MAX_SENT_AN_HOUR)
    fail('rate_limited', {
      message: `This organisation sent ${count} invitations within an hour; the limit is ${MAX_SENT_AN_HOUR}.`,
      retryAfterS: hourMs / 1_000,
    });
}

/** The invitation a change is about. @throws AppError not_found (also another org's), forbidden for a role above the caller's */
async function subject(change: Change, caller: Caller, id: string): Promise<StoredInvite> {
  const invite = (await lockInvite(change.sql, { orgId: caller.orgId, id })) ?? fail('not_found', `There is no invitation "${id}".`);
  refuseAbove(caller, invite.role);
  return invite;
}

async function reread(sql: Sql, orgId: string, id: string): Promise<StoredInvite> {
  return (await lockInvite(sql, { orgId, id })) ?? fail('not_found', `There is no invitation "${id}".`);
}

function after(now: Date): Date {
  return new Date(now.getTime() + INVITE_MS);
}

/** The event says that the lists changed, and holds no address: every member hears it. */
async function toldInvite(
  change: Change,
  orgId: string,
  id: string,
  what: 'created' | 'resent' | 'changed' | 'revoked',
  details: Readonly<Record<string, string>>,
): Promise<void> {
  await change.event({ kind: 'member', id, type: 'identity:member:changed', orgId, payload: { change: `invite_${what}` } });
  await change.audit(`invite.${what}`, id, details);
}
