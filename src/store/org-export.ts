/** What travels with an org, table by table, as JSON that PostgreSQL writes and reads itself; and putting it into another database. Never sessions, keys, tokens
 *  of webhooks or anything that lives. One thing to know: columns are those that both sides have. */
import type { Sql } from './client.ts';

/** In the order in which they can be written again. `where` picks the rows of org $1. */
export const ORG_TABLES = {
  workflows: 'org_id = $1',
  workflow_versions: 'org_id = $1',
  instances: `org_id = $1 and not is_test and status not in ('pending', 'running', 'waiting', 'paused')`,
  steps: inEnded(),
  step_attempts: inEnded(),
  step_logs: inEnded(),
  step_items: inEnded(),
  jobs: `org_id = $1 and status not in ('queued', 'running') and (instance_id is null or ${inEnded()})`,
  job_metrics: `org_id = $1 and job_id in (select id from jobs where org_id = $1 and status not in ('queued', 'running') and (instance_id is null or ${inEnded()}))`,
  artifacts: `org_id = $1 and (job_id is null or job_id in (select id from jobs where status not in ('queued', 'running') and (instance_id is null or ${inEnded()}))) and (instance_id is null or ${inEnded()})`,
  files: 'org_id = $1',
  model_usage: 'org_id = $1',
  job_sizes: 'org_id = $1',
} as const;
export type OrgTable = keyof typeof ORG_TABLES;

function inEnded(): string {
  return `instance_id in (select i.id from instances i where i.org_id = $1 and not i.is_test and i.status not in ('pending', 'running', 'waiting', 'paused'))`;
}

/** What a row means on this machine alone, and is made anew. A workflow runs with nobody's rights until somebody publishes it. */
const ANEW: Partial<Record<OrgTable, Readonly<Record<string, string>>>> = {
  workflow_versions: { published_by: 'null' },
  instances: { owner_epoch: 'null', principal: 'null', limit_key: 'null', rate_key: 'null' },
  jobs: { worker_id: 'null', lease_expires_at: 'null', pid: 'null', pid_started: 'null', principal: 'null', blocked_by: '0' },
};
const PAGE = 500;

/** Every row of one table as JSON text, in pages of one cursor. Inside a transaction. */
export async function* readOrgRows(sql: Sql, at: { readonly orgId: string; readonly table: OrgTable }): AsyncGenerator<string> {
  await sql.query(`declare org_rows no scroll cursor for select to_jsonb(t)::text as row from ${at.table} t where ${ORG_TABLES[at.table]}`, [at.orgId]);
  for (;;) {
    const { rows } = await sql.query<{ row: string }>(`fetch ${PAGE} from org_rows`); // Serial: a cursor.
    for (const { row } of rows) yield row;
    if (rows.length < PAGE) break;
  }
  await sql.query('close org_rows');
}

/** One moment for all that is read from here on. The first statement of its transaction. */
export async function holdMoment(sql: Sql): Promise<void> {
  await sql.query('set transaction isolation level repeatable read read only');
  // Sending may pause between two rows.
  await sql.query('set local idle_in_transaction_session_timeout = 0');
}

export interface OrgPerson {
  readonly email: string;
  readonly name: string;
  readonly role: 'user' | 'admin';
}

export async function readOrgPeople(sql: Sql, orgId: string): Promise<OrgPerson[]> {
  const { rows } = await sql.query<OrgPerson>(
    `select u.email, u.name, m.role from members m join users u on u.id = m.user_id where m.org_id = $1 order by m.created_at, u.id`,
    [orgId],
  );
  return rows;
}

/** Distinct bytes that the exported rows point at. */
export async function readOrgContent(sql: Sql, orgId: string): Promise<{ readonly sha256: string; readonly bytes: number }[]> {
  const { rows } = await sql.query<{ sha256: string; bytes: number }>(
    `select sha256, max(bytes) as bytes from (select sha256, bytes from files where ${ORG_TABLES.files}
       union all select sha256, bytes from artifacts where ${ORG_TABLES.artifacts}) c group by sha256 order by sha256`,
    [orgId],
  );
  return rows;
}

export async function countLeftOut(sql: Sql, orgId: string): Promise<{ readonly live: number; readonly keys: number; readonly triggers: number }> {
  const { rows } = await sql.query<{ live: number; keys: number; triggers: number }>(
    `select (select count(*) from instances where org_id = $1 and status in ('pending', 'running', 'waiting', 'paused'))::float8 as live,
       (select count(*) from api_keys where org_id = $1)::float8 as keys, (select count(*) from triggers where org_id = $1)::float8 as triggers`,
    [orgId],
  );
  return rows[0] ?? { live: 0, keys: 0, triggers: 0 };
}

/** Which of these ids are taken in this database. */
export async function findTaken(sql: Sql, at: { readonly table: OrgTable; readonly ids: readonly string[] }): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(`select id from ${at.table} where id = any($1) order by id limit 5`, [at.ids]);
  return rows.map(({ id }) => id);
}

/** Writes rows of one table for an org. Columns that this database does not have are left, those that the rows lack get their defaults.
 *  @param rows JSON texts of objects  @returns how many */
export async function insertOrgRows(
  sql: Sql,
  at: { readonly orgId: string; readonly table: OrgTable; readonly rows: readonly string[]; readonly columns: readonly string[] },
): Promise<number> {
  const known = await columnsOf(sql, at.table);
  const columns = at.columns.filter((name) => known.includes(name));
  const anew: Readonly<Record<string, string>> = ANEW[at.table] ?? {};
  const values = columns.map((name) => (name === 'org_id' ? '$2' : (anew[name] ?? `r.${quoted(name)}`)));
  const { rowCount } = await sql.query(
    `insert into ${at.table} (${columns.map(quoted).join(', ')}) select ${values.join(', ')} from jsonb_populate_recordset(null::${at.table}, $1::jsonb) r`,
    [`[${at.rows.join(',')}]`, at.orgId],
  );
  return rowCount;
}

async function columnsOf(sql: Sql, table: OrgTable): Promise<string[]> {
  const { rows } = await sql.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  );
  return rows.map(({ name }) => name);
}

/** Jobs keep the name of their line only where this machine has one of that name. */
export async function listQueueNames(sql: Sql): Promise<string[]> {
  const { rows } = await sql.query<{ name: string }>(`select name from queues order by name`);
  return rows.map(({ name }) => name);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
