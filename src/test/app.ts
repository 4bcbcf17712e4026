/** The whole application in this process, for API tests: the real wiring behind a real listener, on a database of its own, in a
 *  workspace of its own. Only the servers beneath are shared (PostgreSQL) or absent (Redis, unless asked for). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Redis } from 'ioredis';
import pg from 'pg';
import { createLiveConfig } from '../config/live.ts';
import { completeConfig, loadConfig } from '../config/load.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { createLogger, type Logger } from '../kernel/log.ts';
import { readLimits } from '../kernel/machine-limits.ts';
import { answerHelp } from '../ops/help/answer.ts';
import { createHealthBoard } from '../ops/health.ts';
import { openLogOutput } from '../ops/log-output.ts';
import { createReload } from '../ops/reload.ts';
import { sizeFor } from '../ops/sizing.ts';
import type { Database } from '../store/client.ts';
import { createBootProgress } from '../supervise/boot-progress.ts';
import { listen } from '../supervise/listener.ts';
import { createServices } from '../supervise/service.ts';
import { probeStorage } from '../supervise/storage.ts';
import { wire } from '../wire.ts';
import { createApiClient, type ApiClient } from './api-client.ts';
import { testDatabase } from './database.ts';
import { createPeople, type People } from './people.ts';
import { root } from './source-files.ts';
import { freePort } from './studio-process.ts';

export interface TestApp {
  readonly url: string;
  readonly workspace: string;
  readonly database: Database;
  /** A superuser's connection, for what no part of Studio may do (ageing rows, reading every org). */
  readonly admin: pg.Client;
  readonly anonymous: ApiClient;
  readonly people: People;
  readonly config: ReturnType<typeof completeConfig>;
  readonly clock: Clock;
  /** Everything that was logged, as lines of JSON. */
  logged(): string;
  close(): Promise<void>;
}

export interface AppOptions {
  readonly clock?: Clock;
  /** Environment, as a person would set it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Connects to the Redis of the test run. Default: none, which Studio must bear. */
  readonly redis?: boolean;
  /** A PostgreSQL of its own: for tests that look at where the outbox is read to, which other tests' open transactions hold back. */
  readonly hasOwnServer?: boolean;
  /** Default: there is room. */
  readonly isDiskFull?: () => boolean;
}

/** Starts an app with people in it. Close it in `after`. */
export async function startApp(options: AppOptions = {}): Promise<TestApp> {
  const clock = options.clock ?? systemClock;
  const workspace = mkdtempSync(join(tmpdir(), 'studio-app-'));
  const lines: string[] = [];
  const port = await freePort();
  // Nobody answers there: a test that names no hub of its own asks nobody's.
  const base = { HOST: '127.0.0.1', PORT: String(port), WORKSPACE_PATH: workspace, HF_ENDPOINT: 'http://127.0.0.1:9' };
  const load = () => loadConfig({ env: { ...base, ...options.env }, file: {} });
  const loaded = await load();
  const config = completeConfig(loaded.config);
  const output = openLogOutput({ ...config, logSink: 'file' });
  const log: Logger = createLogger({
    level: 'debug',
    destination: {
      write(line) {
        lines.push(line);
        output.write(line);
      },
    },
  });
  const progress = createBootProgress(
    () => clock.monotonic(),
    () => undefined,
  );
  const board = createHealthBoard({ progress });
  const [listener, store, storage] = await Promise.all([
    listen({ config, progress, health: () => board.minimal(), help: async (path) => answerHelp(path) }),
    testDatabase({ hasOwnServer: options.hasOwnServer === true }),
    probeStorage({ workspacePath: workspace, account: undefined, localPath: join(workspace, 'local') }),
  ]);
  board.storage = storage;
  const redis = options.redis === true ? connectRedis() : undefined;
  const services = createServices({ clock, log });
  const live = createLiveConfig({ config, loaded, load, now: () => new Date(clock.now()) });
  const wired = await wire({
    config,
    live,
    reload: createReload({ live, log, workspacePath: workspace, certificate: () => undefined }),
    loaded,
    log,
    output,
    database: store.database,
    connections: store.roles,
    redis,
    services,
    storage,
    sizing: sizeFor(readLimits()),
    disk: { isFull: options.isDiskFull ?? (() => false) },
    clock,
    board,
    progress,
    program: { command: process.execPath, args: [join(root, 'src/cli.ts')] },
  });
  const answer = getRequestListener((request, env) => wired.fetch(request, env), { errorHandler: () => wired.badRequest() });
  listener.handOver({
    answer: (request, response) => void answer(request, response),
    upgrade: (request, socket, head) => wired.upgrade(request, socket, head),
  });
  progress.enter('ready');
  const admin = new pg.Client({ connectionString: store.adminUrl });
  await admin.connect();
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    workspace,
    database: store.database,
    admin,
    anonymous: createApiClient(url),
    people: await createPeople(store.database, url),
    config,
    clock,
    logged: () => lines.join(''),
    async close() {
      await wired.drain();
      await wired.stop();
      await listener.close(0);
      redis?.disconnect();
      await admin.end();
      await store.close();
      await output.end();
      rmSync(workspace, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

/** The Redis that scripts/test started: `unix://:password@/socket/path`. */
function connectRedis(): Redis {
  const url = URL.parse(process.env['STUDIO_TEST_REDIS'] ?? '');
  if (url === null) throw new Error('this test needs the Redis of a test run: start it with scripts/test');
  return new Redis({ path: url.pathname, password: url.password, maxRetriesPerRequest: 2 });
}
