/** The door to a machine's orgs: list, make, rename, export, import, purge. Never decides who may (http's policy and the shell's owner did). */
import type { z } from 'zod';
import type { ImportReport, org, PurgeCertificate, PurgePreview } from '../contract/orgs.ts';
import type { Files } from '../files/files.ts';
import type { Cipher } from '../identity/cipher.ts';
import type { Author, Commit } from '../identity/commit.ts';
import { hashPassword, temporaryPassword } from '../identity/passwords.ts';
import type { Secrets } from '../identity/secrets.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Database } from '../store/client.ts';
import { insertMember } from '../store/members.ts';
import { insertOrg, listOrgs, renameOrg } from '../store/orgs.ts';
import { insertUser } from '../store/users.ts';
import { exportOrg, type ExportReport, type ExportRequest } from './export.ts';
import { importOrg, type ImportRequest } from './import.ts';
import type { OrgWorkParts } from './progress.ts';
import { listCertificates, previewPurge, purgeOrg } from './purge.ts';

/** Somebody new, or somebody who has an account. */
type NewAdmin = { readonly email: string; readonly name: string } | { readonly userId: string };

export interface Orgs {
  list(): Promise<z.infer<typeof org>[]>;
  /** @throws AppError conflict when the address is taken */
  create(
    wanted: { readonly name: string; readonly admin: NewAdmin },
    author: Author,
  ): Promise<{ org: { id: string; name: string }; temporaryPassword: string | null }>;
  /** @throws AppError not_found */
  rename(wanted: { readonly id: string; readonly name: string }, author: Author): Promise<{ id: string; name: string }>;
  export(wanted: ExportRequest): Promise<ExportReport>;
  import(request: ImportRequest, author: Author): Promise<ImportReport>;
  previewPurge(org: string): Promise<PurgePreview>;
  purge(wanted: { readonly org: string; readonly name: string }, author: Author): Promise<PurgeCertificate>;
  certificates(): Promise<PurgeCertificate[]>;
  readonly files: Pick<Files, 'content'>;
}

export interface OrgsParts extends OrgWorkParts {
  readonly database: Database;
  readonly commit: Commit;
  readonly files: Pick<Files, 'content'>;
  readonly secrets: Pick<Secrets, 'read'>;
  readonly cipher: Cipher;
  readonly workspacePath: string;
  readonly studioVersion: string;
  /** CREDENTIAL_ENCRYPTION_KEY */
  readonly secret: string;
  readonly isServing: boolean;
}

export function createOrgs(parts: OrgsParts): Orgs {
  const { database, clock, commit } = parts;
  return {
    files: parts.files,
    list: () => listOrgs(database.engine),
    async create({ name, admin }, author) {
      const password = 'userId' in admin ? null : temporaryPassword();
      const passwordHash = password === null ? '' : await hashPassword(password);
      const made = { id: newId('org', clock), name };
      await commit(author, async (change) => {
        const { now } = change;
        await insertOrg(change.sql, { ...made, now });
        const userId = 'userId' in admin ? admin.userId : newId('user', clock);
        if (!('userId' in admin)) {
          const person = { id: userId, ...admin, passwordHash, isSuperAdmin: false, passwordChangeRequired: true, now };
          if (!(await insertUser(change.sql, person))) fail('conflict', `The e-mail address "${admin.email}" belongs to an account already; use another one.`);
        }
        await insertMember(change.sql, { orgId: made.id, userId, role: 'admin', now });
        await change.audit('org.created', made.id, { name, admin: 'userId' in admin ? admin.userId : admin.email });
      });
      return { org: made, temporaryPassword: password };
    },
    rename: ({ id, name }, author) =>
      commit(author, async (change) => {
        if (!(await renameOrg(change.sql, { id, name }))) fail('not_found', `There is no org "${id}".`);
        await change.audit('org.renamed', id, { name });
        return { id, name };
      }),
    export: (wanted) => exportOrg(parts, wanted),
    import: (request, author) => importOrg(parts, request, author),
    previewPurge: (wanted) => previewPurge(parts, wanted),
    purge: (wanted, author) => purgeOrg(parts, wanted, author),
    certificates: () => listCertificates(parts),
  };
}
