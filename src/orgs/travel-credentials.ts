/** Credentials on their way to another Studio: with a passphrase only, each sealed under it and its id. People do not travel with them: one for chosen
 *  people arrives for administrators. */
import * as z from 'zod';
import { credentialAccess } from '../contract/values.ts';
import { openSecrets, sealPlace } from '../credentials/use.ts';
import type { Cipher } from '../identity/cipher.ts';
import { AppError } from '../kernel/fail.ts';
import type { Sql } from '../store/client.ts';
import { insertCredential, listCredentials, readCredential } from '../store/credentials.ts';

const texts = z.record(z.string().max(64), z.string().max(65_536));
/** A stranger's file: nothing is taken that the API would not have let in. */
const travelling = z.strictObject({
  name: z.string().min(1).max(120),
  type: z.string().max(64),
  hosts: z.array(z.string().max(270)).max(50),
  plain: texts,
  secrets: texts,
  access: z.enum(credentialAccess),
  expiresAt: z.iso.datetime().nullable(),
});

export const CREDENTIAL_ID = /^cred_[0-9a-z]{26}$/;

export interface TravellingCredential {
  readonly id: string;
  readonly sealed: Buffer;
}

/** Those of an org, sealed for the way. One that does not open here is left out. */
export async function* packCredentials(
  sql: Sql,
  at: { readonly orgId: string; readonly cipher: Cipher; readonly key: Cipher },
): AsyncGenerator<TravellingCredential> {
  for (let after: string | undefined; ;) {
    const page = await listCredentials(sql, { orgId: at.orgId, limit: 200, after }); // Serial: pages.
    for (const { id } of page.items) {
      const row = await readCredential(sql, { orgId: at.orgId, id });
      if (row === undefined || row.keyId !== at.cipher.keyId) continue;
      const { name, type, hosts, plain, access, expiresAt } = row;
      const packed = { name, type, hosts, plain, secrets: openSecrets(at.cipher, at.orgId, row), access, expiresAt: expiresAt?.toISOString() ?? null };
      yield { id, sealed: at.key.seal(Buffer.from(JSON.stringify(packed)), placeOf(id)) };
    }
    if (page.next === null) return;
    after = page.next;
  }
}

/** Writes them into a new org, sealed for here. @param at.idOf an id as it is here */
export async function unpackCredentials(
  sql: Sql,
  given: readonly TravellingCredential[],
  at: { readonly orgId: string; readonly cipher: Cipher; readonly key: Cipher; readonly now: Date; readonly idOf: (id: string) => string },
): Promise<void> {
  const { orgId, cipher, now } = at;
  for (const one of given) {
    const { secrets, access, expiresAt, ...rest } = read(at.key.open(one.sealed, placeOf(one.id)));
    const id = at.idOf(one.id);
    // Serial: one connection.
    await insertCredential(sql, {
      ...rest,
      id,
      orgId,
      now,
      secretFields: Object.keys(secrets),
      sealed: cipher.seal(Buffer.from(JSON.stringify(secrets)), sealPlace(orgId, id)),
      keyId: cipher.keyId,
      access: access === 'people' ? 'admins' : access,
      people: [],
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
      createdBy: null,
    });
  }
}

function read(bytes: Buffer): z.infer<typeof travelling> {
  const parsed = travelling.safeParse(JSON.parse(bytes.toString()));
  if (!parsed.success)
    throw new AppError('invalid_body', { message: `This file can't be imported: a credential in it is not as one has to be. Nothing was changed.` });
  return parsed.data;
}

function placeOf(id: string): readonly string[] {
  return ['org-export', 'credential', id];
}
