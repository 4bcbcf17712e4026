/** Reads every table of one moment as COPY text, through as many connections as asked for, all at the same exported snapshot. Never writes, and holds
 *  nobody up: a reader without a transaction number delays no event. One thing to know: a table that was loaded from this text gives the same text again,
 *  byte for byte, which is how a restore is proved. */
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Readable } from 'node:stream';

export interface ExportTable {
  readonly name: string;
  /** On disk, with indexes: to begin with the largest, and to tell progress. */
  readonly bytes: number;
  readonly copyOut: string;
}

/** A period of run data, as its partitions are bounded. */
export interface ExportPeriod {
  readonly name: string;
  readonly lower: string | null;
  readonly upper: string | null;
}

export interface ExportSequence {
  readonly name: string;
  readonly last: number;
}

export interface ExportFacts {
  readonly schemaVersion: number;
  readonly schemaName: string;
  /** `18.4`. */
  readonly postgresVersion: string;
  readonly databaseBytes: number;
}

export interface CopiedTable {
  readonly stream: Readable;
  /** Once the stream has ended. */
  readonly rows: () => number;
}

export interface SnapshotReader {
  copy(table: ExportTable): CopiedTable;
  /** Bytes that files and artifacts point at, in order, a page after `after`. */
  listContent(after: ContentKey | undefined, limit: number): Promise<readonly (ContentKey & { readonly bytes: number })[]>;
}

export interface ContentKey {
  readonly orgId: string;
  readonly sha256: string;
}

export interface Snapshot {
  readonly facts: ExportFacts;
  readonly tables: readonly ExportTable[];
  readonly periods: readonly ExportPeriod[];
  readonly sequences: readonly ExportSequence[];
  readonly readers: readonly [SnapshotReader, ...SnapshotReader[]];
  close(): Promise<void>;
}

/** @param connection of studio_engine, who sees every row of every org */
export async function openSnapshot(connection: pg.ClientConfig, readerCount: number): Promise<Snapshot> {
  const clients: pg.Client[] = [];
  const open = async (): Promise<pg.Client> => {
    const client = new pg.Client({ application_name: 'studio backup', ...connection });
    // A server that goes away also rejects the running query; without a listener it would end the process.
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set synchronize_seqscans = off; set client_encoding = utf8');
    await client.query('begin transaction isolation level repeatable read read only');
    return client;
  };
  const close = async (): Promise<void> => void (await Promise.allSettled(clients.map((client) => client.end())));
  try {
    const first = await open();
    const { rows } = await first.query<{ id: string }>('select pg_export_snapshot() as id');
    const snapshot = pg.escapeLiteral(rows[0]?.id ?? '');
    while (clients.length < readerCount) await (await open()).query(`set transaction snapshot ${snapshot}`); // Serial: a handful.
    const [facts, tables] = [await readFacts(first), await listTables(first)];
    const [periods, sequences] = [await listPeriods(first), await listSequences(first)];
    const [reader, ...others] = clients.map(readerOf);
    if (reader === undefined) throw new Error('a snapshot has one reader at least');
    return { facts, tables, periods, sequences, readers: [reader, ...others], close };
  } catch (error) {
    await close();
    throw error;
  }
}

function readerOf(client: pg.Client): SnapshotReader {
  return {
    copy(table) {
      const stream = client.query(copyTo(table.copyOut));
      // Who reads it hears of a fault; where he has left, it is nobody's.
      stream.on('error', () => undefined);
      return { stream, rows: () => stream.rowCount };
    },
    async listContent(after, limit) {
      const { rows } = await client.query<ContentKey & { bytes: number }>(
        `select org_id as "orgId", sha256, max(bytes) as bytes from (
           select org_id, sha256, bytes from files union all select org_id, sha256, bytes from artifacts
         ) c where ($1::text is null or (org_id, sha256) > ($1, $2)) group by org_id, sha256 order by org_id, sha256 limit $3`,
        [after?.orgId ?? null, after?.sha256 ?? null, limit],
      );
      return rows;
    },
  };
}

async function readFacts(client: pg.Client): Promise<ExportFacts> {
  const { rows } = await client.query<ExportFacts>(
    `select version as "schemaVersion", name as "schemaName", split_part(current_setting('server_version'), ' ', 1) as "postgresVersion",
       pg_database_size(current_database()) as "databaseBytes"
     from public.schema_migrations order by version desc limit 1`,
  );
  const [facts] = rows;
  if (facts === undefined) throw new Error('the database has no schema yet: start Studio once, then back it up');
  return facts;
}

/** Statements are put together by PostgreSQL itself, which quotes every name. */
async function listTables(client: pg.Client): Promise<ExportTable[]> {
  const { rows } = await client.query<ExportTable>(
    `select c.relname as name,
       (select coalesce(sum(pg_total_relation_size(p.relid)), 0)::bigint from pg_partition_tree(c.oid) p where p.isleaf) + pg_total_relation_size(c.oid) as bytes,
       format('copy (select %s from public.%I) to stdout', string_agg(quote_ident(a.attname), ', ' order by a.attnum), c.relname) as "copyOut"
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace and c.relname <> 'schema_migrations'
     group by c.oid, c.relname order by bytes desc, c.relname`,
  );
  return rows;
}

async function listPeriods(client: pg.Client): Promise<ExportPeriod[]> {
  const { rows: present } = await client.query<{ present: boolean }>(`select to_regclass('public.run_partitions') is not null as present`);
  if (present[0]?.present !== true) return [];
  const { rows } = await client.query<ExportPeriod>('select name, lower, upper from run_partitions order by lower nulls first');
  return rows;
}

/** Those that were used and that this role may look at; of the others the highest number in their column tells. */
async function listSequences(client: pg.Client): Promise<ExportSequence[]> {
  const { rows } = await client.query<ExportSequence>(
    `select sequencename as name, last_value as last from pg_sequences where schemaname = 'public' and last_value is not null order by sequencename`,
  );
  return rows;
}
