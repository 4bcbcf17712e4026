/** Using credentials: whether somebody may, and the headers a request carries. Rights, time and key are looked at each time, for the person in whose
 *  name it happens: nothing that was allowed once is allowed for good. */
import { hasRole } from '../identity/policy.ts';
import type { Cipher } from '../identity/cipher.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Binding } from '../kernel/egress-binding.ts';
import type { Egress } from '../kernel/egress.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Role } from '../contract/values.ts';
import type { SqlPool } from '../store/client.ts';
import { findCredentials, findCredentialsByName, readCredential, touchCredential, type CredentialRow, type SealedCredential } from '../store/credentials.ts';
import { readPrincipalRole } from '../store/principals.ts';
import { CredentialError, type AccessTokens } from './oauth.ts';
import { typeOf, type CredentialValues } from './types.ts';

/** "Last used" is exact to the minute: a write a minute, not one a request. */
const TOUCH_MS = 60_000;

/** In whose name. Without a role it is read. */
export interface CredentialUser {
  readonly userId: string | null;
  readonly role?: Role | undefined;
}

export interface CredentialFault {
  readonly id: string;
  readonly code: CredentialError['code'];
  readonly message: string;
}

/** A credential that may be used, opened. */
export interface OpenCredential {
  readonly binding: Binding;
  /** Every string that must not show. */
  readonly made: readonly string[];
}

/** What travels with a definition: enough to find the same account elsewhere, nothing of what it holds. */
export interface CredentialName {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

export interface CredentialUse {
  /** Why these can't be used, each with its name and what to do; empty: all can. */
  faultsOf(request: { readonly orgId: string; readonly user: CredentialUser; readonly ids: readonly string[] }): Promise<readonly CredentialFault[]>;
  /** @throws CredentialError */
  open(request: { readonly orgId: string; readonly userId: string | null; readonly id: string }): Promise<OpenCredential>;
  namesOf(request: { readonly orgId: string; readonly ids: readonly string[] }): Promise<readonly CredentialName[]>;
  /** Those of the org that are called so. */
  findByName(request: { readonly orgId: string; readonly names: readonly string[] }): Promise<readonly CredentialName[]>;
  hostsOf(request: { readonly orgId: string; readonly ids: readonly string[] }): Promise<ReadonlyMap<string, readonly string[]>>;
}

export interface UseParts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cipher: Cipher;
  readonly httpOf: (orgId: string) => Pick<Egress, 'request'>;
  readonly tokens: AccessTokens;
}

export function createCredentialUse(parts: UseParts): CredentialUse {
  const { sql, clock, cipher } = parts;
  const roleOf = async (orgId: string, { userId, role }: CredentialUser): Promise<Role | undefined> =>
    role ?? (userId === null ? undefined : await readPrincipalRole(sql, { orgId, userId }));
  const judged = (row: CredentialRow, userId: string | null, role: Role | undefined): CredentialError | undefined =>
    faultOf(row, { userId, role, now: clock.now(), keyId: cipher.keyId });
  const used = (row: CredentialRow): void => {
    if (clock.now() - (row.lastUsedAt?.getTime() ?? 0) <= TOUCH_MS) return;
    touchCredential(sql, row.id, new Date(clock.now())).catch((error: unknown) =>
      parts.log.warn({ credentialId: row.id, cause: messageOf(error) }, 'the time a credential was last used could not be written'),
    );
  };
  return {
    async faultsOf({ orgId, user, ids }) {
      if (ids.length === 0) return [];
      const found = new Map((await findCredentials(sql, { orgId, ids })).map((row) => [row.id, row]));
      const role = await roleOf(orgId, user);
      return ids.flatMap((id): readonly CredentialFault[] => {
        const row = found.get(id);
        const fault = row === undefined ? missing(id) : judged(row, user.userId, role);
        return fault === undefined ? [] : [{ id, code: fault.code, message: fault.message }];
      });
    },
    async open({ orgId, userId, id }) {
      const row = await readCredential(sql, { orgId, id });
      if (row === undefined) throw missing(id);
      const fault = judged(row, userId, await roleOf(orgId, { userId }));
      if (fault !== undefined) throw fault;
      const opened = await openRow(parts, orgId, row);
      used(row);
      return opened;
    },
    namesOf: async ({ orgId, ids }) => (ids.length === 0 ? [] : (await findCredentials(sql, { orgId, ids })).map(nameOf)),
    findByName: async ({ orgId, names }) => (names.length === 0 ? [] : (await findCredentialsByName(sql, { orgId, names })).map(nameOf)),
    hostsOf: async ({ orgId, ids }) => new Map((await findCredentials(sql, { orgId, ids })).map((row) => [row.id, row.hosts])),
  };
}

/** Whether somebody may use it, whatever state it is in. */
export function mayUse(
  row: Pick<CredentialRow, 'access' | 'people' | 'createdBy'>,
  user: { readonly userId: string | null; readonly role: Role | undefined },
): boolean {
  if (user.role === undefined || user.userId === null) return false;
  if (row.access === 'everyone') return true;
  if (row.access === 'admins') return hasRole(user.role, 'admin');
  return row.createdBy === user.userId || row.people.includes(user.userId);
}

/** The secret values of a row. @throws CredentialError when it was sealed with another key */
export function openSecrets(cipher: Cipher, orgId: string, row: SealedCredential): CredentialValues {
  if (row.keyId !== cipher.keyId) throw unreadable(row);
  const text = cipher.open(row.sealed, sealPlace(orgId, row.id)).toString('utf8');
  return JSON.parse(text) as CredentialValues;
}

/** Where a credential is sealed: it opens in no other row and no other org. */
export function sealPlace(orgId: string, id: string): readonly string[] {
  return ['credential', orgId, id];
}

/** The headers of a credential, and what of it must not show. Judges no rights. @throws CredentialError */
export async function openRow(parts: Pick<UseParts, 'cipher' | 'httpOf' | 'tokens'>, orgId: string, row: SealedCredential): Promise<OpenCredential> {
  const type = typeOf(row.type) ?? unknownType(row);
  const secrets = openSecrets(parts.cipher, orgId, row);
  const values = { ...row.plain, ...secrets };
  const { headers, made } = await type.headersOf(values, { accessToken: (of) => parts.tokens.of(parts.httpOf(orgId), of) });
  return { binding: { hosts: row.hosts, headersFor: () => headers }, made: [...Object.values(secrets), ...made] };
}

function faultOf(
  row: CredentialRow,
  at: { readonly userId: string | null; readonly role: Role | undefined; readonly now: number; readonly keyId: string },
): CredentialError | undefined {
  if (!mayUse(row, at)) {
    const who = at.role === undefined ? 'whoever published this is no member any more' : 'it is for other people';
    return new CredentialError('credential_forbidden', `the credential "${row.name}" can not be used here: ${who}; an administrator can change its access`, {
      final: true,
    });
  }
  if (row.expiresAt !== null && row.expiresAt.getTime() <= at.now)
    return new CredentialError(
      'credential_expired',
      `the credential "${row.name}" expired on ${row.expiresAt.toISOString().slice(0, 10)}; renew it under Settings, Credentials`,
      { final: true },
    );
  if (row.keyId !== at.keyId) return unreadable(row);
  return undefined;
}

function missing(id: string): CredentialError {
  return new CredentialError(
    'credential_missing',
    `there is no credential ${id} in this organisation; pick another one, or make it under Settings, Credentials`,
    { final: true },
  );
}

function unreadable(row: CredentialRow): CredentialError {
  return new CredentialError(
    'credential_unreadable',
    `the credential "${row.name}" was sealed with another CREDENTIAL_ENCRYPTION_KEY; bring that key back, or set its values again`,
    { final: true },
  );
}

function unknownType(row: CredentialRow): never {
  throw new CredentialError('credential_unreadable', `the credential "${row.name}" is of the type "${row.type}", which this Studio does not know`, {
    final: true,
  });
}

function nameOf({ id, name, type }: CredentialRow): CredentialName {
  return { id, name, type };
}
