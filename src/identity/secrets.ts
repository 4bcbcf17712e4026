/** Secrets of an org: sealed at rest, never returned over the API. `read` is for the engine, where a step runs. */
import type { Caller } from '../contract/caller.ts';
import type { Secret } from '../contract/secrets.ts';
import { AppError, fail } from '../kernel/fail.ts';
import type { SqlPool } from '../store/client.ts';
import { countForeignSecrets, countSecrets, deleteSecret, listSecrets, readSecret, upsertSecret } from '../store/secrets.ts';
import type { Cipher } from './cipher.ts';
import type { Author, Commit } from './commit.ts';

const MAX_SECRETS = 1_000;

export interface Secrets {
  list(caller: Caller, page: { readonly limit: number; readonly after?: string | undefined }): Promise<{ items: Secret[]; next: string | null }>;
  put(caller: Caller, secret: { readonly name: string; readonly value: string }, author: Author): Promise<Secret>;
  /** @throws AppError not_found */
  remove(caller: Caller, name: string, author: Author): Promise<void>;
  /** The value, in clear. @returns undefined when there is none  @throws when it was sealed with another key */
  read(orgId: string, name: string): Promise<string | undefined>;
  /** How many, of all orgs, this key can't open: more than none means that the key was lost or exchanged. */
  countUnreadable(): Promise<number>;
}

export function createSecrets({ sql, cipher, commit }: { readonly sql: SqlPool; readonly cipher: Cipher; readonly commit: Commit }): Secrets {
  return {
    list: (caller, page) => listSecrets(sql, { orgId: caller.orgId, ...page }),
    put: (caller, { name, value }, author) =>
      commit(author, async (change) => {
        const known = await readSecret(change.sql, { orgId: caller.orgId, name });
        if (known === undefined && (await countSecrets(change.sql, caller.orgId)) >= MAX_SECRETS)
          fail('conflict', `This org has ${MAX_SECRETS} secrets, which is the limit. Delete one first.`);
        const ciphertext = cipher.seal(Buffer.from(value, 'utf8'), placeOf(caller.orgId, name));
        const row = await upsertSecret(change.sql, { orgId: caller.orgId, name, ciphertext, keyId: cipher.keyId, now: change.now });
        await change.audit('secret.set', name);
        return row;
      }),
    remove: (caller, name, author) =>
      commit(author, async (change) => {
        if (!(await deleteSecret(change.sql, { orgId: caller.orgId, name }))) fail('not_found', `There is no secret "${name}".`);
        await change.audit('secret.deleted', name);
      }),
    countUnreadable: () => countForeignSecrets(sql, cipher.keyId),
    async read(orgId, name) {
      const row = await readSecret(sql, { orgId, name });
      if (row === undefined) return undefined;
      if (row.keyId !== cipher.keyId)
        throw new AppError('internal', {
          message: `The secret "${name}" was sealed with another CREDENTIAL_ENCRYPTION_KEY. Bring that key back, or set the secret again.`,
        });
      return cipher.open(row.ciphertext, placeOf(orgId, name)).toString('utf8');
    },
  };
}

function placeOf(orgId: string, name: string): readonly string[] {
  return ['secret', orgId, name];
}
