/** The machine under the application: storage, lock, PostgreSQL, Redis, log. Imported by main once the port answers.
 *  Each thing started adds its own stop. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CompleteConfig, Config } from './config/schema.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Clock } from './kernel/clock.ts';
import { messageOf } from './kernel/fail.ts';
import { createLogger, type Logger } from './kernel/log.ts';
import { readLimits } from './kernel/machine-limits.ts';
import { placeDatabase, watchShadow } from './ops/database-place.ts';
import { startDatabase } from './ops/database-start.ts';
import { guardDisks } from './ops/disk-guard.ts';
import { watch, type HealthBoard } from './ops/health.ts';
import { openLogOutput, type LogOutput } from './ops/log-output.ts';
import { startRedisIfAny } from './ops/redis-start.ts';
import { serverSettings, sizeFor, tooLittle } from './ops/sizing.ts';
import { waitForEndpoints } from './ops/start-gate.ts';
import { openDatabase } from './store/client.ts';
import { pingDatabase } from './store/health.ts';
import { sizeUntouchedQueue } from './store/queues.ts';
import { ensureServiceAccount } from './supervise/account.ts';
import type { BootProgress } from './supervise/boot-progress.ts';
import { lockWorkspace } from './supervise/lock.ts';
import { ownProgram } from './supervise/own-program.ts';
import { projectRoot } from './supervise/project-root.ts';
import { makeRuntimeFolder } from './supervise/runtime-folder.ts';
import { createServices, type Services } from './supervise/service.ts';
import type { Shutdown } from './supervise/shutdown.ts';
import { placesOf, probeStorage } from './supervise/storage.ts';
import { finishSwap } from './supervise/swap.ts';

export interface BootParts {
  readonly loaded: LoadedConfig;
  readonly completeConfig: (config: Config) => CompleteConfig;
  readonly progress: BootProgress;
  readonly board: HealthBoard;
  readonly shutdown: Shutdown;
  readonly clock: Clock;
}

/** @throws Refusal when the workspace is held by another Studio, or a managed database can't be used */
export async function bootMachine({ loaded, completeConfig, progress, board, shutdown, clock }: BootParts) {
  const { workspacePath } = loaded.config;
  const output = openLogOutput(loaded.config);
  const log = createLogger({ level: loaded.config.logLevel, destination: output });
  shutdown.add('log', () => output.end());
  crashWith(log, output);

  progress.enter('storage');
  const account = await ensureServiceAccount();
  const storage = await probeStorage({ ...placesOf(loaded.config), account, clock });
  board.storage = storage;
  if (storage.banner !== null) progress.say(`WARNING: ${storage.banner}`);
  for (const reason of storage.reasons) log.warn({ reason }, 'storage');
  const limits = readLimits();
  const sizing = sizeFor(limits);
  log.info({ ...limits, ...sizing }, 'sized to what this process may use');
  for (const { about, remedy } of tooLittle(limits)) log.warn({ about, remedy }, 'too little to work with in comfort');

  progress.enter('lock');
  const lock = await lockWorkspace({ workspacePath, port: loaded.config.port, clock, onLost: (holder) => endAtOnce(log, holder, shutdown) });
  shutdown.add('lock', () => lock.release());
  if (lock.takenFrom !== undefined) log.warn({ holder: lock.takenFrom }, 'took the workspace over from a Studio elsewhere that was silent for its whole term');
  const restored = finishSwap(workspacePath);
  if (restored !== undefined) log.warn({ id: restored.id }, 'a restore that was cut off was gone on with');
  const config = completeConfig(loaded.config);
  const pidFile = join(workspacePath, 'run/studio.pid');
  mkdirSync(join(workspacePath, 'run'), { recursive: true });
  writeFileSync(pidFile, `${process.pid}\n`);
  shutdown.add('pid file', () => rmSync(pidFile, { force: true }));
  const runtime = makeRuntimeFolder(workspacePath, config.workspaceId);
  shutdown.add('sockets', () => rmSync(join(runtime.postgres, '..'), { recursive: true, force: true }));

  const place =
    config.database.kind === 'embedded'
      ? placeDatabase(
          {
            ...{ config, storage, account, clock, log, lock, socketDir: runtime.postgres },
            say: (line) => (progress.say(line), log.info({ step: line }, 'storage')),
            onFenced: (holder) => endAtOnce(log, holder, shutdown),
          },
          config.database,
        )
      : undefined;
  // After the services: it takes what PostgreSQL writes last.
  shutdown.add('shadow', () => place?.shadow?.stop());
  const services = createServices({ clock, log });
  shutdown.add('services', () => services.stopAll());
  shutdown.setForce(() => killServices(services));
  // Before PostgreSQL: on a full disk it starts only once the reserve is given away.
  const dataHome = dirname(storage.dataDir);
  mkdirSync(dataHome, { recursive: true });
  const disk = await guardDisks({
    folders: [workspacePath, dataHome],
    clock,
    log,
    board,
    onRoom: () => (void wakeServices(services, log), place?.shadow?.onRoom()),
  });
  shutdown.add('disk guard', () => disk.stop());
  // Side by side: Redis needs nothing of PostgreSQL, and both are there sooner.
  const [connections, redis] = await Promise.all([
    startDatabase({
      config,
      clock,
      log,
      services,
      progress,
      place,
      dataDir: storage.dataDir,
      socketDir: runtime.postgres,
      settings: serverSettings(sizing),
      signal: shutdown.signal,
    }),
    startRedisIfAny({ config, clock, log, services, socketDir: runtime.redis, root: projectRoot(), maxMemoryBytes: sizing.redisBytes }),
  ]);
  progress.enter('redis');
  progress.say(redis?.note ?? 'No Redis: live updates are slower. To add it: apt-get install redis-server, then restart');
  const database = openDatabase({
    engine: { ...connections.engine, max: sizing.engineConnections },
    api: { ...connections.api, max: sizing.apiConnections },
    log,
  });
  shutdown.add('database', () => database.close());
  if (config.role === 'all') await sizeUntouchedQueue(database.engine, { name: 'studio', slots: sizing.slots });
  shutdown.add('Redis client', () => redis?.client.disconnect());
  const endWatches = [
    watch({
      board,
      clock,
      part: 'database',
      required: true,
      everyMs: 1_000,
      timeoutMs: 5_000,
      check: async () => ({ answered: await pingDatabase(database.engine).catch((error: unknown) => Promise.reject(withLastWord(error, services))) }),
    }),
    watch({
      board,
      clock,
      part: 'redis',
      required: false,
      everyMs: 2_000,
      timeoutMs: 2_000,
      check: async () => ({ reply: await requireRedis(redis?.client).ping() }),
    }),
  ];
  if (place !== undefined) endWatches.push(watchShadow({ board, clock, place }));
  shutdown.addFirst(() => endWatches.forEach((end) => end()));
  if (config.gateEnabled && config.gateEndpoints.length > 0) {
    progress.enter('gate');
    await waitForEndpoints({ endpoints: config.gateEndpoints, timeoutMs: config.gateTimeoutS * 1_000, clock, progress, signal: shutdown.signal });
  }
  return { config, loaded, log, output, database, connections, redis: redis?.client, services, storage, disk, runtime, sizing, program: ownProgram() };
}

/** The last lines of the start: where to go, and the claim link while nobody has claimed it. */
export function announceReady(parts: { readonly config: CompleteConfig; readonly url: string; readonly log: Logger; readonly progress: BootProgress }): void {
  const { config, url, log } = parts;
  const claimFile = join(config.workspacePath, 'claim-url');
  const claim = existsSync(claimFile) ? readFileSync(claimFile, 'utf8').trim() : undefined;
  const ms = Math.round(process.uptime() * 1_000);
  log.info({ url, ms, workspacePath: config.workspacePath }, 'ready');
  if (config.logSink !== 'stdout' || config.logFormat !== 'pretty') {
    // Not a field of the log: a log is kept and shipped, the link is for who stands here.
    if (claim !== undefined) process.stderr.write(`studio: claim this Studio at ${claim}\n`);
    return;
  }
  process.stdout.write(`\n  Studio is ready: ${url}  (${(ms / 1_000).toFixed(2)} s)\n${claim === undefined ? '' : `  Claim it:        ${claim}\n`}\n`);
}

/** Why the server is as it is, beside what a connection met: it says so once, when it goes. */
function withLastWord(error: unknown, services: Services): unknown {
  const said = services.get('postgres')?.reason;
  return said === undefined ? error : new Error(`${messageOf(error)}. PostgreSQL: ${said}`, { cause: error });
}

function requireRedis<T>(client: T | undefined): T {
  if (client === undefined) throw new Error('there is none; apt-get install redis-server, or set REDIS_URL, and restart');
  return client;
}

/** Another Studio took the workspace while this one was stopped or cut off: nothing more may be written here, by PostgreSQL least of all. */
function endAtOnce(log: Logger, holder: string, shutdown: Shutdown): void {
  log.fatal({ holder }, 'the workspace was taken by another Studio: ending at once');
  shutdown.abandon(1);
}

/** A bug that nobody caught: what is in memory can't be trusted. What is durable goes on at the next start. */
function crashWith(log: Logger, output: Pick<LogOutput, 'flush'>): void {
  const crash = (error: unknown): void => {
    log.fatal({ reason: messageOf(error), stack: error instanceof Error ? error.stack : undefined }, 'uncaught fault: ending');
    process.stderr.write(`studio: uncaught fault: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    output.flush();
    process.exit(70);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

/** A disk has room again: what could not start for want of it need not wait for its next try. */
async function wakeServices(services: Services, log: Logger): Promise<void> {
  for (const { name, state } of services.list())
    if (state === 'backing_off')
      await services.start(name).catch((error: unknown) => log.warn({ service: name, cause: messageOf(error) }, 'still does not start')); // Serial: PostgreSQL and Redis.
}

/** Each leads a group of its own: what it started goes with it, but for PostgreSQL, which ends its own. */
function killWhole(pid: number, signal: 'SIGQUIT' | 'SIGKILL'): void {
  try {
    process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
  } catch {
    // Gone meanwhile.
  }
}

/** SIGQUIT makes PostgreSQL leave at once; its log replays at the next start. */
function killServices(services: Services): void {
  for (const { name, pid } of services.list()) {
    if (pid !== null) killWhole(pid, name === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
  }
}
