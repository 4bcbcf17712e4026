/** A migrated database of its own for a test file: cloned from a template (about 20 ms) on one real server.
 *  The server is the one STUDIO_TEST_POSTGRES names (a superuser's URL), else a throwaway that dies with this process. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { systemClock } from '../kernel/clock.ts';
import { createLogger, type Logger } from '../kernel/log.ts';
import { openDatabase, type Database } from '../store/client.ts';
import { migrate } from '../store/migrate.ts';
import { listMigrations } from '../store/migrations.ts';
import { provisionEmbedded, type RoleConnections } from '../store/provision.ts';
import { startTestServer } from './postgres.ts';

export interface TestDatabase {
  readonly database: Database;
  readonly name: string;
  /** Of a superuser, on this database. */
  readonly adminUrl: string;
  /** How to connect as each role. */
  readonly roles: RoleConnections;
  /** Another Database on the same data, as a second process would hold. Closed with this one. */
  open(): Database;
  close(): Promise<void>;
}

/** Logs nothing: for parts under test whose log is not what is tested. */
export const silentLog: Logger = createLogger({ level: 'silent' });

const PASSWORD = 'studio-test';
const TEMPLATE_LOCK = 0x57_75_64_10;

/** How long an own server outlives its last database: tests that open one after the other share it. */
const IDLE_MS = 250;

interface Shared {
  readonly admin: pg.ClientConfig;
  template: Promise<string> | undefined;
  stop(): Promise<void>;
}

let shared: Promise<Shared> | undefined;
let openCount = 0;

/** @param options.empty true: no schema, for tests of the migrations themselves */
export async function testDatabase(options: { readonly empty?: boolean; readonly hasOwnServer?: boolean } = {}): Promise<TestDatabase> {
  const server = await testServer(options.hasOwnServer === true);
  const { admin } = server;
  const name = `test_${process.pid}_${randomBytes(5).toString('hex')}`;
  if (options.empty !== true) {
    const from = await (server.template ??= makeTemplate(admin));
    await withClient(admin, (client) => client.query(`create database ${name} template ${from} strategy wal_log owner studio_owner`).then(() => undefined));
  }
  const roles = await provisionEmbedded({ admin, database: name, password: PASSWORD });
  const opened: Database[] = [];
  const open = (): Database => {
    const database = openDatabase({ engine: { ...roles.engine, max: 10 }, api: { ...roles.api, max: 5 }, log: silentLog });
    opened.push(database);
    return database;
  };
  return {
    database: open(),
    name,
    adminUrl: urlOf({ ...admin, database: name }),
    roles,
    open,
    async close() {
      await Promise.all(opened.map((database) => database.close()));
      await withClient(admin, (client) => client.query(`drop database ${name} with (force)`).then(() => undefined));
      release();
    },
  };
}

/** The server that tests share; each call counts as one open database until `release`.
 *  @param isOwn a server of this process alone: open transactions of other tests hold back what readers of the outbox may see */
function testServer(isOwn: boolean): Promise<Shared> {
  openCount++;
  return (shared ??= (async () => {
    const url = process.env['STUDIO_TEST_POSTGRES'];
    if (!isOwn && url !== undefined && url !== '') return { admin: configOf(url), template: undefined, stop: async () => {} };
    const own = await startTestServer();
    return { admin: own.admin, template: undefined, stop: own.stop };
  })());
}

/** The server's pipes keep the process alive, so it is stopped once nobody has a database on it. */
function release(): void {
  openCount--;
  systemClock.after(IDLE_MS, () => {
    if (openCount > 0 || shared === undefined) return;
    const ending = shared;
    shared = undefined;
    void ending.then((server) => server.stop());
  });
}

/** Made once a server: named after the migrations' text, so that another state of the tree makes another. */
async function makeTemplate(admin: pg.ClientConfig): Promise<string> {
  const last = listMigrations()
    .map((migration) => migration.checksum.slice(0, 6))
    .join('_');
  const name = `studio_template_${last}`.slice(0, 60);
  const building = `${name}_b`;
  await withClient(admin, async (client) => {
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rows } = await client.query('select 1 as one from pg_database where datname = $1', [name]);
    if (rows.length > 0) return;
    await client.query(`drop database if exists ${building} with (force)`);
    const roles = await provisionEmbedded({ admin, database: building, password: PASSWORD });
    await migrate({ owner: roles.owner });
    await client.query(`alter database ${building} rename to ${name}`);
  });
  return name;
}

async function withClient(config: pg.ClientConfig, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** `postgresql://user:password@host:port/database`, or with `?host=/socket/folder`. */
export function configOf(url: string): pg.ClientConfig {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  return {
    host: searchParams.get('host') ?? hostname,
    port: Number(port === '' ? '5432' : port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname === '' || pathname === '/' ? 'postgres' : decodeURIComponent(pathname.slice(1)),
  };
}

export function urlOf(config: pg.ClientConfig): string {
  const { user = '', password = '', host = '', port = 5432, database = '' } = config;
  const at = `${encodeURIComponent(user)}:${encodeURIComponent(String(password))}`;
  return host.startsWith('/')
    ? `postgresql://${at}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`
    : `postgresql://${at}@${host}:${port}/${database}`;
}
