/** The credentials of an org: made, changed and tested by people, used by workflows (use.ts). This file is the room's table of contents.
 *  One thing to know: a value that went in comes out in headers to the credential's own hosts, and in no other way. */
import * as z from 'zod';
import type { Caller } from '../contract/caller.ts';
import type { Credential, CredentialTypeView } from '../contract/credentials.ts';
import type { CredentialAccess } from '../contract/values.ts';
import type { Author, Change, Commit } from '../identity/commit.ts';
import { AppError, fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import {
  countCredentials,
  deleteCredential,
  findCredentialUses,
  insertCredential,
  listCredentials,
  lockCredential,
  readCredential,
  recordTest,
  updateCredential,
  type CredentialRow,
  type SealedCredential,
} from '../store/credentials.ts';
import { hostFaultOf, splitValues, type CheckedCredential } from './check.ts';
import { CredentialError, createAccessTokens } from './oauth.ts';
import { tryCredential } from './try.ts';
import { credentialTypes, typeOf } from './types.ts';
import { createCredentialUse, mayUse, openSecrets, sealPlace, type CredentialUse, type UseParts } from './use.ts';

const MAX_CREDENTIALS = 1_000;

export interface CredentialWish {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
  readonly hosts?: readonly string[] | undefined;
  readonly access: CredentialAccess;
  readonly people: readonly string[];
  readonly expiresAt?: string | null | undefined;
}

export interface Credentials extends CredentialUse {
  types(): CredentialTypeView[];
  list(caller: Caller, page: { readonly limit: number; readonly after?: string | undefined }): Promise<{ items: Credential[]; next: string | null }>;
  /** @throws AppError not_found */
  read(caller: Caller, id: string): Promise<Credential>;
  /** @throws AppError invalid_body, conflict */
  create(caller: Caller, wanted: CredentialWish & { readonly type: string }, author: Author): Promise<Credential>;
  /** @throws AppError not_found, invalid_body, conflict */
  patch(caller: Caller, id: string, wanted: { readonly [Key in keyof CredentialWish]?: CredentialWish[Key] | undefined }, author: Author): Promise<Credential>;
  /** @throws AppError not_found; conflict when workflows name it */
  remove(caller: Caller, id: string, options: { readonly force: boolean }, author: Author): Promise<void>;
  /** @throws AppError not_found, conflict when there is nothing to ask */
  test(caller: Caller, id: string, url: string | undefined, author: Author): Promise<{ ok: boolean; message: string }>;
  /** @throws AppError not_found */
  workflowsOf(caller: Caller, id: string): Promise<{ id: string; name: string; isDraft: boolean }[]>;
}

export interface CredentialParts extends Omit<UseParts, 'tokens'> {
  readonly commit: Commit;
}

export function createCredentials(given: CredentialParts): Credentials {
  const parts = { ...given, tokens: createAccessTokens(given.clock) };
  const { sql, clock, cipher, commit } = parts;
  const use = createCredentialUse(parts);
  const viewOf = (row: CredentialRow, caller: Caller): Credential => view(row, { caller, now: clock.now(), keyId: cipher.keyId });

  return {
    ...use,
    types: () => credentialTypes.map(typeView),
    async list(caller, page) {
      const { items, next } = await listCredentials(sql, { orgId: caller.orgId, ...page });
      return { items: items.map((row) => viewOf(row, caller)), next };
    },
    read: async (caller, id) => viewOf(await known(caller, id), caller),
    async create(caller, wanted, author) {
      const type = typeOf(wanted.type) ?? fail('invalid_body', `"${wanted.type}" is no type of credential; GET /api/v1/credential-types lists them.`);
      const checked = splitValues(type, { values: wanted.values, hosts: wanted.hosts });
      const id = newId('cred', clock);
      await commit(author, async (change) => {
        if ((await countCredentials(change.sql, caller.orgId)) >= MAX_CREDENTIALS)
          fail('conflict', `This org has ${MAX_CREDENTIALS} credentials, which is the limit. Delete one first.`);
        const row = { ...written(change, caller, id, checked), name: wanted.name, type: type.type, access: wanted.access, people: wanted.people };
        const isNew = await insertCredential(change.sql, { ...row, expiresAt: dateOf(wanted.expiresAt), createdBy: caller.userId });
        if (!isNew) fail('conflict', `There is a credential "${wanted.name}" already; use another name.`);
        await tell(change, caller.orgId, id, 'created');
        await change.audit('credential.created', id, { name: wanted.name, type: type.type, hosts: [...checked.hosts], access: wanted.access });
      });
      return viewOf(await known(caller, id), caller);
    },
    async patch(caller, id, wanted, author) {
      await commit(author, async (change) => {
        const row = (await lockCredential(change.sql, { orgId: caller.orgId, id })) ?? notFound(id);
        const type = typeOf(row.type) ?? fail('conflict', `This Studio does not know the type "${row.type}"; delete the credential, or update Studio.`);
        const checked = changed(caller, row, wanted);
        const next = {
          ...written(change, caller, id, checked),
          name: wanted.name ?? row.name,
          type: type.type,
          access: wanted.access ?? row.access,
          people: wanted.people ?? row.people,
          expiresAt: wanted.expiresAt === undefined ? row.expiresAt : dateOf(wanted.expiresAt),
          createdBy: row.createdBy,
        };
        if (!(await updateCredential(change.sql, next))) fail('conflict', `There is a credential "${next.name}" already; use another name.`);
        await tell(change, caller.orgId, id, 'changed');
        await change.audit('credential.changed', id, { name: next.name, fields: Object.keys(wanted), hosts: [...checked.hosts], access: next.access });
      });
      return viewOf(await known(caller, id), caller);
    },
    remove: (caller, id, { force }, author) =>
      commit(author, async (change) => {
        const row = (await lockCredential(change.sql, { orgId: caller.orgId, id })) ?? notFound(id);
        const uses = force ? [] : await findCredentialUses(change.sql, { orgId: caller.orgId, id });
        if (uses.length > 0) {
          const names = uses.slice(0, 3).map(({ name }) => `"${name}"`);
          fail('conflict', {
            message: `"${row.name}" is used by ${uses.length === 1 ? 'a workflow' : `${uses.length} workflows`} (${names.join(', ')}${uses.length > 3 ? ', …' : ''}): they would fail. Change them first, or delete it with ?force=true.`,
            details: { workflows: uses.map((one) => one.id) },
          });
        }
        await deleteCredential(change.sql, { orgId: caller.orgId, id });
        await tell(change, caller.orgId, id, 'deleted');
        await change.audit('credential.deleted', id, { name: row.name });
      }),
    async test(caller, id, url, author) {
      const row = await known(caller, id);
      if (!mayUse(row, caller)) fail('forbidden', `The credential "${row.name}" is for other people; an administrator can change its access.`);
      const result = await tryCredential(parts, { orgId: caller.orgId, row, url });
      await commit(author, async (change) => {
        await recordTest(change.sql, { id, at: change.now, ...result });
        await tell(change, caller.orgId, id, 'tested');
        await change.audit('credential.tested', id, { name: row.name, ok: result.ok });
      });
      return result;
    },
    async workflowsOf(caller, id) {
      await known(caller, id);
      return findCredentialUses(sql, { orgId: caller.orgId, id });
    },
  };

  async function known(caller: Caller, id: string): Promise<SealedCredential> {
    return (await readCredential(sql, { orgId: caller.orgId, id })) ?? notFound(id);
  }

  /** The fields after a change. Where secrets go changes only with the secrets: else whoever may change a credential could have it sent to them. */
  function changed(
    caller: Caller,
    row: SealedCredential,
    wanted: { readonly values?: CredentialWish['values'] | undefined; readonly hosts?: CredentialWish['hosts'] },
  ): CheckedCredential {
    const type = typeOf(row.type) ?? notFound(row.id);
    const given = wanted.values ?? {};
    const isWhole = type.secrets.filter((field) => row.secretFields.includes(field)).every((field) => (given[field] ?? '') !== '');
    const stored = isWhole ? {} : openedFor(caller.orgId, row);
    const checked = splitValues(type, { values: { ...row.plain, ...stored, ...given }, hosts: wanted.hosts ?? row.hosts });
    const fault = isWhole ? undefined : hostFaultOf(type, { before: row, after: checked });
    if (fault !== undefined)
      fail('invalid_body', {
        message: `${fault} Give its secret values (${type.secrets.join(', ')}) again together with it: nobody sends a value elsewhere that they do not know.`,
        details: { in: 'body', problems: type.secrets.map((field) => ({ path: `values.${field}`, message: 'Needed, as it may be sent elsewhere now' })) },
      });
    return checked;
  }

  function openedFor(orgId: string, row: SealedCredential): Readonly<Record<string, string>> {
    try {
      return openSecrets(cipher, orgId, row);
    } catch (error) {
      if (error instanceof CredentialError) throw new AppError('conflict', { message: `${error.message}.`, cause: error });
      throw error;
    }
  }

  function written(
    change: Change,
    caller: Caller,
    id: string,
    { hosts, plain, secrets }: CheckedCredential,
  ): { id: string; orgId: string; now: Date } & Pick<SealedCredential, 'hosts' | 'plain' | 'secretFields' | 'sealed' | 'keyId'> {
    const sealed = cipher.seal(Buffer.from(JSON.stringify(secrets), 'utf8'), sealPlace(caller.orgId, id));
    return { id, orgId: caller.orgId, now: change.now, hosts, plain, secretFields: Object.keys(secrets), sealed, keyId: cipher.keyId };
  }
}

/** Open pages read it anew: nothing of it stands in the event. */
async function tell(change: Change, orgId: string, id: string, what: 'created' | 'changed' | 'deleted' | 'tested'): Promise<void> {
  await change.event({ kind: 'credential', id, type: 'identity:credential:changed', orgId, payload: { change: what } });
}

function notFound(id: string): never {
  return fail('not_found', `There is no credential "${id}".`);
}

function dateOf(text: string | null | undefined): Date | null {
  return text === undefined || text === null ? null : new Date(text);
}

function typeView({ type, title, about, fields, hostsOf }: (typeof credentialTypes)[number]): CredentialTypeView {
  return { type, title, about, fields: z.toJSONSchema(fields) as Record<string, unknown>, hosts: hostsOf === undefined ? 'given' : 'derived' };
}

function view(row: CredentialRow, at: { readonly caller: Caller; readonly now: number; readonly keyId: string }): Credential {
  const { id, name, type, access } = row;
  return {
    id,
    name,
    type,
    hosts: [...row.hosts],
    values: { ...row.plain },
    secretFields: [...row.secretFields],
    access,
    people: [...row.people],
    state: stateOf(row, at),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    mayUse: mayUse(row, at.caller),
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    lastTest: row.testedAt === null ? null : { at: row.testedAt.toISOString(), ok: row.testOk ?? false, message: row.testMessage ?? '' },
  };
}

function stateOf(row: CredentialRow, at: { readonly now: number; readonly keyId: string }): Credential['state'] {
  if (typeOf(row.type) === undefined) return 'unknown_type';
  if (row.keyId !== at.keyId) return 'unreadable';
  return row.expiresAt !== null && row.expiresAt.getTime() <= at.now ? 'expired' : 'ok';
}
