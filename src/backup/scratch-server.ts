/** A PostgreSQL for a copy that is thrown away, or that becomes the workspace's own: started on a socket that nobody else knows. Leaves nothing running. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_DATABASE } from '../config/mode.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { SUPERUSER } from '../ops/database-start.ts';
import { passwordStatement } from '../store/health.ts';
import { provisionEmbedded, renameDatabase, type RoleConnections } from '../store/provision.ts';
import { setSuperuserPassword } from '../supervise/postgres-password.ts';
import { startPostgres, type PostgresOptions } from '../supervise/postgres.ts';
import { makeScratchFolder } from './scratch-folder.ts';

export interface ScratchServer {
  readonly roles: RoleConnections;
  readonly password: string;
  readonly database: string;
  readonly dataDir: string;
  /** Ends it with a checkpoint. */
  stop(): Promise<void>;
}

export interface ScratchOptions {
  /** Its data go to `pg` below it. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** To be kept: everything is synced. Default: thrown away, a password of its own. */
  readonly keep?: { readonly password: string; readonly database: string };
  /** The directory is a copy of another server's files, whose passwords nobody here knows: its log is replayed, and this is the name its database has there. */
  readonly copyOf?: string;
}

const THROWN_AWAY = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_wal_size: '1GB' } as const;

/** A replay of the log that a base backup holds: a minute's work at most, on a slow disk. */
const REPLAY_MS = 30 * 60_000;

export async function startScratchServer(options: ScratchOptions): Promise<ScratchServer> {
  const { folder, keep } = options;
  // A socket's path has a limit that a folder of the workspace may be beyond.
  const sockets = await makeScratchFolder('s');
  const password = keep?.password ?? randomBytes(32).toString('hex');
  const database = keep?.database ?? DEFAULT_DATABASE;
  const dataDir = join(folder, 'pg');
  const server: PostgresOptions = {
    dataDir,
    socketDir: join(sockets, 'pg'),
    superuser: SUPERUSER,
    password,
    clusterName: `studio-copy-${randomBytes(4).toString('hex')}`,
    signal: options.signal,
    ...(keep === undefined ? { settings: THROWN_AWAY } : {}),
  };
  try {
    if (options.copyOf !== undefined) await takeOver(server);
    const running = await startPostgres(server);
    const stop = async (): Promise<void> => {
      await running.stop();
      await rm(sockets, { recursive: true, force: true });
    };
    try {
      const admin = { host: running.socketDir, port: running.port, user: SUPERUSER, password, database: 'postgres' };
      if (options.copyOf !== undefined && options.copyOf !== database) await renameDatabase(admin, { from: options.copyOf, to: database });
      return { roles: await provisionEmbedded({ admin, database, password }), password, database, dataDir, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  } catch (error) {
    await rm(sockets, { recursive: true, force: true });
    throw error;
  }
}

/** Replays the log, and gives the superuser the password that is in force here. */
async function takeOver(server: PostgresOptions): Promise<void> {
  let said = '';
  const replayed = await startPostgres({
    ...server,
    // Nothing works in it before it is compared.
    settings: { ...server.settings, autovacuum: 'off' },
    readyTimeoutMs: REPLAY_MS,
    onLine(line) {
      if (/FATAL|PANIC/.test(line)) said = line;
    },
  }).catch((cause: unknown) => {
    throw new AppError('backup_unusable', {
      message: `PostgreSQL does not open the files of the backup: ${said || messageOf(cause)}. Use another backup.`,
      cause,
    });
  });
  await replayed.stop({ graceMs: 60_000 });
  await setSuperuserPassword(server.dataDir, passwordStatement(SUPERUSER, server.password));
}
