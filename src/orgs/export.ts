/** Writes everything of an org into one file: rows of one moment, then the bytes they point at. Work goes on meanwhile. What can't travel is named in the file. */
import { rm } from 'node:fs/promises';
import type { Files } from '../files/files.ts';
import type { Cipher } from '../identity/cipher.ts';
import type { Secrets } from '../identity/secrets.ts';
import { fail } from '../kernel/fail.ts';
import type { Progress } from '../kernel/progress.ts';
import type { Database, Sql } from '../store/client.ts';
import { countLeftOut, holdMoment, ORG_TABLES, readOrgContent, readOrgPeople, readOrgRows, type OrgTable } from '../store/org-export.ts';
import { findOrg } from '../store/orgs.ts';
import { listSecrets } from '../store/secrets.ts';
import { writeBundle, type BundleWriter } from './bundle.ts';
import { tellWork, type OrgWorkParts } from './progress.ts';
import { packCredentials } from './travel-credentials.ts';
import { newTravelKey, travelPlace } from './travel-key.ts';

export interface ExportParts extends OrgWorkParts {
  readonly database: Database;
  readonly files: Pick<Files, 'content'>;
  readonly secrets: Pick<Secrets, 'read'>;
  readonly cipher: Cipher;
  readonly studioVersion: string;
}

export interface ExportRequest {
  readonly org: string;
  /** Must not be there yet. */
  readonly path: string;
  readonly passphrase?: string | undefined;
  /** Who asks. */
  readonly actor: string;
  readonly signal: AbortSignal;
}

export interface ExportReport {
  readonly org: { readonly id: string; readonly name: string };
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly leftOut: readonly string[];
}

/** @throws AppError not_found; disk faults. Nothing is left when it fails */
export async function exportOrg(parts: ExportParts, wanted: ExportRequest): Promise<ExportReport> {
  const { database } = parts;
  const org =
    (await findOrg(database.engine, wanted.org)) ??
    fail('not_found', `There is no org "${wanted.org}", or several have that name: use its id (studio org list).`);
  return tellWork(parts, { work: 'export', org: org.id, actor: wanted.actor }, (progress) => writeOrg(parts, { ...wanted, org }, progress));
}

async function writeOrg(
  parts: ExportParts,
  wanted: Omit<ExportRequest, 'org'> & { readonly org: ExportReport['org'] },
  progress: Progress,
): Promise<ExportReport> {
  const { database, clock } = parts;
  const { org } = wanted;
  const key = wanted.passphrase === undefined ? undefined : await newTravelKey(wanted.passphrase);
  const writer = await writeBundle(wanted.path);
  progress.enter('rows');
  try {
    const leftOut = await sayWhatStays(database.engine, org.id, key !== undefined);
    const createdAt = new Date(clock.now()).toISOString();
    await writer.header({ studio: 'org-export', format: 1, org, createdAt, studioVersion: parts.studioVersion, secrets: key?.facts ?? null, leftOut });
    const { rows, content } = await database.engine.transaction(async (sql) => {
      await holdMoment(sql);
      return { rows: await writeRows(sql, { writer, orgId: org.id, signal: wanted.signal, progress }), content: await readOrgContent(sql, org.id) };
    });
    if (key !== undefined) {
      for (const { name } of await allSecrets(database.engine, org.id)) {
        const value = await parts.secrets.read(org.id, name); // Serial: few.
        if (value !== undefined) await writer.secret(name, key.cipher.seal(Buffer.from(value), travelPlace(name)));
      }
      const at = { orgId: org.id, cipher: parts.cipher, key: key.cipher };
      for await (const { id, sealed } of packCredentials(database.engine, at)) await writer.credential(id, sealed);
    }
    const total = content.reduce((sum, { bytes }) => sum + bytes, 0);
    progress.enter('files', total);
    for (const { sha256, bytes } of content) {
      wanted.signal.throwIfAborted();
      const stream = await parts.files.content.read(org.id, sha256); // Serial: one file.
      if (stream === undefined)
        fail(
          'not_found',
          `The bytes ${sha256} are not in the workspace any more: the org can't be exported whole. studio backup verify finds what else is missing.`,
        );
      await writer.content(sha256, bytes, stream);
      progress.add(bytes);
    }
    await writer.end();
    return { org, rows, files: content.length, bytes: total, leftOut };
  } catch (error) {
    await writer.abandon();
    await rm(wanted.path, { force: true });
    throw error;
  }
}

async function writeRows(
  sql: Sql,
  { writer, orgId, signal, progress }: { readonly writer: BundleWriter; readonly orgId: string; readonly signal: AbortSignal; readonly progress: Progress },
): Promise<number> {
  let count = 0;
  for (const person of await readOrgPeople(sql, orgId)) await writer.row('people', JSON.stringify(person));
  for (const table of Object.keys(ORG_TABLES) as OrgTable[]) {
    for await (const text of readOrgRows(sql, { orgId, table })) {
      signal.throwIfAborted();
      await writer.row(table, text);
      progress.add(text.length, table);
      count++;
    }
  }
  return count;
}

async function sayWhatStays(sql: Sql, orgId: string, hasSecrets: boolean): Promise<string[]> {
  const { live, keys, triggers } = await countLeftOut(sql, orgId);
  return [
    ...(live > 0 ? [`${live} instances that have not ended are not in it: an instance runs on one machine.`] : []),
    ...(triggers > 0 ? [`${triggers} triggers stay here: publish their workflows where they are imported to switch them on; webhooks get new addresses.`] : []),
    ...(keys > 0 ? [`${keys} API keys stay here, and so do sessions: make new ones.`] : []),
    ...(hasSecrets ? [] : ['Secrets and credentials are not in it: they travel with a passphrase only.']),
    'Passwords, the audit trail, notifications, models, and the logs of jobs are not in it.',
  ];
}

async function allSecrets(sql: Sql, orgId: string): Promise<{ readonly name: string }[]> {
  const found: { readonly name: string }[] = [];
  for (let after: string | undefined; ;) {
    const page = await listSecrets(sql, { orgId, limit: 200, after }); // Serial: pages.
    found.push(...page.items);
    if (page.next === null) return found;
    after = page.next;
  }
}
