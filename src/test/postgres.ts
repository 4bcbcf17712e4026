/** A throwaway PostgreSQL server for tests: the product's own starter with fsync off, gone with the process.
 *  Never used when STUDIO_TEST_POSTGRES names a server that scripts/test started for the whole run. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { startPostgres, type PostgresOptions } from '../supervise/postgres.ts';

export interface TestServer {
  readonly admin: pg.ClientConfig & {
    readonly user: string;
    readonly password: string;
    readonly host: string;
    readonly port: number;
    readonly database: string;
  };
  readonly pid: number;
  stop(): Promise<void>;
}

/** Speed over safety: nothing here outlives the run. */
const THROWAWAY: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
  max_wal_size: '1GB',
};

export async function startTestServer(options: Partial<Pick<PostgresOptions, 'tcpPort' | 'settings'>> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'studio-pg-'));
  // The server may run as another account, which has to pass.
  chmodSync(folder, 0o711);
  const superuser = 'studio_root';
  const password = 'throwaway';
  const server = await startPostgres({
    dataDir: join(folder, 'data'),
    socketDir: join(folder, 'socket'),
    superuser,
    password,
    clusterName: `studio-test-${process.pid}`,
    tcpPort: options.tcpPort,
    settings: { ...THROWAWAY, ...options.settings },
  });
  const kill = (): void => {
    try {
      // Immediate shutdown: sessions end, nothing is written.
      process.kill(server.pid, 'SIGQUIT');
    } catch {
      // Already gone.
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  };
  process.once('exit', kill);
  return {
    admin: { host: server.socketDir, port: server.port, user: superuser, password, database: 'postgres' },
    pid: server.pid,
    async stop() {
      process.off('exit', kill);
      await server.stop({ graceMs: 2_000 });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
