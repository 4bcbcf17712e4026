/** A PostgreSQL for a copy that is thrown away, or that becomes the workspace's own: started on a socket that nobody else knows. Leaves nothing running. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_DATABASE } from '../config/mode.ts';
import { SUPERUSER } from '../ops/database-start.ts';
import { provisionEmbedded, type RoleConnections } from '../store/provision.ts';
import { startPostgres } from '../supervise/postgres.ts';

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
}

const THROWN_AWAY = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_wal_size: '1GB' } as const;

export async function startScratchServer({ folder, signal, keep }: ScratchOptions): Promise<ScratchServer> {
  // A socket's path has a limit that a folder of the workspace may be beyond.
  const sockets = await mkdtemp(join(tmpdir(), 'studio-s-'));
  await chmod(sockets, 0o711);
  const password = keep?.password ?? randomBytes(32).toString('hex');
  const database = keep?.database ?? DEFAULT_DATABASE;
  const dataDir = join(folder, 'pg');
  try {
    const server = await startPostgres({
      dataDir,
      socketDir: join(sockets, 'pg'),
      superuser: SUPERUSER,
      password,
      clusterName: `studio-copy-${randomBytes(4).toString('hex')}`,
      signal,
      ...(keep === undefined ? { settings: THROWN_AWAY } : {}),
    });
    const stop = async (): Promise<void> => {
      await server.stop();
      await rm(sockets, { recursive: true, force: true });
    };
    try {
      const admin = { host: server.socketDir, port: server.port, user: SUPERUSER, password, database: 'postgres' };
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
