/** Takes over what an earlier studio kept in SQLite, once, into one org: flowcharts become workflows; scripts and attachments files; every other table a file of
 *  JSON lines, so that nothing is lost; values that look like secrets become secrets and stand in no file. All in one transaction. Doing it again changes nothing. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { filePathFault } from '../contract/files.ts';
import type { Definition } from '../contract/graph.ts';
import { createContentStore } from '../files/content.ts';
import type { Cipher } from '../identity/cipher.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { derivedId, newId } from '../kernel/ids.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database, Sql } from '../store/client.ts';
import { lockContent, upsertFile } from '../store/files.ts';
import { findOrg, readFirstOrg, removeImported } from '../store/orgs.ts';
import { upsertSecret } from '../store/secrets.ts';
import { insertWorkflow } from '../store/workflows.ts';
import { flowchartOf, text } from './flowcharts.ts';
import { openSqlite, type SqliteRow, type SqliteSource } from './sqlite-source.ts';

export interface SqliteImportParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly cipher: Cipher;
  readonly filesPath: string;
  /** The engine's fingerprint of a definition. */
  readonly hashOf: (definition: Definition) => string;
}

export interface SqliteReport {
  readonly org: string;
  readonly source: string;
  readonly isDryRun: boolean;
  readonly tables: readonly { readonly table: string; readonly found: number; readonly imported: number; readonly why: string | null }[];
  readonly notes: readonly string[];
}

/** Tables of the studios that are known: one of them at least makes the file one of theirs. */
const KNOWN = [
  'flowcharts',
  'flowchart_nodes',
  'agents',
  'llm_models',
  'roles',
  'scripts',
  'attachments',
  'memories',
  'skills',
  'chat_threads',
  'integration_settings',
  'mcp_servers',
  'rag_sources',
  'plans',
];
const FOLDER = 'imported';
const SECRET_KEY = /token|secret|password|passwd|api_?key|credential|private|authorization/i;
const MAX_FILE_BYTES = 256 * 1024 * 1024;

interface Plan {
  readonly files: { readonly path: string; readonly bytes: Buffer }[];
  readonly secrets: { readonly name: string; readonly value: string }[];
  readonly charts: { readonly id: string; readonly chart: NonNullable<ReturnType<typeof flowchartOf>> }[];
  readonly tables: { table: string; found: number; imported: number; why: string | null }[];
  readonly notes: string[];
}

/** @throws AppError not_found, invalid_body for a file that is no studio's; disk_full */
export async function importSqlite(
  parts: SqliteImportParts,
  wanted: { readonly path: string; readonly org: string | undefined; readonly isTruncating: boolean; readonly isDryRun: boolean },
): Promise<SqliteReport> {
  const sql = parts.database.engine;
  const orgId = wanted.org === undefined ? await readFirstOrg(sql) : (await findOrg(sql, wanted.org))?.id;
  if (orgId === undefined)
    fail(
      'not_found',
      wanted.org === undefined ? 'Nobody has claimed this Studio yet: open the claim link first (studio claim).' : `There is no org "${wanted.org}".`,
    );
  const source = openSqlite(wanted.path);
  const plan = ((): Plan => {
    try {
      return planOf(source, wanted.path, orgId);
    } finally {
      source.close();
    }
  })();
  if (!wanted.isDryRun) await carryOut(parts, plan, { orgId, isTruncating: wanted.isTruncating });
  return { org: orgId, source: wanted.path, isDryRun: wanted.isDryRun, tables: plan.tables, notes: plan.notes };
}

function planOf(source: SqliteSource, path: string, orgId: string): Plan {
  const names = source.tables.map(({ name }) => name);
  if (!KNOWN.some((name) => names.includes(name)))
    fail(
      'invalid_body',
      `${path} is an SQLite database, but no studio's: it has ${names.slice(0, 5).join(', ') || 'no tables'}, and none of ${KNOWN.slice(0, 5).join(', ')}.`,
    );
  const plan: Plan = { files: [], secrets: [], charts: [], tables: [], notes: [] };
  for (const { name, rows } of source.tables) {
    const table = { table: name, found: rows, imported: 0, why: null as string | null };
    plan.tables.push(table);
    if (name === 'flowcharts') takeCharts(source, plan, table, orgId);
    else if ((name === 'flowchart_nodes' || name === 'flowchart_edges') && names.includes('flowcharts'))
      Object.assign(table, { imported: rows, why: 'in the workflows' });
    else takeRows(source, plan, table);
  }
  return plan;
}

type TableLine = Plan['tables'][number];

function takeCharts(source: SqliteSource, plan: Plan, table: TableLine, orgId: string): void {
  const all = (name: string): SqliteRow[] => (source.tables.some((one) => one.name === name) ? [...source.rows(name)] : []);
  const [nodes, edges] = [all('flowchart_nodes'), all('flowchart_edges')];
  for (const row of source.rows('flowcharts')) {
    const id = text(row['id']);
    const ofChart = (one: SqliteRow): boolean => text(one['flowchart_id']) === id;
    const chart = flowchartOf(row, nodes.filter(ofChart), edges.filter(ofChart));
    if (chart === undefined) {
      plan.notes.push(`The flowchart ${text(row['name']) || id} has no nodes, or too many: not taken.`);
      continue;
    }
    plan.charts.push({ id: derivedId('wf', 0, `${orgId} sqlite flowchart ${id}`), chart });
    plan.notes.push(...chart.notes.map((note) => `${chart.name}: ${note}`));
    table.imported++;
  }
  table.why = 'as workflows of placeholders; what each node was set to stands in its notes';
}

/** Scripts and attachments with their bytes; of every other table its rows. */
function takeRows(source: SqliteSource, plan: Plan, table: TableLine): void {
  const lines: string[] = [];
  for (const row of source.rows(table.table)) {
    const content = row['content'] ?? row['body'] ?? row['data'];
    const name = basename(text(row['file_name'] ?? row['filename'] ?? row['name'] ?? row['slug']));
    const path = `${FOLDER}/${table.table}/${text(row['id'])}-${name}`.normalize('NFC');
    const isFile = ['scripts', 'attachments', 'skill_files'].includes(table.table) && content !== null && content !== undefined;
    if (isFile && filePathFault(path) === undefined) {
      plan.files.push({ path, bytes: content instanceof Uint8Array ? Buffer.from(content) : Buffer.from(text(content)) });
    }
    lines.push(JSON.stringify(plainOf(row, table.table, plan)));
    table.imported++;
  }
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const path = `${FOLDER}/${table.table.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 100)}.jsonl`;
  if (bytes.length > MAX_FILE_BYTES) Object.assign(table, { imported: 0, why: `its rows are larger than ${MAX_FILE_BYTES} bytes: not taken` });
  else if (lines.length > 0) {
    plan.files.push({ path, bytes });
    table.why = `kept as the file ${path}`;
  }
}

/** A row without what looks like a secret: that goes where secrets go. */
function plainOf(row: SqliteRow, table: string, plan: Plan): Record<string, unknown> {
  const isSetting = typeof row['key'] === 'string' && SECRET_KEY.test(row['key']);
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      const isSecret = value !== null && typeof value !== 'number' && text(value) !== '' && (SECRET_KEY.test(column) || (isSetting && column === 'value'));
      if (!isSecret) return [column, value instanceof Uint8Array ? { bytes: value.byteLength } : typeof value === 'bigint' ? bigOf(value) : value];
      const label = isSetting && column === 'value' ? [text(row['provider']), text(row['key'])] : [text(row['id']), column];
      const name = ['IMPORTED', table, ...label]
        .filter((part) => part !== '')
        .join('_')
        .toUpperCase()
        .replaceAll(/[^A-Z0-9]+/g, '_')
        .slice(0, 120);
      plan.secrets.push({ name, value: text(value) });
      return [column, `{{ secrets.${name} }}`];
    }),
  );
}

function bigOf(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

async function carryOut(parts: SqliteImportParts, plan: Plan, at: { readonly orgId: string; readonly isTruncating: boolean }): Promise<void> {
  const { database, clock, cipher } = parts;
  const content = createContentStore(parts.filesPath);
  const now = new Date(clock.now());
  const { orgId } = at;
  let here = 0;
  await database.engine.transaction(async (sql) => {
    if (at.isTruncating) await removeImported(sql, { orgId, prefix: `${FOLDER}/`, secretPrefix: 'IMPORTED_', workflowIds: plan.charts.map(({ id }) => id) });
    for (const { id, chart } of plan.charts) {
      // Serial: one connection.
      const version = { orgId, workflowId: id, version: 1, definition: chart.definition, structuralHash: parts.hashOf(chart.definition), publishedBy: '' };
      if (!(await insertWorkflow(sql, { ...version, name: chart.name, description: chart.description, tags: [FOLDER], requestId: newId('req', clock) })))
        here++;
    }
    for (const file of plan.files) await storeFile(sql, { ...parts, content }, { ...file, orgId, nowMs: now.getTime() });
    for (const { name, value } of plan.secrets)
      await upsertSecret(sql, { orgId, name, ciphertext: cipher.seal(Buffer.from(value), ['secret', orgId, name]), keyId: cipher.keyId, now });
    const details = { workflows: plan.charts.length - here, files: plan.files.length, secrets: plan.secrets.length };
    await insertAudit(sql, { id: newId('aud', clock), orgId, at: now, actor: 'system', action: 'org.imported', target: orgId, address: 'shell', details });
  });
  database.announce();
  if (here > 0) plan.notes.push(`${here} workflows were here from an import before and stayed as they are; --truncate-target takes them anew.`);
  if (plan.secrets.length > 0) plan.notes.push(`${plan.secrets.length} values that looked like secrets are secrets now (IMPORTED_…) and stand in no file.`);
}

async function storeFile(
  sql: Sql,
  { content, clock }: SqliteImportParts & { readonly content: ReturnType<typeof createContentStore> },
  file: { readonly orgId: string; readonly path: string; readonly bytes: Buffer; readonly nowMs: number },
): Promise<void> {
  const sha256 = createHash('sha256').update(file.bytes).digest('hex');
  await lockContent(sql, { orgId: file.orgId, sha256 });
  const staged = await content.stage(once(file.bytes), { maxBytes: MAX_FILE_BYTES });
  try {
    await content.place(file.orgId, staged);
  } finally {
    await content.discard(staged);
  }
  const mediaType = file.path.endsWith('.jsonl') ? 'application/x-ndjson' : 'application/octet-stream';
  await upsertFile(sql, { id: newId('file', clock), orgId: file.orgId, path: file.path, bytes: file.bytes.length, sha256, mediaType, nowMs: file.nowMs });
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
