/** What the database says about itself and about waiting work: for health, metrics and doctor. Reads only, cheap enough for every few seconds. */
import pg from 'pg';
import { messageOf } from '../kernel/fail.ts';
import type { Sql } from './client.ts';

/** @throws what the connection throws */
export async function pingDatabase(sql: Sql): Promise<void> {
  await sql.query('select 1');
}

/** One try to reach a server that somebody else runs. @returns why not, or undefined when it answers */
export async function pingServer(url: string, timeoutMs: number): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs });
  try {
    await client.connect();
    await client.query('select 1');
    return undefined;
  } catch (error) {
    // A refused connection comes as an AggregateError without a message of its own.
    return messageOf(error) || (error instanceof AggregateError ? messageOf(error.errors[0]) : 'no answer');
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** For a server that is down: what its single-user mode is told. The password stands in it, so it goes to standard input only. */
export function passwordStatement(role: string, password: string): string {
  return `alter role ${pg.escapeIdentifier(role)} password ${pg.escapeLiteral(password)};`;
}

export interface DatabaseFacts {
  readonly version: string;
  readonly uptimeMs: number;
  readonly connections: number;
  readonly maxConnections: number;
  readonly sizeBytes: number;
  /** Share of reads answered from memory, 0 to 1; null before the first read. */
  readonly cacheHit: number | null;
  readonly checksums: boolean;
  readonly checksumFailures: number;
}

export async function readDatabaseFacts(sql: Sql): Promise<DatabaseFacts> {
  const { rows } = await sql.query<DatabaseFacts>(
    `select current_setting('server_version') as version,
       (extract(epoch from now() - pg_postmaster_start_time()) * 1000)::bigint as "uptimeMs",
       d.numbackends as connections, current_setting('max_connections')::int as "maxConnections",
       pg_database_size(d.datid) as "sizeBytes",
       (d.blks_hit::float8 / nullif(d.blks_hit + d.blks_read, 0)) as "cacheHit",
       current_setting('data_checksums') = 'on' as checksums, coalesce(d.checksum_failures, 0)::int as "checksumFailures"
     from pg_stat_database d where d.datname = current_database()`,
  );
  const [facts] = rows;
  if (facts === undefined) throw new Error('the database is missing from its own statistics');
  return facts;
}

/** When a query last met a page that fails its checksum, in any database of the server, since its statistics began. */
export async function lastChecksumFailure(sql: Sql): Promise<Date | null> {
  const { rows } = await sql.query<{ last: Date | null }>('select max(checksum_last_failure) as last from pg_stat_database');
  return rows[0]?.last ?? null;
}

export interface SlowQuery {
  readonly pid: number;
  readonly ms: number;
  readonly state: string;
  /** What it waits for, when it waits. */
  readonly waitsFor: string | null;
}

/** Statements of Studio that run longer than `overMs`, longest first. Their text is left out: it may hold what people typed. */
export async function listSlowQueries(sql: Sql, overMs: number): Promise<SlowQuery[]> {
  const { rows } = await sql.query<SlowQuery>(
    `select pid, (extract(epoch from clock_timestamp() - query_start) * 1000)::bigint as ms, coalesce(state, 'unknown') as state,
       case when wait_event is null then null else wait_event_type || ': ' || wait_event end as "waitsFor"
     from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' and query_start < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
     order by query_start, pid limit 20`,
    [overMs],
  );
  return rows;
}

export interface QueueHealth {
  readonly queue: string;
  readonly pending: number;
  readonly running: number;
  /** Pending for more than five minutes. */
  readonly stuck: number;
  /** A living worker serves it. */
  readonly hasWorker: boolean;
}

/** @param now wall time; a worker is alive that beat within `beatMs` before it */
export async function listQueueHealth(sql: Sql, at: { readonly now: Date; readonly beatMs: number; readonly stuckMs: number }): Promise<QueueHealth[]> {
  const { rows } = await sql.query<QueueHealth>(
    `select q.name as queue,
       (select count(*) from jobs j where j.queue = q.name and j.status = 'queued') as pending,
       (select count(*) from jobs j where j.queue = q.name and j.status = 'running') as running,
       (select count(*) from jobs j where j.queue = q.name and j.status = 'queued' and j.created_at < $1::timestamptz - make_interval(secs => $3::float8 / 1000)) as stuck,
       exists (select 1 from workers w where q.name = any (w.queues) and (w.built_in or w.joined_at is not null) and w.shut_out_at is null and w.beat_at > $1::timestamptz - make_interval(secs => $2::float8 / 1000)) as "hasWorker"
     from queues q order by q.name limit 200`,
    [at.now, at.beatMs, at.stuckMs],
  );
  return rows;
}

export interface WorkerHealth {
  readonly id: string;
  readonly queues: string[];
  readonly slots: number;
  readonly beatAgeMs: number;
  readonly jobs: string[];
}

/** Workers with a beat in the last hour, newest beat first. */
export async function listWorkerHealth(sql: Sql, now: Date): Promise<WorkerHealth[]> {
  const { rows } = await sql.query<WorkerHealth>(
    `select w.id, w.queues, w.slots, greatest(0, (extract(epoch from $1::timestamptz - w.beat_at) * 1000)::bigint) as "beatAgeMs",
       coalesce((select array_agg(j.id order by j.id) from (select id from jobs where worker_id = w.id and status = 'running' order by id limit 100) j), '{}') as jobs
     from workers w where (w.built_in or w.joined_at is not null) and w.shut_out_at is null and w.beat_at > $1::timestamptz - interval '1 hour' order by w.beat_at desc, w.id limit 200`,
    [now],
  );
  return rows;
}
