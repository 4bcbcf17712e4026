/** Loads tables from COPY text into a database that has the schema and nothing worth keeping, and makes what was of the old server right for the new one.
 *  Never reads what it is given by anything but names that the schema itself has. Runs as studio_owner, then as studio_engine.
 *  One thing to know: transaction numbers are the server's own, so the outbox is numbered anew, and those who read it keep their place in it. */
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { ExportPeriod, ExportSequence } from './backup-export.ts';

export interface TableSource {
  readonly name: string;
  open(): Promise<Readable>;
}

export interface LoadOptions {
  /** Of studio_owner. */
  readonly owner: pg.ClientConfig;
  readonly periods: readonly ExportPeriod[];
  readonly sequences: readonly ExportSequence[];
  readonly tables: readonly TableSource[];
  readonly signal: AbortSignal;
  readonly onLoaded?: (table: string, rows: number) => void;
}

/** Loads everything. Foreign keys are made again at the end, and so prove themselves.
 *  @returns rows by table  @throws Error when a table or a column is not of this schema, or a reference leads nowhere; the database is then of no use */
export async function loadTables(options: LoadOptions): Promise<ReadonlyMap<string, number>> {
  const client = await connect(options.owner);
  try {
    const copyIn = await listCopies(client);
    const unknown = options.tables.filter(({ name }) => !copyIn.has(name));
    if (unknown.length > 0) throw new Error(`it holds tables that this schema does not have: ${unknown.map(({ name }) => name).join(', ')}`);
    const before = await statementsBefore(client, options.periods);
    const after = await statementsAfter(client);
    await inTransaction(client, before);
    const loaded = new Map<string, number>();
    for (const table of options.tables) {
      // Serial: one connection, one disk.
      const sink = client.query(copyFrom(copyIn.get(table.name) ?? ''));
      await pipeline(await table.open(), sink, { signal: options.signal });
      loaded.set(table.name, sink.rowCount);
      options.onLoaded?.(table.name, sink.rowCount);
    }
    // Before the wall against the owner itself stands again: the highest number is that of rows that the owner has to see.
    await inTransaction(client, [...(await sequenceStatements(client, options.sequences)), ...after]);
    await client.query('analyze');
    return loaded;
  } finally {
    await client.end();
  }
}

/** Makes what named the old server's transactions name the new one's, and forgets uploads whose bytes were not backed up.
 *  @param engine connection of studio_engine */
export async function settleLoaded(engine: pg.ClientConfig): Promise<void> {
  const client = await connect(engine);
  try {
    await client.query('begin');
    const { rows } = await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid');
    const values = [rows[0]?.xid];
    if (await hasTable(client, 'outbox_readers')) {
      await client.query(
        `update outbox_readers r set xid = $1::xid8, position = (select count(*) from outbox o where (o.xid, o.position) <= (r.xid, r.position))`,
        values,
      );
    }
    await client.query(
      `with moved as (delete from outbox returning xid, position, at, kind, id, sequence, type, org_id, parent, payload, request_id)
       insert into outbox (position, xid, at, kind, id, sequence, type, org_id, parent, payload, request_id) overriding system value
       select row_number() over (order by m.xid, m.position), $1::xid8, m.at, m.kind, m.id, m.sequence, m.type, m.org_id, m.parent, m.payload, m.request_id
       from moved m`,
      values,
    );
    await client.query('update outbox_floor set xid = $1::xid8, position = 0', values);
    if (await hasColumn(client, 'triggers', 'since_xid')) await client.query('update triggers set since_xid = $1::xid8 where since_xid is not null', values);
    await client.query('delete from uploads');
    await client.query('commit');
  } finally {
    await client.end();
  }
}

/** So that a copy of a database can be started and does nothing of its own: no trigger fires, nothing goes on, nothing is sent, no program is run.
 *  @param engine connection of studio_engine */
export async function quietLoaded(engine: pg.ClientConfig): Promise<void> {
  const client = await connect(engine);
  try {
    await client.query('begin');
    for (const statement of [
      `update triggers set enabled = false`,
      `delete from trigger_fires`,
      `update instances set status = 'cancelled', ended_at = coalesce(ended_at, created_at) where status in ('pending', 'running', 'waiting', 'paused')`,
      `delete from commands`,
      `delete from jobs where status in ('queued', 'running')`,
      `delete from notification_deliveries`,
      `delete from downloads`,
      `delete from gpu_leases`,
      `delete from services`,
      `delete from outbox`,
      `delete from machine_settings`,
    ]) {
      // Serial, and only of tables that this schema has.
      const table = /(?:update|from) (\w+)/.exec(statement)?.[1] ?? '';
      if (await hasTable(client, table)) await client.query(statement);
    }
    await client.query('commit');
  } finally {
    await client.end();
  }
}

/** Whether nobody's rows are in the database: it has no schema, or one without an org. */
export async function isEmptyDatabase(owner: pg.ClientConfig): Promise<boolean> {
  const client = await connect(owner);
  try {
    const { rows } = await client.query<{ tables: number }>(
      `select count(*)::int as tables from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace`,
    );
    return (rows[0]?.tables ?? 0) === 0;
  } finally {
    await client.end();
  }
}

async function connect(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({ application_name: 'studio restore', ...config });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('set client_encoding = utf8');
  return client;
}

async function inTransaction(client: pg.Client, statements: readonly string[]): Promise<void> {
  await client.query('begin');
  try {
    for (const statement of statements) await client.query(statement); // Serial: each builds on those before it.
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** The statement that loads each table. PostgreSQL quotes every name itself, here and below. */
async function listCopies(client: pg.Client): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ name: string; statement: string }>(
    `select c.relname as name, format('copy public.%I (%s) from stdin', c.relname, string_agg(quote_ident(a.attname), ', ' order by a.attnum)) as statement
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace and c.relname <> 'schema_migrations'
     group by c.oid, c.relname`,
  );
  return new Map(rows.map(({ name, statement }) => [name, statement]));
}

/** Takes away what would stand in the way of rows in any order: foreign keys, the wall against the owner itself, what migrations put there. */
async function statementsBefore(client: pg.Client, periods: readonly ExportPeriod[]): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('alter table public.%I drop constraint %I', c.relname, k.conname) as statement, 1 as place
       from pg_constraint k join pg_class c on c.oid = k.conrelid
       where k.contype = 'f' and k.conparentid = 0 and c.relnamespace = 'public'::regnamespace
     union all select format('alter table public.%I no force row level security', relname), 2 from pg_class
       where relkind in ('r', 'p') and relforcerowsecurity and relnamespace = 'public'::regnamespace
     union all select 'truncate ' || string_agg(format('public.%I', relname), ', '), 3 from pg_class
       where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace and relname <> 'schema_migrations'
     order by place`,
  );
  return [...rows.map(({ statement }) => statement), ...(periods.length === 0 ? [] : await periodStatements(client, periods))];
}

/** The partitions of the backup in place of those that the migration made. */
async function periodStatements(client: pg.Client, periods: readonly ExportPeriod[]): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('drop table public.%I', c.relname) as statement, 1 as place, '' as lower
       from run_tables() t join pg_inherits i on i.inhparent = to_regclass('public.' || t.name) join pg_class c on c.oid = i.inhrelid
     union all select format('create table public.%I partition of public.%I for values from (%s) to (%s)', t.name || '_' || p.name, t.name,
         coalesce(quote_literal(p.lower), 'minvalue'), coalesce(quote_literal(p.upper), 'maxvalue')), 2, coalesce(p.lower, '')
       from run_tables() t, unnest($1::text[], $2::text[], $3::text[]) as p (name, lower, upper)
     order by place, lower`,
    [periods.map(({ name }) => name), periods.map(({ lower }) => lower), periods.map(({ upper }) => upper)],
  );
  return rows.map(({ statement }) => statement);
}

async function statementsAfter(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('alter table public.%I add constraint %I %s', c.relname, k.conname, pg_get_constraintdef(k.oid)) as statement
       from pg_constraint k join pg_class c on c.oid = k.conrelid
       where k.contype = 'f' and k.conparentid = 0 and c.relnamespace = 'public'::regnamespace
     union all select format('alter table public.%I force row level security', relname) from pg_class
       where relkind in ('r', 'p') and relforcerowsecurity and relnamespace = 'public'::regnamespace`,
  );
  return rows.map(({ statement }) => statement);
}

/** Each sequence goes on where it was, and in any case after the highest number in its column. */
async function sequenceStatements(client: pg.Client, sequences: readonly ExportSequence[]): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('select setval(%L, %s::bigint)', s.oid::regclass::text, k.last) as statement, 1 as place
     from unnest($1::text[], $2::bigint[]) as k (name, last) join pg_class s on s.relname = k.name and s.relkind = 'S' and s.relnamespace = 'public'::regnamespace
     union all
     select format('select setval(%L, greatest((select coalesce(max(%I), 0) + 1 from public.%I), nextval(%L)), false)',
       s.oid::regclass::text, a.attname, t.relname, s.oid::regclass::text), 2
     from pg_class s
     join pg_depend d on d.objid = s.oid and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
     join pg_class t on t.oid = d.refobjid join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
     where s.relkind = 'S' and s.relnamespace = 'public'::regnamespace
     order by place`,
    [sequences.map(({ name }) => name), sequences.map(({ last }) => last)],
  );
  return rows.map(({ statement }) => statement);
}

async function hasTable(client: pg.Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>('select to_regclass($1) is not null as there', [`public.${name}`]);
  return rows[0]?.there === true;
}

async function hasColumn(client: pg.Client, table: string, column: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    `select exists (select 1 from pg_attribute where attrelid = to_regclass($1) and attname = $2 and not attisdropped) as there`,
    [`public.${table}`, column],
  );
  return rows[0]?.there === true;
}
