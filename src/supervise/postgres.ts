/** The embedded PostgreSQL: makes its directory once, starts it on a unix socket, stops it with a checkpoint.
 *  Never restarts it (service.ts does), makes no roles or tables (store/provision does), never runs it as root. */
import { chmodSync, chownSync, existsSync, lchownSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { runToEnd, startChild, waitReady, type Child, type ExitStatus } from '../kernel/child.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { ensureServiceAccount, type ServiceAccount } from './account.ts';
import { closedAncestor, locatePostgres, type PostgresBinaries } from './postgres-binaries.ts';
import { freeDirectory, judgeDirectory } from './postgres-directory.ts';
import { endWhenStuck } from './postgres-stuck.ts';
import { Refusal } from './refusal.ts';

export interface PostgresOptions {
  readonly dataDir: string;
  /** Private to this server; made with mode 0700. At most 80 bytes: a socket's path holds 107. */
  readonly socketDir: string;
  /** The superuser that provisions; nothing runs as it later. */
  readonly superuser: string;
  readonly password: string;
  /** Marks the process as this workspace's: `studio-<workspace id>`. */
  readonly clusterName: string;
  /** Also listen on 127.0.0.1 at this port. Default: the socket only. */
  readonly tcpPort?: number | undefined;
  /** Over the defaults below. A throwaway test database turns fsync off here. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Programs of another major version, for a directory that those made: to read it once more, never to go on with it. */
  readonly old?: { readonly binaries: PostgresBinaries; readonly major: number } | undefined;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock;
  /** Crash recovery replays at most max_wal_size: about 1 s; a slow network disk may take longer. */
  readonly readyTimeoutMs?: number;
}

export interface Postgres {
  readonly pid: number;
  readonly dataDir: string;
  readonly socketDir: string;
  /** Of the socket's name `.s.PGSQL.<port>`, and of 127.0.0.1 when asked for. */
  readonly port: number;
  readonly superuser: string;
  /** Whether this start made the directory, or stopped a server that an earlier Studio left. */
  readonly made: boolean;
  readonly stoppedOrphan: boolean;
  readonly exited: Promise<ExitStatus>;
  readonly lines: () => readonly string[];
  /** Fast shutdown with a checkpoint; after `graceMs` without one. Resolves when the process is gone. */
  stop(options?: { readonly graceMs?: number }): Promise<ExitStatus>;
}

const SOCKET_PORT = 5432;

/** For one workbench on a small machine: no parallel workers, no I/O workers, no logical replication (each is a process of some MiB). */
const LEAN: Readonly<Record<string, string>> = {
  max_connections: '60',
  shared_buffers: '32MB',
  wal_buffers: '2MB',
  max_wal_size: '128MB',
  min_wal_size: '64MB',
  checkpoint_timeout: '60s',
  // A checkpoint after each minute of idleness writes nothing; after bursts it is spread over most of the minute.
  checkpoint_completion_target: '0.9',
  // The shadow's stream, and base backups beside it.
  max_wal_senders: '4',
  max_replication_slots: '4',
  max_logical_replication_workers: '0',
  max_worker_processes: '2',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  autovacuum_max_workers: '2',
  autovacuum_worker_slots: '2',
  io_method: 'sync',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: 'off',
  logging_collector: 'off',
  log_destination: 'stderr',
  password_encryption: 'scram-sha-256',
  unix_socket_permissions: '0700',
};

const SINCE_18 = ['io_method', 'autovacuum_worker_slots'] as const;

/** Starts the server, making its directory first when there is none.
 *  @throws Refusal when the directory can't be trusted or belongs to another server; Error when it does not come up */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const clock = options.clock ?? systemClock;
  const account = await ensureServiceAccount();
  const binaries = options.old?.binaries ?? locatePostgres(account);
  makePrivate(options.socketDir, account);
  requireReach(options.socketDir, account);
  const state = judgeDirectory(options.dataDir, options.old?.major);
  const freed = await freeDirectory(options, clock);
  requireReach(options.dataDir, account);
  if (state === 'empty') await createDirectory(binaries, options, account);
  else giveTo(options.dataDir, account);
  const child = await startChild(
    { command: binaries.postgres, args: serverArguments(options), account, cwd: '/', ...(options.onLine ? { onLine: options.onLine } : {}) },
    clock,
  );
  try {
    await waitReady(
      child,
      { name: 'PostgreSQL', timeoutMs: options.readyTimeoutMs ?? 60_000, signal: options.signal, probe: () => isReady(options.dataDir, child.pid) },
      clock,
    );
  } catch (error) {
    await stopServer(child, 5_000);
    throw error;
  }
  const socket = join(options.socketDir, `.s.PGSQL.${options.tcpPort ?? SOCKET_PORT}`);
  const endWatch = endWhenStuck(child, { clock, say: (line) => options.onLine?.(line), isReachable: () => existsSync(socket) });
  return {
    pid: child.pid,
    dataDir: options.dataDir,
    socketDir: options.socketDir,
    port: options.tcpPort ?? SOCKET_PORT,
    superuser: options.superuser,
    made: state === 'empty',
    stoppedOrphan: freed === 'stopped_orphan',
    exited: child.exited,
    lines: child.lines,
    stop(stop) {
      endWatch();
      return stopServer(child, stop?.graceMs ?? 15_000);
    },
  };
}

function serverArguments(options: PostgresOptions): readonly string[] {
  const settings: Record<string, string> = {
    ...LEAN,
    listen_addresses: options.tcpPort === undefined ? '' : '127.0.0.1',
    port: String(options.tcpPort ?? SOCKET_PORT),
    unix_socket_directories: options.socketDir,
    cluster_name: options.clusterName,
    ...options.settings,
  };
  // An older server refuses to start with names that it does not know.
  if (options.old !== undefined) for (const name of SINCE_18) delete settings[name];
  return ['-D', options.dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** PostgreSQL writes its state as the eighth line of its lock file: what pg_ctl waits for, without a connection. */
function isReady(dataDir: string, pid: number): boolean {
  const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

/** SIGINT ends sessions and writes a checkpoint; SIGQUIT leaves at once, and the next start replays the log. Both are safe; SIGKILL is last. */
async function stopServer(child: Child, graceMs: number): Promise<ExitStatus> {
  if (!child.hasExited()) {
    child.signal('SIGCONT');
    child.signal('SIGINT');
    const cancel = systemClock.after(graceMs, () => child.signal('SIGQUIT'));
    const kill = systemClock.after(graceMs + 5_000, () => child.signal('SIGKILL'));
    await child.exited;
    cancel();
    kill();
  }
  return child.exited;
}

/** initdb into a folder beside it, then one rename: a kill half-way leaves no directory that looks made. */
async function createDirectory(binaries: PostgresBinaries, options: PostgresOptions, account: ServiceAccount | undefined): Promise<void> {
  const parent = dirname(options.dataDir);
  removeUnfinished(options.dataDir);
  // initdb runs as the service account and makes its folder itself; the one around it is therefore given to that account.
  const around = join(parent, `${unfinishedPrefix(options.dataDir)}${randomBytes(4).toString('hex')}`);
  makePrivate(around, account);
  const passwordFile = join(around, 'password');
  writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
  if (account) chownSync(passwordFile, account.uid, account.gid);
  const fresh = join(around, 'data');
  try {
    const isThrowaway = options.settings?.['fsync'] === 'off';
    const result = await runToEnd({
      command: binaries.initdb,
      args: [
        '-D',
        fresh,
        '-U',
        options.superuser,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--data-checksums',
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        ...(isThrowaway ? ['--no-sync'] : []),
      ],
      account,
      cwd: '/',
      timeoutMs: 120_000,
      signal: options.signal,
    });
    if (result.code !== 0) throw new Error(`initdb failed (exit code ${result.code}). ${result.lines.slice(-3).join(' | ')}`);
    // POSIX: an empty directory at the target is replaced, one that holds anything is not.
    renameSync(fresh, options.dataDir);
    if (!isThrowaway) await syncFolder(parent);
  } finally {
    rmSync(around, { recursive: true, force: true });
  }
}

function unfinishedPrefix(dataDir: string): string {
  return `.${basename(dataDir)}-initdb-`;
}

/** What killed starts left: never data, for a directory counts only once it is renamed. */
function removeUnfinished(dataDir: string): void {
  const parent = dirname(dataDir);
  for (const name of readdirSync(parent)) if (name.startsWith(unfinishedPrefix(dataDir))) rmSync(join(parent, name), { recursive: true, force: true });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder that only the server's account can enter. @throws Error when it exists and is another account's */
export function makePrivate(folder: string, account: ServiceAccount | undefined): void {
  mkdirSync(dirname(folder), { recursive: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account) chownSync(folder, account.uid, account.gid);
  chmodSync(folder, 0o700);
}

/** The account's number may differ on each machine the volume visits. */
function giveTo(dataDir: string, account: ServiceAccount | undefined): void {
  if (account === undefined) return;
  const { uid, mode } = statSync(dataDir);
  if (uid !== account.uid) {
    for (const name of readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) lchownSync(join(dataDir, name), account.uid, account.gid);
    chownSync(dataDir, account.uid, account.gid);
  }
  if ((mode & 0o777) !== 0o700) chmodSync(dataDir, 0o700);
}

/** Lets the account pass the folder around `dataDir` (not list it). @throws Refusal naming a folder further up that keeps it out */
function requireReach(dataDir: string, account: ServiceAccount | undefined): void {
  const around = dirname(dataDir);
  mkdirSync(around, { recursive: true });
  if (account === undefined) return;
  const { mode } = statSync(around);
  if ((mode & 0o001) === 0) chmodSync(around, (mode & 0o777) | 0o001);
  const closed = closedAncestor(dataDir, account);
  if (closed === undefined) return;
  throw new Refusal(
    'workspace_unusable',
    `PostgreSQL runs as ${account.name} and can't pass ${closed} on the way to ${dataDir}. Run chmod o+x ${closed}, or set WORKSPACE_PATH to a folder elsewhere.`,
  );
}
