import { deepEqual } from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { getRequestListener } from '@hono/node-server';
import { endpoints } from '../../contract/index.ts';
import { createApp } from '../../http/app.ts';
import { createIdentity } from '../../identity/identity.ts';
import { send } from '../api-client.ts';
import { startApp, type TestApp } from '../app.ts';
import { silentLog } from '../database.ts';
import { validSample } from '../schema-arbitrary.ts';
import { freePort } from '../studio-process.ts';
import { pathOf, queryOf, routes } from './routes.ts';

/** What a fault inside may hold and an answer may not. */
const INSIDE = `relation "secrets" select ciphertext from secrets at /srv/studio/src/store/secrets.ts:12 studio 1.2.3`;
const SIGNS = /relation|select |store|\.ts|studio_engine|1\.2\.3|stack|node_modules| {4}at /i;

let app: TestApp;
/** The same people, and a fault behind every route. */
let url = '';
const server = createServer();
before(async () => {
  app = await startApp();
  const { clock, database, config, workspace } = app;
  const identity = createIdentity({
    clock,
    database,
    log: silentLog,
    jwtSecret: config.jwtSecretKey,
    encryptionKey: config.credentialEncryptionKey,
    workspacePath: workspace,
    defaultOrigin: app.url,
  });
  const fault = (): never => {
    throw new Error(INSIDE, { cause: new Error('password authentication failed for user "studio_engine"') });
  };
  const faulty = createApp({
    routes: endpoints.map((spec) => ({ spec, handle: fault })),
    identity,
    database,
    clock,
    log: silentLog,
    config: { corsOrigins: [], allowedHosts: [], proxy: null, requestTimeoutMs: 10_000 },
  });
  const listener = getRequestListener((request, env) => faulty.fetch(request, env));
  server.on('request', (request, response) => void listener(request, response));
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${port}`;
});
after(async () => {
  server.close();
  await app.close();
});

test('a fault inside tells a caller its request id and nothing of the inside', async () => {
  const leaks: string[] = [];
  // Serial: the routes share one app.
  for (const route of routes) {
    const body = route.changes && route.spec.body !== undefined ? validSample(route.spec.body) : undefined;
    const reply = await send(url, route.method, `${pathOf(route)}${queryOf(route)}`, {
      headers: { authorization: `Bearer ${app.people.superAdmin.client.token}` },
      body,
    });
    const isPlain = route.refusal.safeParse(reply.body).success || route.method === 'HEAD';
    if (reply.status !== 500 || !isPlain || SIGNS.test(reply.text)) leaks.push(`${route.key}: ${reply.status} ${reply.text.slice(0, 200)}`);
  }
  deepEqual(leaks, []);
});
