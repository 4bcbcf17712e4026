/** What the measurements of the engine stand on: a built Studio in a fresh workspace with its real durability, callers over kept connections,
 *  a superuser's look into its PostgreSQL, and what its processes have used. Owns what it starts. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import pg from 'pg';
import type { ApiClient } from '../../src/test/api-client.ts';
import { embeddedDatabase, passwordOf } from '../../src/test/embedded-database.ts';
import { claimStudio, createStudio, processTree, type Studio } from '../../src/test/studio-process.ts';

export interface Rig {
  readonly studio: Studio;
  readonly client: ApiClient;
  /** A superuser on the database of Studio. */
  readonly sql: pg.Client;
  /** How a superuser connects to another database of the same server. */
  connect(database: string): pg.ClientConfig;
  /** Sends JSON over one of a few kept connections. @throws unless it is answered with 2xx */
  call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  usage(): Promise<Usage>;
  close(): Promise<void>;
}

/** What was used since the start. */
export interface Usage {
  /** CPU seconds. */
  readonly nodeS: number;
  readonly postgresS: number;
  readonly walBytes: number;
  /** Events of instances, and the transactions they were written in. */
  readonly lastPosition: number;
  readonly nodeRssMiB: number;
  /** 99th percentile since the last look, ms. */
  readonly loopDelayP99Ms: number;
}

const TICKS_A_SECOND = 100;

/** @param options.profile a folder for the CPU profile that Node writes when Studio stops */
export async function createRig(options: { readonly profile?: string | undefined } = {}): Promise<Rig> {
  const env = options.profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${options.profile} --cpu-prof-interval=500` };
  const studio = await createStudio({ env });
  await studio.start();
  const client = await claimStudio(studio);
  const connect = (database?: string): pg.ClientConfig => embeddedDatabase(join(studio.workspace, 'pg'), passwordOf(studio.workspace), database);
  const sql = new pg.Client(connect());
  // Studio's end takes the connection with it.
  sql.on('error', () => undefined);
  await sql.connect();
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const headers = { authorization: `Bearer ${client.token ?? ''}`, 'content-type': 'application/json' };
  return {
    studio,
    client,
    sql,
    connect,
    call: (method, path, body) =>
      new Promise((resolve, reject) => {
        const sent = request(`${studio.url}${path}`, { agent, method, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.once('end', () => {
            if ((response.statusCode ?? 500) >= 300) return reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text.slice(0, 500)}`));
            resolve(JSON.parse(text) as Record<string, unknown>);
          });
        });
        sent.once('error', reject);
        sent.end(body === undefined ? undefined : JSON.stringify(body));
      }),
    usage: () => readUsage(studio, client, sql),
    async close() {
      agent.destroy();
      await sql.end();
      await studio.destroy();
    },
  };
}

async function readUsage(studio: Studio, client: ApiClient, sql: pg.Client): Promise<Usage> {
  const postgres = processTree(studio.pid()).find((pid) => nameOf(pid) === 'postgres');
  const metrics = (await client.call('GET', '/metrics')).text;
  const { rows } = await sql.query<{ bytes: string; position: string }>(
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as bytes, coalesce((select max(position) from outbox), 0) as position`,
  );
  return {
    nodeS: secondsOf([studio.pid()]),
    postgresS: postgres === undefined ? 0 : secondsOf(processTree(postgres)),
    walBytes: Number(rows[0]?.bytes),
    lastPosition: Number(rows[0]?.position),
    nodeRssMiB: Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${studio.pid()}/status`, 'utf8'))?.[1]) / 1024,
    loopDelayP99Ms: Number(/^studio_nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(metrics)?.[1]) * 1_000,
  };
}

/** What the processes used, and those of their children that have ended. */
function secondsOf(pids: readonly number[]): number {
  const ticks = pids.flatMap((pid) => (statOf(pid)?.slice(11, 15) ?? []).map(Number));
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS_A_SECOND;
}

/** The fields of /proc/<pid>/stat behind the name; undefined when the process is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined;
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return '';
  }
}

/** Steps and commits between two looks. */
export async function countWork(rig: Rig, from: Usage, to: Usage): Promise<{ readonly steps: number; readonly commits: number }> {
  const { rows } = await rig.sql.query<{ steps: string; commits: string }>(
    `select count(*) filter (where type like 'engine:step:%') as steps, count(distinct xid) as commits
     from outbox where kind = 'instance' and position > $1 and position <= $2`,
    [from.lastPosition, to.lastPosition],
  );
  return { steps: Number(rows[0]?.steps), commits: Number(rows[0]?.commits) };
}

/** How long `work` takes, ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** The value below which a share of them lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
