/** The first look through an exported file, before anything is written: what is in it, and that nothing is that may not travel. */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { email, personName } from '../contract/auth.ts';
import { filePathFault } from '../contract/files.ts';
import { isTerminalInstance, type InstanceStatus } from '../contract/values.ts';
import { AppError } from '../kernel/fail.ts';
import { ORG_TABLES, type OrgTable } from '../store/org-export.ts';
import { readBundle, type BundleHeader } from './bundle.ts';
import { WHOLE_ID } from './import-ids.ts';
import { CREDENTIAL_ID, type TravellingCredential } from './travel-credentials.ts';

/** What the first look found. */
export interface Survey {
  readonly header: BundleHeader;
  readonly counts: Map<OrgTable, number>;
  /** Ids of rows, by table: what may have to be mapped. */
  readonly ids: Map<OrgTable, string[]>;
  readonly people: z.infer<typeof person>[];
  readonly content: Map<string, number>;
  readonly secrets: { readonly name: string; readonly sealed: Buffer }[];
  readonly credentials: TravellingCredential[];
}

const person = z.strictObject({ email, name: personName, role: z.enum(['user', 'admin']) });
const PREFIX: Partial<Record<OrgTable, string>> = { workflows: 'wf', instances: 'inst', jobs: 'job', artifacts: 'art', files: 'file' };
const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** @throws AppError invalid_body naming the first thing that may not stand in it */
export async function surveyBundle(path: string, signal: AbortSignal): Promise<Survey> {
  let header: BundleHeader | undefined;
  const survey = {
    counts: new Map<OrgTable, number>(),
    ids: new Map<OrgTable, string[]>(),
    people: [] as z.infer<typeof person>[],
    content: new Map<string, number>(),
    secrets: [] as Survey['secrets'][number][],
    credentials: [] as TravellingCredential[],
  };
  const wanted = new Set<string>();
  for await (const record of readBundle(path, signal)) {
    if (record.kind === 'header') header = record.header;
    else if (record.kind === 'secret') survey.secrets.push(requireSecret(record));
    else if (record.kind === 'credential') survey.credentials.push(requireCredential(record));
    else if (record.kind === 'content') {
      await requireContent(record);
      survey.content.set(record.sha256, record.bytes);
    } else if (record.table === 'people') survey.people.push(requirePerson(record.row));
    else {
      const table = requireRow(record.table, record.row);
      survey.counts.set(table, (survey.counts.get(table) ?? 0) + 1);
      if (PREFIX[table] !== undefined) {
        const ids = survey.ids.get(table) ?? [];
        ids.push(String(record.row['id']));
        survey.ids.set(table, ids);
      }
      if (table === 'files' || table === 'artifacts') wanted.add(`${String(record.row['sha256'])} ${String(record.row['bytes'])}`);
    }
  }
  for (const one of wanted) {
    const [sha256 = '', bytes] = one.split(' ');
    if (survey.content.get(sha256) !== Number(bytes)) throw invalid(`the bytes ${sha256} that a row points at are not in it`);
  }
  if (header === undefined) throw invalid('it is empty');
  return { header, ...survey };
}

function requireRow(table: string, row: Readonly<Record<string, unknown>>): OrgTable {
  if (!Object.hasOwn(ORG_TABLES, table)) throw invalid(`it holds rows of "${table.slice(0, 60)}", which do not travel`);
  const known = table as OrgTable;
  const prefix = PREFIX[known];
  if (prefix !== undefined && !(typeof row['id'] === 'string' && WHOLE_ID.test(row['id']) && row['id'].startsWith(`${prefix}_`)))
    throw invalid(`a row of ${table} has the id ${JSON.stringify(row['id'])?.slice(0, 80)}`);
  if (known === 'instances' && !isTerminalInstance(row['status'] as InstanceStatus)) throw invalid('an instance in it has not ended');
  if (known === 'jobs' && !['completed', 'failed', 'cancelled', 'dead'].includes(String(row['status']))) throw invalid('a job in it has not ended');
  if (known === 'files' && filePathFault(String(row['path'])) !== undefined) throw invalid(`a file has the path ${JSON.stringify(row['path'])?.slice(0, 80)}`);
  return known;
}

function requirePerson(row: Readonly<Record<string, unknown>>): z.infer<typeof person> {
  const read = person.safeParse(row);
  if (!read.success) throw invalid('a person in it has no usable address, name or role');
  return read.data;
}

function requireCredential({ id, sealed }: TravellingCredential): TravellingCredential {
  if (!CREDENTIAL_ID.test(id)) throw invalid(`a credential has the id ${JSON.stringify(id).slice(0, 80)}`);
  return { id, sealed };
}

function requireSecret(record: { readonly name: string; readonly sealed: Buffer }): { readonly name: string; readonly sealed: Buffer } {
  if (!SECRET_NAME.test(record.name)) throw invalid(`a secret is called ${JSON.stringify(record.name).slice(0, 80)}`);
  return record;
}

async function requireContent(record: { readonly sha256: string; readonly chunks: AsyncIterable<Buffer> }): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of record.chunks) hash.update(chunk);
  if (hash.digest('hex') !== record.sha256) throw invalid(`the bytes ${record.sha256} are other ones`);
}

/** The refusal of a file. */
export function invalid(why: string, cause?: unknown): AppError {
  return new AppError('invalid_body', { message: `This file can't be imported: ${why}. Nothing was changed.`, ...(cause === undefined ? {} : { cause }) });
}
