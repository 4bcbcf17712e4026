/** What can be said of a database so that a copy of its files can be held against it: for each table, and each part of one, how many rows it has and a sum over
 *  where each row lies and who wrote it. A copy of the files keeps both, so the sum of a table that nobody wrote to is the same to the last row.
 *  Never writes. One thing to know: of a table that was written to meanwhile nothing can be said; it has to be left out. */
import pg from 'pg';

export interface WitnessedPart {
  readonly table: string;
  /** Of a partitioned table one of its partitions, else the table itself. One without rows is not told of. */
  readonly name: string;
  readonly rows: number;
  readonly witness: string;
}

export interface Witness {
  /** Also those without a row. */
  readonly tables: readonly string[];
  /** All of the moment at which it was opened. */
  read(): Promise<readonly WitnessedPart[]>;
  close(): Promise<void>;
}

/** How PostgreSQL lays out its files, and what stands in them. */
export interface ServerFacts {
  readonly version: string;
  readonly major: number;
  readonly blockBytes: number;
  readonly walSegmentBytes: number;
  readonly database: string;
  readonly databaseBytes: number;
  readonly schemaVersion: number;
  readonly schemaName: string;
}

/** @param connection of studio_engine, who sees every row of every org */
export async function openWitness(connection: pg.ClientConfig): Promise<Witness> {
  const client = await connect(connection);
  try {
    await client.query('begin transaction isolation level repeatable read read only');
    // The moment is that of the first question.
    const { rows: tables } = await client.query<{ name: string; statement: string }>(
      `select relname as name, format('select %L as "table", c.relname as name, w.rows, w.witness from (
           select tableoid as part, count(*) as rows, sum(hashtidextended(ctid, xmin::text::bigint))::text as witness from public.%I group by 1
         ) w join pg_class c on c.oid = w.part order by name', relname, relname) as statement
       from pg_class where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace and relname <> 'schema_migrations'
       order by relname`,
    );
    return {
      tables: tables.map(({ name }) => name),
      async read() {
        const parts: WitnessedPart[] = [];
        for (const { statement } of tables) parts.push(...(await client.query<WitnessedPart>(statement)).rows); // Serial: one connection.
        return parts;
      },
      close: () => client.end().catch(() => undefined),
    };
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** Tables somebody writes to at this moment. Who asks first and takes a witness then misses no writer: one that holds no lock any more is seen by it. */
export async function listWrittenTables(connection: pg.ClientConfig): Promise<ReadonlySet<string>> {
  const client = await connect(connection);
  try {
    const { rows } = await client.query<{ name: string }>(
      `select distinct c.relname as name from pg_locks l join pg_class c on c.oid = l.relation
       where l.database = (select oid from pg_database where datname = current_database()) and l.granted
         and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`,
    );
    return new Set(rows.map(({ name }) => name));
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @throws Error when there is no schema yet */
export async function readServerFacts(connection: pg.ClientConfig): Promise<ServerFacts> {
  const client = await connect(connection);
  try {
    const { rows } = await client.query<ServerFacts>(
      `select split_part(current_setting('server_version'), ' ', 1) as version, current_setting('server_version_num')::int / 10000 as major,
         current_setting('block_size')::int as "blockBytes", (select setting::int from pg_settings where name = 'wal_segment_size') as "walSegmentBytes",
         current_database() as database, pg_database_size(current_database()) as "databaseBytes", m.version as "schemaVersion", m.name as "schemaName"
       from public.schema_migrations m order by m.version desc limit 1`,
    );
    const [facts] = rows;
    if (facts === undefined) throw new Error('the database has no schema yet: start Studio once, then back it up');
    return facts;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function connect(connection: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({ application_name: 'studio backup', ...connection });
  // A server that goes away also rejects the running query; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
  return client;
}
