/** Makes an org from an exported file: looked through whole first, then its bytes, then its rows in one transaction. Nothing is left of an import that fails.
 *  The file is a stranger's: rows reach only the tables that travel, only the new org, and give nobody a right; nothing starts by itself afterwards. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImportReport } from '../contract/orgs.ts';
import type { Files } from '../files/files.ts';
import type { Author } from '../identity/commit.ts';
import type { Cipher } from '../identity/cipher.ts';
import { hashPassword, temporaryPassword } from '../identity/passwords.ts';
import { messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Progress } from '../kernel/progress.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database, Sql } from '../store/client.ts';
import { insertMember } from '../store/members.ts';
import { insertOrgRows, listQueueNames, type OrgTable } from '../store/org-export.ts';
import { findOrg, insertOrg } from '../store/orgs.ts';
import { upsertSecret } from '../store/secrets.ts';
import { insertUser, readAccountByEmail } from '../store/users.ts';
import { readBundle, type BundleHeader } from './bundle.ts';
import { findTakenIds, renamer, WHOLE_ID } from './import-ids.ts';
import { invalid, surveyBundle, type Survey } from './import-survey.ts';
import { tellWork, type OrgWorkParts } from './progress.ts';
import { unpackCredentials } from './travel-credentials.ts';
import { openTravelKey, travelPlace } from './travel-key.ts';

export interface ImportParts extends OrgWorkParts {
  readonly database: Database;
  readonly files: Pick<Files, 'content'>;
  readonly cipher: Cipher;
  readonly workspacePath: string;
}

export interface ImportRequest {
  readonly path: string;
  readonly passphrase?: string | undefined;
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

const BATCH = 500;
const BATCH_BYTES = 8 * 1024 * 1024;

/** @throws AppError invalid_body for a file or a passphrase that is none; disk_full */
export async function importOrg(parts: ImportParts, request: ImportRequest, author: Author): Promise<ImportReport> {
  const sql = parts.database.engine;
  const survey = await surveyBundle(request.path, request.signal);
  const { header } = survey;
  const key = header.secrets === null || request.passphrase === undefined ? undefined : await openTravelKey(request.passphrase, header.secrets);
  const taken = await findTakenIds(sql, survey);
  const isOrgFree = WHOLE_ID.test(header.org.id) && (await findOrg(sql, header.org.id)) === undefined;
  const orgId = isOrgFree ? header.org.id : newId('org', parts.clock);
  const rename = taken === undefined ? undefined : renamer(survey, orgId);
  const report: ImportReport = {
    org: { id: orgId, name: header.org.name },
    isDryRun: request.isDryRun,
    mapped:
      taken === undefined
        ? isOrgFree
          ? null
          : `An org with the id ${header.org.id} is here already: this one has a new id, all else kept theirs.`
        : `Ids of it are in use here (${taken}): all of them were made anew, and every mention of them with them.`,
    tables: [...survey.counts].map(([table, rows]) => ({ table, rows })),
    content: { files: survey.content.size, bytes: [...survey.content.values()].reduce((sum, bytes) => sum + bytes, 0) },
    notes: [...header.leftOut],
  };
  if (header.secrets !== null && key === undefined)
    report.notes.push(`${survey.secrets.length} secrets and ${survey.credentials.length} credentials are in the file and were not taken: give its passphrase.`);
  if (request.isDryRun) return report;
  await tellWork(parts, { work: 'import', org: orgId, actor: author.actor }, (progress) =>
    place(parts, request, { orgId, header, survey, key, rename, report, author, progress }),
  );
  return report;
}

interface Placing {
  readonly orgId: string;
  readonly header: BundleHeader;
  readonly survey: Survey;
  readonly key: Cipher | undefined;
  readonly rename: ((text: string) => string) | undefined;
  readonly report: ImportReport;
  readonly author: Author;
  readonly progress: Progress;
}

async function place(parts: ImportParts, request: ImportRequest, placing: Placing): Promise<void> {
  const { orgId, header, survey, key, rename, report, author, progress } = placing;
  const folder = join(parts.workspacePath, 'files', orgId);
  try {
    await placeContent(parts, request, placing);
    progress.enter('rows');
    await parts.database.engine.transaction(async (tx) => {
      const now = new Date(parts.clock.now());
      await insertOrg(tx, { id: orgId, name: header.org.name, now });
      report.notes.push(...(await addPeople(tx, parts, { orgId, people: survey.people, now })));
      report.notes.push(...(await writeRows(tx, request, placing)));
      if (key !== undefined) await addSecrets(tx, parts, { orgId, survey, key, now });
      if (key !== undefined) await unpackCredentials(tx, survey.credentials, { orgId, cipher: parts.cipher, key, now, idOf: rename ?? ((id) => id) });
      const details = { name: header.org.name, from: header.org.id };
      await insertAudit(tx, {
        id: newId('aud', parts.clock),
        orgId,
        at: now,
        actor: author.actor,
        action: 'org.imported',
        target: orgId,
        address: author.address,
        details,
      });
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    // What a row breaks (a key twice, a value that a column does not take) is the file's fault.
    const isOfRow = error instanceof Error && 'code' in error && /^(22|23)/.test(String(error.code));
    throw isOfRow ? invalid(`a row does not fit: ${messageOf(error)}`, error) : error;
  }
}

async function placeContent({ files }: ImportParts, request: ImportRequest, { orgId, report, progress }: Placing): Promise<void> {
  progress.enter('files', report.content.bytes);
  for await (const record of readBundle(request.path, request.signal)) {
    if (record.kind !== 'content') continue;
    const staged = await files.content.stage(record.chunks, { maxBytes: record.bytes, signal: request.signal });
    try {
      if (staged.sha256 !== record.sha256) throw invalid(`the bytes ${record.sha256} are other ones`);
      await files.content.place(orgId, staged);
      progress.add(record.bytes);
    } finally {
      await files.content.discard(staged);
    }
  }
}

async function addPeople(
  sql: Sql,
  { clock }: ImportParts,
  at: { readonly orgId: string; readonly people: Survey['people']; readonly now: Date },
): Promise<string[]> {
  const made: string[] = [];
  for (const { email: address, name, role } of at.people) {
    const known = await readAccountByEmail(sql, address); // Serial: one connection.
    const userId = known?.id ?? newId('user', clock);
    if (known === undefined) {
      const passwordHash = await hashPassword(temporaryPassword());
      if (!(await insertUser(sql, { id: userId, email: address, name, passwordHash, isSuperAdmin: false, passwordChangeRequired: true, now: at.now })))
        continue;
      made.push(address);
    }
    await insertMember(sql, { orgId: at.orgId, userId, role, now: at.now });
  }
  return made.length === 0
    ? []
    : [`${made.length} people have no password here yet (${made.slice(0, 5).join(', ')}): studio reset-password EMAIL gives each a temporary one.`];
}

/** Rows as they come, some at a time: memory does not grow with the file. */
async function writeRows(sql: Sql, request: ImportRequest, at: Pick<Placing, 'orgId' | 'rename' | 'progress'>): Promise<string[]> {
  const queues = await listQueueNames(sql);
  const unknown = new Set<string>();
  let batch: { table: OrgTable; columns: string; rows: string[]; bytes: number } | undefined;
  const flush = async (): Promise<void> => {
    if (batch !== undefined) await insertOrgRows(sql, { orgId: at.orgId, table: batch.table, rows: batch.rows, columns: batch.columns.split(' ') });
    batch = undefined;
  };
  for await (const record of readBundle(request.path, request.signal)) {
    if (record.kind === 'content') break;
    if (record.kind !== 'row' || record.table === 'people') continue;
    const columns = Object.keys(record.row).toSorted().join(' ');
    if (batch?.table !== record.table || batch.columns !== columns || batch.rows.length >= BATCH || batch.bytes >= BATCH_BYTES) await flush();
    batch ??= { table: record.table as OrgTable, columns, rows: [], bytes: 0 };
    const isElsewhere = record.table === 'jobs' && !queues.includes(String(record.row['queue']));
    if (isElsewhere) unknown.add(String(record.row['queue']));
    const text = isElsewhere ? JSON.stringify({ ...record.row, queue: queues.includes('studio') ? 'studio' : queues[0] }) : record.text;
    batch.rows.push(at.rename === undefined ? text : at.rename(text));
    batch.bytes += text.length;
    at.progress.add(text.length, record.table);
  }
  await flush();
  const names = [...unknown].slice(0, 5).join(', ');
  return unknown.size === 0 ? [] : [`Queues that are not here (${names}): their jobs stand under studio.`];
}

async function addSecrets(
  sql: Sql,
  { cipher }: ImportParts,
  at: { readonly orgId: string; readonly survey: Survey; readonly key: Cipher; readonly now: Date },
): Promise<void> {
  for (const { name, sealed } of at.survey.secrets) {
    const ciphertext = cipher.seal(at.key.open(sealed, travelPlace(name)), ['secret', at.orgId, name]);
    await upsertSecret(sql, { orgId: at.orgId, name, ciphertext, keyId: cipher.keyId, now: at.now }); // Serial: one connection.
  }
}
