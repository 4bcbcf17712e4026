/** The database of the workspace for one command: of the running Studio where one runs, else a PostgreSQL started for the command alone,
 *  under the workspace's lock. Never leaves a server behind. */
import { completeConfig, type LoadedConfig } from '../config/load.ts';
import type { CompleteConfig, EmbeddedDatabase } from '../config/schema.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { createLogger, type Logger } from '../kernel/log.ts';
import { placeDatabase } from '../ops/database-place.ts';
import { embeddedOptions, provision, SUPERUSER } from '../ops/database-start.ts';
import { openDatabase, type Database } from '../store/client.ts';
import { provisionEmbedded, provisionManaged, type RoleConnections } from '../store/provision.ts';
import { ensureServiceAccount } from '../supervise/account.ts';
import { findHolder, lockWorkspace } from '../supervise/lock.ts';
import { startPostgres } from '../supervise/postgres.ts';
import { makeRuntimeFolder } from '../supervise/runtime-folder.ts';
import { placesOf, probeStorage } from '../supervise/storage.ts';

export interface WorkspaceDatabase {
  readonly config: CompleteConfig;
  readonly connections: RoleConnections;
  /** Opened when asked for: `db` commands need the owner's connection only. */
  readonly open: () => Database;
  readonly log: Logger;
  readonly isServing: boolean;
}

/** Runs `work` with the database and closes what was opened for it.
 *  @throws Error when the workspace is held by a Studio that can't be reached from here */
export async function withWorkspace<T>(loaded: LoadedConfig, work: (workspace: WorkspaceDatabase) => Promise<T>): Promise<T> {
  const log = createLogger({ level: 'warn', destination: { write: (line: string) => void process.stderr.write(line) } });
  const { database } = loaded.config;
  if (database.kind === 'managed') {
    const connections = await provisionManaged({ url: database.url, createRoles: false });
    return withConnections({ config: completeConfig(loaded.config), connections, log, isServing: findHolder(loaded.config.workspacePath) !== undefined }, work);
  }
  const holder = findHolder(loaded.config.workspacePath);
  if (holder === undefined) return withOwnServer(loaded, database, log, work);
  if (!holder.isVisible) throw new Error(`Studio runs on ${holder.host}, in another container or machine: run this command there.`);
  const config = completeConfig(loaded.config);
  const { postgres } = makeRuntimeFolder(config.workspacePath, config.workspaceId);
  const server = { host: postgres, port: database.tcpPort ?? 5432 };
  const connections = await provisionEmbedded({
    admin: { ...server, user: SUPERUSER, password: config.postgresPassword, database: 'postgres' },
    database: database.name,
    password: config.postgresPassword,
  });
  return withConnections({ config, connections, log, isServing: true }, work);
}

async function withOwnServer<T>(loaded: LoadedConfig, database: EmbeddedDatabase, log: Logger, work: (workspace: WorkspaceDatabase) => Promise<T>): Promise<T> {
  const { workspacePath, port } = loaded.config;
  const account = await ensureServiceAccount();
  const storage = await probeStorage({ ...placesOf(loaded.config), account, clock });
  const lock = await lockWorkspace({ workspacePath, port, clock, onLost: () => process.exit(1) });
  try {
    const config = completeConfig(loaded.config);
    const { postgres: socketDir } = makeRuntimeFolder(workspacePath, config.workspaceId);
    const say = (line: string): void => void process.stderr.write(`studio: ${line}\n`);
    const place = placeDatabase({ config, storage, account, socketDir, clock, log, lock, say, onFenced: () => process.exit(1) }, database);
    await place?.prepare();
    // No TCP for a command: another server may listen there.
    const server = await startPostgres({ ...embeddedOptions({ config, dataDir: storage.dataDir, socketDir, place }, database), tcpPort: undefined });
    try {
      const connections = await provision({ config }, server, database);
      if (connections.replication !== undefined) await place?.shadow?.begin(connections.replication);
      await place?.finish();
      return await withConnections({ config, connections, log, isServing: false }, work);
    } finally {
      await server.stop();
      await place?.shadow?.stop();
    }
  } finally {
    lock.release();
  }
}

async function withConnections<T>(parts: Omit<WorkspaceDatabase, 'open'>, work: (workspace: WorkspaceDatabase) => Promise<T>): Promise<T> {
  let database: Database | undefined;
  const open = (): Database =>
    (database ??= openDatabase({ engine: { ...parts.connections.engine, max: 2 }, api: { ...parts.connections.api, max: 2 }, log: parts.log }));
  try {
    return await work({ ...parts, open });
  } finally {
    await database?.close();
  }
}
