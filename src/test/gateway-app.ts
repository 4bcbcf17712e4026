/** The gateway behind the real HTTP application and identity, over models of a fake server: for tests of what clients see. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { createApp } from '../http/app.ts';
import { openAiError, publicError } from '../http/errors.ts';
import { apiKeyRoutes } from '../http/routes/api-keys.ts';
import { authRoutes } from '../http/routes/auth.ts';
import { gatewayRoutes } from '../http/routes/gateway.ts';
import { settingsRoutes } from '../http/routes/settings.ts';
import { createIdentity } from '../identity/identity.ts';
import { systemClock } from '../kernel/clock.ts';
import { createEgress } from '../kernel/egress.ts';
import { AppError } from '../kernel/fail.ts';
import { createLogger } from '../kernel/log.ts';
import type { ModelEngine, Models } from '../models/engine.ts';
import { createGatewayLimits } from '../models/gateway-limits.ts';
import { createUsageMeter, type UsageMeter } from '../models/gateway-usage.ts';
import { createGateway, type Gateway } from '../models/gateway.ts';
import { createRemoteEngines } from '../models/remote.ts';
import type { Database } from '../store/client.ts';
import { testDatabase } from './database.ts';
import { startFakeOpenAi, type FakeOpenAi } from './fake-openai.ts';
import { createPeople, type People } from './people.ts';

export interface GatewayApp {
  readonly url: string;
  readonly fake: FakeOpenAi;
  readonly people: People;
  readonly gateway: Gateway;
  readonly meter: UsageMeter;
  readonly database: Database;
  /** What a load says while it lasts, before the next use of a model. */
  load(waits: readonly { readonly message: string; readonly progress?: number }[], error?: Error): void;
  logged(): string;
  close(): Promise<void>;
}

/** Models `tiny` and `tiny-embed` of a fake server. */
export async function startGatewayApp(): Promise<GatewayApp> {
  const fake = await startFakeOpenAi();
  const store = await testDatabase();
  const { database } = store;
  const workspacePath = mkdtempSync(join(tmpdir(), 'studio-gateway-'));
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  const clock = systemClock;
  const identity = createIdentity({
    database,
    clock,
    log,
    jwtSecret: 'a'.repeat(64),
    encryptionKey: 'b'.repeat(64),
    workspacePath,
    defaultOrigin: 'http://localhost:8000',
  });
  const remote = createRemoteEngines({
    egressOf: () => createEgress({ allowedHosts: async () => ['127.0.0.1'] }),
    secrets: identity.secrets,
    clock,
    random: Math.random,
  });
  let waits: readonly { readonly message: string; readonly progress?: number }[] = [];
  let loadError: Error | undefined;
  const models: Models = {
    async use(name, { onWait, signal }, work) {
      if (!['tiny', 'tiny-embed'].includes(name)) throw new AppError('model_not_found', { message: `there is no model "${name}"; did you mean "tiny"?` });
      for (const wait of waits) {
        onWait?.(wait);
        await clock.sleep(5, signal);
      }
      const error = loadError;
      [waits, loadError] = [[], undefined];
      if (error !== undefined) throw error;
      const engine: ModelEngine = remote.engineOf({ orgId: 'org_x', settings: { kind: 'openai', baseUrl: fake.url, model: name } });
      return work(engine);
    },
    list: async () => ['tiny', 'tiny-embed'].map((id) => ({ id, createdAtMs: 1_700_000_000_000, ownedBy: 'studio', contextTokens: 4_096 })),
  };
  const meter = createUsageMeter({ sql: database.engine, clock, log });
  const gateway = createGateway({
    models,
    limits: createGatewayLimits({ sql: database.engine, clock, log }),
    usage: meter,
    clock,
    errorBody: (error, requestId) => openAiError(publicError(error, { log, requestId, route: '/v1' })),
  });
  const notify = { test: () => Promise.reject(new Error('not meant here')) } as unknown as Parameters<typeof settingsRoutes>[0]['notify'];
  const app = createApp({
    routes: [
      ...authRoutes(identity),
      ...apiKeyRoutes(identity),
      ...settingsRoutes({ settings: identity.settings, notify }),
      ...gatewayRoutes({ gateway, settings: identity.settings, sql: database.engine, flushUsage: meter.flush }),
    ],
    identity,
    database,
    log,
    clock,
    config: { corsOrigins: [], allowedHosts: [], proxy: null, requestTimeoutMs: 30_000 },
    checkReplies: true,
  });
  const answer = getRequestListener((request, env) => app.fetch(request, env));
  const server: Server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    fake,
    people: await createPeople(database, url),
    gateway,
    meter,
    database,
    load(next, error) {
      [waits, loadError] = [next, error];
    },
    logged: () => lines.join(''),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      remote.stop();
      await meter.stop();
      identity.stop();
      await fake.close();
      await store.close();
      rmSync(workspacePath, { recursive: true });
    },
  };
}
