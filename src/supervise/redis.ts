/** The embedded Redis: wake-ups, fan-out and counters, nothing that can't be lost. Unix socket with a password, no TCP port, no files.
 *  Never restarts it (service.ts does). Without a program to run, Studio starts degraded. */
import { accessSync, constants, existsSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { sendSignal, startChild, waitGone, waitReady, type ExitStatus } from '../kernel/child.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { listProcesses, readArguments } from '../kernel/process-identity.ts';
import { ensureServiceAccount } from './account.ts';
import { makePrivate } from './postgres.ts';

export interface RedisOptions {
  readonly program: string;
  /** Private to this server; made with mode 0700. */
  readonly socketDir: string;
  readonly password: string;
  /** Stands in its title, so that a look at the processes tells whose it is. */
  readonly workspacePath?: string;
  readonly maxMemoryBytes?: number;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock;
}

export interface Redis {
  readonly pid: number;
  readonly socketPath: string;
  readonly exited: Promise<ExitStatus>;
  readonly lines: () => readonly string[];
  stop(): Promise<ExitStatus>;
}

/** The one that the single executable carries, one on the PATH, or one that redis-memory-server built. The launcher builds; this only looks.
 *  @returns undefined when there is none, or only what can't be executed */
export function findRedis(root: string): string | undefined {
  const onPath = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
    .filter((folder) => folder.startsWith('/'))
    .flatMap((folder) => [join(folder, 'redis-server'), join(folder, 'valkey-server')]);
  const built = [join(root, 'node_modules/.cache/redis-memory-server/redis-binaries'), '/var/cache/studio/redis-binaries']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((version) => join(folder, version, 'redis-server')));
  return [join(root, 'redis/redis-server'), ...onPath, ...built].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @throws Error when it does not come up; a Redis that an earlier Studio left on the same socket is killed first: it holds nothing */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const clock = options.clock ?? systemClock;
  const account = await ensureServiceAccount();
  makePrivate(options.socketDir, account);
  const socketPath = join(options.socketDir, 'redis.sock');
  await killOrphans(socketPath, clock);
  rmSync(socketPath, { force: true });
  const child = await startChild(
    // The configuration comes by standard input, so that the password stands in no file and no process list.
    {
      command: options.program,
      args: ['-'],
      stdin: configuration(options, socketPath),
      account,
      cwd: options.socketDir,
      ...(options.onLine ? { onLine: options.onLine } : {}),
    },
    clock,
  );
  try {
    await waitReady(child, { name: 'Redis', timeoutMs: 10_000, signal: options.signal, probe: () => answersPing(socketPath, options.password) }, clock);
  } catch (error) {
    await child.stop({ graceMs: 500 });
    throw error;
  }
  return { pid: child.pid, socketPath, exited: child.exited, lines: child.lines, stop: () => child.stop({ graceMs: 3_000 }) };
}

function configuration(options: RedisOptions, socketPath: string): string {
  return [
    'port 0',
    `unixsocket "${socketPath}"`,
    'unixsocketperm 700',
    `requirepass "${options.password}"`,
    'save ""',
    'appendonly no',
    'daemonize no',
    'databases 1',
    `maxmemory ${options.maxMemoryBytes ?? 64 * 1024 * 1024}`,
    'maxmemory-policy allkeys-lru',
    'loglevel notice',
    `proc-title-template "{title} ${socketPath} ${options.workspacePath ?? ''}"`,
    '',
  ].join('\n');
}

/** One PING over the socket. @returns false while it refuses, loads or is not there */
export function answersPing(socketPath: string, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const end = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    let reply = '';
    socket.setTimeout(1_000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('connect', () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on('data', (bytes) => {
      reply += bytes.toString('latin1');
      if (reply.includes('+PONG')) end(true);
      else if (reply.startsWith('-')) end(false);
    });
  });
}

/** Its title carries the socket: what an earlier Studio of this workspace left is known by that. */
async function killOrphans(socketPath: string, clock: Clock): Promise<void> {
  const orphans = listProcesses().filter(
    (facts) => /^(redis|valkey)-server/.test(facts.name) && !facts.isZombie && readArguments(facts.pid).join(' ').includes(socketPath),
  );
  for (const orphan of orphans) sendSignal(orphan, 'SIGKILL');
  if (!(await waitGone(orphans, 5_000, clock))) throw new Error(`Redis process ${orphans[0]?.pid} of an earlier Studio does not die; the kernel holds it.`);
}
