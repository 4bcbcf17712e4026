/** API keys: made by a person for programs, never with more rights than that person has, shown once. */
import type { ApiKey } from '../contract/api-keys.ts';
import type { Caller } from '../contract/caller.ts';
import type { Json } from '../contract/endpoint.ts';
import type { ModelLimits } from '../contract/model-limits.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { countApiKeys, deleteApiKeys, insertApiKey, listApiKeys, updateApiKey } from '../store/api-keys.ts';
import type { SqlPool } from '../store/client.ts';
import type { Author, Commit } from './commit.ts';
import { hashSecret, newSecret } from './tokens.ts';

const MAX_KEYS = 200;
/** `stk_` and six more: enough to tell keys apart, 36 of 256 bits. */
const PREFIX_LENGTH = 10;

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expiresAt?: string | undefined;
  readonly modelLimits?: ModelLimits | undefined;
}

export interface KeyChange {
  readonly name?: string | undefined;
  /** Null: none of its own. */
  readonly modelLimits?: ModelLimits | null | undefined;
}

export interface ApiKeys {
  list(caller: Caller, page: { readonly limit: number; readonly after?: string | undefined }): Promise<{ items: ApiKey[]; next: string | null }>;
  /** One of the caller's own; undefined when there is none. */
  read(caller: Caller, id: string): Promise<ApiKey | undefined>;
  /** @throws AppError conflict beyond the limit, forbidden for scopes the caller lacks, invalid_body for a time that is over */
  create(caller: Pick<Caller, 'userId' | 'orgId' | 'scopes'>, key: NewKey, author: Author): Promise<ApiKey & { key: string }>;
  /** @throws AppError not_found */
  update(caller: Caller, id: string, change: KeyChange, author: Author): Promise<ApiKey>;
  /** @throws AppError not_found */
  remove(caller: Caller, id: string, author: Author): Promise<void>;
}

export function createApiKeys({ sql, clock, commit }: { readonly sql: SqlPool; readonly clock: Clock; readonly commit: Commit }): ApiKeys {
  return {
    list: (caller, page) => listApiKeys(sql, { orgId: caller.orgId, userId: caller.userId, ...page }),
    // They are few: as many as one person may have.
    read: async ({ orgId, userId }, id) => (await listApiKeys(sql, { orgId, userId, limit: MAX_KEYS })).items.find((key) => key.id === id),
    async create(caller, { name, scopes, expiresAt, modelLimits }, author) {
      const lacking = scopes.filter((scope) => caller.scopes !== null && !caller.scopes.includes('*') && !caller.scopes.includes(scope));
      if (lacking.length > 0) fail('forbidden', `A key can't give what it does not have: ${lacking.join(', ')}.`);
      if (expiresAt !== undefined && Date.parse(expiresAt) <= clock.now())
        fail('invalid_body', `expiresAt ${expiresAt} is in the past; give a later time, or leave it out.`);
      const secret = newSecret('key');
      return commit(author, async (change) => {
        const count = await countApiKeys(change.sql, caller);
        if (count >= MAX_KEYS) fail('conflict', `You have ${count} API keys; the limit is ${MAX_KEYS}. Delete one first.`);
        const row = await insertApiKey(change.sql, {
          id: newId('key', clock),
          orgId: caller.orgId,
          userId: caller.userId,
          name,
          keyHash: hashSecret(secret),
          prefix: secret.slice(0, PREFIX_LENGTH),
          scopes: [...new Set(scopes)],
          expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
          modelLimits: modelLimits ?? null,
          now: change.now,
        });
        await change.audit('api_key.made', row.id, { name, scopes: [...scopes] });
        return { ...row, key: secret };
      });
    },
    update: (caller, id, { name, modelLimits }, author) =>
      commit(author, async (change) => {
        const row = await updateApiKey(change.sql, { orgId: caller.orgId, userId: caller.userId, id, name, modelLimits });
        if (row === undefined) return fail('not_found', `You have no API key "${id}".`);
        // What is remembered of it is read again: new limits hold at once.
        change.tell({ kind: 'key', keyId: id });
        await change.audit('api_key.changed', id, { name: row.name, modelLimits: row.modelLimits as Json });
        return row;
      }),
    remove: (caller, id, author) =>
      commit(author, async (change) => {
        const removed = await deleteApiKeys(change.sql, { orgId: caller.orgId, userId: caller.userId, id });
        if (removed.length === 0) fail('not_found', `You have no API key "${id}".`);
        change.tell({ kind: 'key', keyId: id });
        await change.audit('api_key.deleted', id);
      }),
  };
}
