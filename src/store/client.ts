/** The two doors to PostgreSQL: `engine` works across orgs; `org(id)` sees one org only, by row-level security on the connection.
 *  Never a superuser at run time. All SQL of Studio stands in store/ and takes a Sql. */
import pg from 'pg';
import type { Logger } from '../kernel/log.ts';

/** Something that runs one statement. Values are always parameters. */
export interface Sql {
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<{ rows: Row[]; rowCount: number }>;
}

/** A pool: each query on any connection; `transaction` holds one, commits when `work` resolves, rolls back when it rejects. */
export interface SqlPool extends Sql {
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
}

export interface Database {
  readonly engine: SqlPool;
  org(orgId: string): SqlPool;
  /** Tells this process's readers (and other processes) that outbox rows were committed. */
  announce(): void;
  /** @returns a function that ends the subscription */
  onAnnounce(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Connection of the role studio_engine. */
  readonly engine: pg.PoolConfig;
  /** Connection of the role studio_api. */
  readonly api: pg.PoolConfig;
  readonly log: Logger;
}

/** int8 as number: ids are text here and counters stay below 2^53. */
pg.types.setTypeParser(20, Number);

export function openDatabase(options: ConnectOptions): Database {
  const enginePool = openPool(options.engine, options.log);
  const apiPool = openPool(options.api, options.log);
  const listeners = new Set<() => void>();
  return {
    engine: poolSql(enginePool, async (client) => client),
    org: (orgId) => poolSql(apiPool, (client) => setOrg(client, orgId)),
    announce() {
      for (const listener of listeners) listener();
    },
    onAnnounce(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      await Promise.all([enginePool.end(), apiPool.end()]);
    },
  };
}

/** Longer than any transaction of ours thinks between two statements. */
const FROZEN_MS = 15_000;
/** A backend of PostgreSQL keeps what it has learnt of tables and statements for as long as it lives: under a mixed load all of them grew by 25 MiB an hour. */
const LIFETIME_S = 30 * 60;

function openPool(config: pg.PoolConfig, log: Logger): pg.Pool {
  // A process frozen between two statements holds its locks: PostgreSQL lets go of them before anybody takes it for dead.
  const pool = new pg.Pool({ application_name: 'studio', idle_in_transaction_session_timeout: FROZEN_MS, maxLifetimeSeconds: LIFETIME_S, ...config });
  // An idle connection that PostgreSQL ends is no fault of a caller: the pool opens another.
  pool.on('error', (error) => log.warn({ cause: error.message }, 'an idle database connection was lost'));
  // A lost connection also rejects what runs on it; without a listener of its own it would end the process, and the pool takes its away at the very moment
  // it hands the connection out: the news of the loss may stand in the same packet as that of the readiness.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** The org each connection of the api pool was last set to: set again only when it differs (measured: free, against a transaction a call). */
const orgOf = new WeakMap<pg.PoolClient, string>();

async function setOrg(client: pg.PoolClient, orgId: string): Promise<pg.PoolClient> {
  if (orgOf.get(client) !== orgId) {
    orgOf.delete(client);
    await client.query(`select set_config('app.org', $1, false)`, [orgId]);
    orgOf.set(client, orgId);
  }
  return client;
}

function poolSql(pool: pg.Pool, prepare: (client: pg.PoolClient) => Promise<pg.PoolClient>): SqlPool {
  async function withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let broken: unknown;
    try {
      return await work(await prepare(client));
    } catch (error) {
      if (isConnectionLoss(error)) broken = error;
      throw error;
    } finally {
      client.release(broken !== undefined);
    }
  }
  return {
    query: (text, values) => withClient((client) => run(client, text, values)),
    transaction: (work) =>
      withClient(async (client) => {
        await client.query('begin');
        try {
          const result = await work({ query: (text, values) => run(client, text, values) });
          await client.query('commit');
          return result;
        } catch (error) {
          // A connection that can't roll back is thrown away by isConnectionLoss.
          await client.query('rollback').catch(() => undefined);
          throw error;
        }
      }),
  };
}

/** Names of statements that are prepared once a connection. */
const names = new Map<string, string>();

/** Marks a statement of a hot path: each connection parses it once. For constant texts whose plan does not hang on their values:
 *  after five runs PostgreSQL may settle on one plan for all values. @returns `text` */
export function hot(text: string): string {
  if (!names.has(text)) names.set(text, `hot_${names.size}`);
  return text;
}

async function run<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  text: string,
  values?: readonly unknown[],
): Promise<{ rows: Row[]; rowCount: number }> {
  const name = names.get(text);
  const result = await client.query<Row>({ text, ...(name === undefined ? {} : { name }), ...(values === undefined ? {} : { values: [...values] }) });
  return { rows: result.rows, rowCount: result.rowCount ?? 0 };
}

/** Whether `error` says that the disk has changed what PostgreSQL stored: data_corrupted, index_corrupted. */
export function isCorruption(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['XX001', 'XX002'].includes(String(error.code));
}

/** Whether `error` says that the server is gone or going: class 08, 57P01..57P03, 53300, a PANIC, or a socket fault; or that this process is, and has closed its
 *  connections. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // Its last word: what it could not write takes the whole server down, and whether the commit stands is known when it is back.
  if ('severity' in error && error.severity === 'PANIC') return true;
  return (
    /^(08|25P03|57P0[123]|53300)/.test(code) ||
    ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT'].includes(code) ||
    /Connection terminated|timeout exceeded when trying to connect|unexpected postmaster exit|Client has encountered a connection error|Cannot use a pool after calling end/.test(
      error.message,
    )
  );
}
