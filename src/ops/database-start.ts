/** From configuration to an open, migrated database: embedded (a supervised PostgreSQL, its roles and database) or managed (preflight).
 *  Never decides which of the two: config/mode did. Fails a managed start in time; an embedded one keeps trying and says why. */
import type pg from 'pg';
import type { CompleteConfig, EmbeddedDatabase } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { logLineOf } from './service-lines.ts';
import type { BootProgress } from '../supervise/boot-progress.ts';
import { setSuperuserPassword } from '../supervise/postgres-password.ts';
import { startPostgres, type Postgres, type PostgresOptions } from '../supervise/postgres.ts';
import { Diverged } from '../shadow/wal-archive.ts';
import { Refusal } from '../supervise/refusal.ts';
import type { Say, Services } from '../supervise/service.ts';
import { passwordStatement, pingServer } from '../store/health.ts';
import { requireCoreTables } from '../store/core-tables.ts';
import { migrate, requireMigrated } from '../store/migrate.ts';
import { provisionEmbedded, provisionManaged, type RoleConnections } from '../store/provision.ts';
import type { DatabasePlace } from './database-place.ts';

export interface DatabaseParts {
  readonly config: CompleteConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly services: Services;
  readonly progress: BootProgress;
  /** Of the embedded server. */
  readonly dataDir: string;
  readonly socketDir: string;
  /** Of an embedded server: what brings its directory there. */
  readonly place: DatabasePlace | undefined;
  /** Of an embedded server, over its defaults. */
  readonly settings: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const SHADOW_RETRY_MS = 2_000;

/** Makes roles and tables; nobody connects as it while Studio runs. */
export const SUPERUSER = 'studio_admin';

/** So many migrations are told by name. */
const FEW = 3;

/** @returns how to connect as each role, once the schema stands
 *  @throws Refusal when a managed database does not answer in time or lacks migrations that may not be applied */
export async function startDatabase(parts: DatabaseParts): Promise<RoleConnections> {
  const { config, progress } = parts;
  progress.enter('postgres');
  const roles = config.database.kind === 'embedded' ? await startEmbedded(parts, config.database) : await preflight(parts, config.database.url);
  progress.enter('migrate');
  if (config.createTables) {
    const { ran } = await migrate({ owner: clientConfig(roles.owner) });
    if (ran.length > 0) progress.say(`Migrations: ${ran.length > FEW ? `${ran.length}, from ${ran[0]} to ${ran.at(-1)}` : ran.join(', ')}`);
  } else {
    await requireMigrated({ owner: clientConfig(roles.owner) }).catch((cause: unknown) => {
      throw new Refusal('config', messageOf(cause), { cause });
    });
  }
  await requireCoreTables(clientConfig(roles.owner)).catch((cause: unknown) => {
    throw new Refusal('database_version', messageOf(cause), { cause });
  });
  return roles;
}

/** The options of this workspace's server, for Studio itself and for the command line when Studio does not run. */
export function embeddedOptions(
  parts: Pick<DatabaseParts, 'config' | 'dataDir' | 'socketDir'> & {
    readonly place?: DatabasePlace | undefined;
    readonly settings?: Readonly<Record<string, string>>;
  },
  database: EmbeddedDatabase,
): PostgresOptions {
  return {
    dataDir: parts.dataDir,
    socketDir: parts.socketDir,
    superuser: SUPERUSER,
    password: parts.config.postgresPassword,
    clusterName: `studio-${parts.config.workspaceId}`,
    tcpPort: database.tcpPort,
    settings: { ...parts.settings, ...parts.place?.shadow?.settings },
  };
}

/** Roles, passwords and the database on a running embedded server. */
export function provision(
  parts: Pick<DatabaseParts, 'config'>,
  server: Pick<Postgres, 'socketDir' | 'port'>,
  database: EmbeddedDatabase,
): Promise<RoleConnections> {
  const { postgresPassword } = parts.config;
  return provisionEmbedded({
    admin: { host: server.socketDir, port: server.port, user: SUPERUSER, password: postgresPassword, database: 'postgres' },
    database: database.name,
    password: postgresPassword,
    ...(database.login === undefined ? {} : { login: database.login }),
  });
}

async function startEmbedded(parts: DatabaseParts, database: EmbeddedDatabase): Promise<RoleConnections> {
  const { services, progress, log } = parts;
  const options = embeddedOptions(parts, database);
  await prepareDirectory(parts);
  let server: Postgres | undefined;
  const first = services.add({
    name: 'postgres',
    required: true,
    async start(signal, say) {
      const onLine = (line: string): void => {
        logLineOf(log, 'postgres', line);
        hearState(line, say);
      };
      server = await startPostgres({ ...options, signal, clock: parts.clock, onLine });
      if (server.stoppedOrphan) progress.say('Stopped the PostgreSQL that an earlier Studio left');
      if (server.made) progress.say('Made a new database directory');
      return server;
    },
  });
  await first.catch(() => untilRunning(parts));
  for (;;) {
    if (server === undefined) throw new Error('PostgreSQL runs without a server: a fault in its start');
    try {
      const roles = await provision(parts, server, database);
      await beginShadow(parts, roles);
      return roles;
    } catch (error) {
      if (error instanceof Diverged && parts.place !== undefined) {
        progress.say(`WARNING: ${error.message} It is restored from the volume, which has all that was acknowledged.`);
        await services.whileDown('postgres', parts.place.restoreAgain);
        continue;
      }
      if (!isWrongPassword(error)) throw error;
      // POSTGRES_PASSWORD was changed since the last start: the server learns it while it is down.
      progress.say('POSTGRES_PASSWORD has changed; the database learns the new one');
      await services.whileDown('postgres', () => setSuperuserPassword(options.dataDir, passwordStatement(SUPERUSER, options.password)));
    }
  }
}

/** A server that could not write takes itself down, and says why in that one line. */
function hearState(line: string, say: Say): void {
  const last = / PANIC: +(.+)$/.exec(line)?.[1];
  if (last !== undefined) say('unhealthy', last);
  else if (line.endsWith('database system is ready to accept connections')) say('running');
}

/** A refusal is cured by a person, another fault maybe by itself: the boot page says why, and the start goes on once it can. */
async function prepareDirectory({ place, progress, clock, signal }: DatabaseParts): Promise<void> {
  for (;;) {
    try {
      await place?.prepare();
      return progress.setFault(undefined);
    } catch (error) {
      signal.throwIfAborted();
      progress.setFault(messageOf(error));
      await clock.sleep(SHADOW_RETRY_MS, signal);
    }
  }
}

/** Nothing is acknowledged before it can be restored. A volume that fails now may answer in a moment. */
async function beginShadow({ place, progress, clock, signal }: DatabaseParts, { replication }: RoleConnections): Promise<void> {
  for (;;) {
    try {
      if (replication !== undefined) await place?.shadow?.begin(replication);
      await place?.finish();
      return progress.setFault(undefined);
    } catch (error) {
      if (error instanceof Diverged || error instanceof Refusal) throw error;
      progress.setFault(`The shadow of the database can't be made: ${messageOf(error)}`);
      await clock.sleep(SHADOW_RETRY_MS, signal);
    }
  }
}

/** Waits while the service tries again and again, and shows why: safe mode. */
async function untilRunning({ services, progress, clock, signal }: DatabaseParts): Promise<void> {
  for (;;) {
    const service = services.get('postgres');
    if (service?.state === 'running') return progress.setFault(undefined);
    if (service?.reason !== undefined) progress.setFault(service.reason);
    await clock.sleep(50, signal);
  }
}

/** A password that does not match; SQLSTATE 28P01. */
function isWrongPassword(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '28P01';
}

/** Asks until it answers; then roles and rights. */
async function preflight({ config, clock, progress, signal }: DatabaseParts, url: string): Promise<RoleConnections> {
  const place = new URL(url).host;
  const deadline = clock.monotonic() + config.databaseCheckTimeoutS * 1_000;
  while (config.databaseCheckEnabled) {
    const fault = await pingServer(url, 5_000);
    if (fault === undefined) break;
    if (clock.monotonic() > deadline) {
      throw new Refusal(
        'gate',
        `The database at ${place} did not answer within ${config.databaseCheckTimeoutS} s (DB_HEALTHCHECK_TIMEOUT_SECONDS). Last fault: ${fault}. Check DATABASE_URL, and that the server runs.`,
      );
    }
    progress.setFault(`The database at ${place} does not answer yet: ${fault}`);
    await clock.sleep(config.databaseCheckIntervalS * 1_000, signal);
  }
  progress.setFault(undefined);
  try {
    return await provisionManaged({ url, createRoles: config.createTables });
  } catch (cause) {
    throw new Refusal('config', messageOf(cause), { cause });
  }
}

function clientConfig(pool: pg.PoolConfig): pg.ClientConfig {
  return pool;
}
