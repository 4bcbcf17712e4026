import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { startChild, type Child } from '../../kernel/child.ts';
import { findRedis } from '../../supervise/redis.ts';
import { createApiClient, type ApiClient } from '../api-client.ts';
import { urlOf } from '../database.ts';
import { connectLive, type LiveClient } from '../live.ts';
import { startTestServer, type TestServer } from '../postgres.ts';
import { claimStudio, createStudio, freePort, type Studio } from '../studio-process.ts';
import { root } from '../source-files.ts';

const ENDED = new Set(['engine:instance:completed', 'engine:instance:failed', 'engine:instance:cancelled']);

let postgres: TestServer;
let redis: Child;
let redisPort: number;
let folder: string;
let studios: readonly [Studio, Studio];
let admin: ApiClient;
let orgId: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'studio-two-'));
  postgres = await startTestServer({ tcpPort: await freePort() });
  // What a hosting service gives: a login that owns its database and may make roles, and is no superuser.
  const dba = new pg.Client(postgres.admin);
  await dba.connect();
  await dba.query(`create role app login createrole password 'app'`);
  await dba.query('create database theirs owner app');
  await dba.end();
  redisPort = await freePort();
  redis = await startRedisServer();
  const env = {
    DATABASE_URL: urlOf({ host: '127.0.0.1', port: postgres.admin.port, user: 'app', password: 'app', database: 'theirs' }),
    REDIS_URL: `redis://:secret@127.0.0.1:${redisPort}`,
    POSTGRES_PASSWORD: 'a'.repeat(64),
    JWT_SECRET_KEY: 'b'.repeat(64),
    WORKER_SHARED_SECRET: 'c'.repeat(64),
    CREDENTIAL_ENCRYPTION_KEY: 'd'.repeat(64),
  };
  studios = [await createStudio({ env }), await createStudio({ env })];
  await studios[0].start();
  // Before the other starts: the newest process's claim link is the one that counts.
  admin = await claimStudio(studios[0]);
  await studios[1].start();
  orgId = String((await admin.expect(200, 'GET', '/api/v1/users/me'))['orgId']);
});

after(async () => {
  await Promise.all((studios ?? []).map((studio) => studio.destroy()));
  await redis?.stop({ signal: 'SIGKILL' });
  await postgres?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

function startRedisServer(): Promise<Child> {
  const command = findRedis(root);
  if (command === undefined) throw new Error('this test needs redis-server; scripts/test installs it');
  const args = ['--port', String(redisPort), '--bind', '127.0.0.1', '--requirepass', 'secret', '--save', '', '--appendonly', 'no', '--dir', folder];
  return startChild({ command, args, cwd: folder });
}

/** The same person at another process. */
function at(studio: Studio): ApiClient {
  return createApiClient(studio.url, admin.token);
}

function listen(studio: Studio): Promise<LiveClient> {
  return connectLive(Number(new URL(studio.url).port), { token: admin.token ?? '' });
}

/** Resolves when every one of these instances ended, as this client hears it. */
async function ended(client: LiveClient, ids: readonly string[]): Promise<void> {
  const left = (): string[] => ids.filter((id) => !client.events.some((event) => event.entity_id === id && ENDED.has(event.event_type)));
  while (left().length > 0) await client.heard(client.events.length + 1);
}

async function start(studio: Studio, workflowId: string): Promise<string> {
  return String((await at(studio).expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances`, { input: {} }))['id']);
}

test('an owner frozen past its lease is taken over, and commits nothing when it wakes', async () => {
  const [a, b] = studios;
  const nodes = [
    { key: 'first', type: 'noop', params: { effect: true } },
    { key: 'wait', type: 'wait.timer', params: { durationMs: 3_000 } },
    { key: 'each', type: 'map', params: { items: [1, 2, 3], body: { nodes: [{ key: 'inner', type: 'noop', params: { effect: true } }], edges: [] } } },
  ];
  const edges = [
    { from: 'first', to: 'wait' },
    { from: 'wait', to: 'each' },
  ];
  const workflowId = String((await admin.expect(201, 'POST', '/api/v1/workflows', { name: 'frozen', nodes, edges }))['id']);
  const ids = await Promise.all(Array.from({ length: 10 }, () => start(a, workflowId)));
  process.kill(a.pid(), 'SIGSTOP');
  try {
    // Its beats stop; the other declares it dead and goes on with what it held.
    for (const id of ids) await endedAt(b, id);
  } finally {
    process.kill(a.pid(), 'SIGCONT');
  }
  // Awake, its timers are overdue and its owner row is gone: it must come back as a new owner, and leave what is another's alone.
  assert.equal((await answered(a, `/api/v1/workflows/${workflowId}/instances?wait=30`))['status'], 'completed');
  for (const id of ids) {
    const { items } = await at(b).expect(200, 'GET', `/api/v1/instances/${id}/events?limit=200`);
    const sequences = (items as { sequence: number }[]).map((event) => event.sequence);
    assert.deepEqual(
      sequences,
      Array.from({ length: sequences.length }, (_, index) => index + 1),
      'no number is given twice, none is left out',
    );
    const steps = (await at(b).expect(200, 'GET', `/api/v1/instances/${id}/steps?limit=200`))['items'] as {
      path: string;
      generation: number;
      status: string;
    }[];
    assert.equal(steps.length, 9);
    assert.ok(steps.every((step) => step.generation === 1 && step.status === 'completed'));
  }
});

/** A process that just woke may say once that it is coming back: nothing of that request was carried out. */
async function answered(studio: Studio, path: string): Promise<Record<string, unknown>> {
  const reply = await at(studio).call('POST', path, { body: {} });
  if (reply.status !== 503) return at(studio).expect(200, 'POST', path, {});
  assert.equal(reply.headers['retry-after'], '1');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return answered(studio, path);
}

async function endedAt(studio: Studio, id: string): Promise<void> {
  for (;;) {
    const { status } = await at(studio).expect(200, 'GET', `/api/v1/instances/${id}`);
    if (status === 'completed') return;
    assert.ok(status === 'running' || status === 'waiting', `${id} is ${String(status)}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

test('two processes on one external PostgreSQL and Redis: each hears what the other does, also without Redis, and ends sockets of revoked keys', async () => {
  const [a, b] = studios;
  const made = await admin.expect(201, 'POST', '/api/v1/workflows', {
    name: 'two',
    nodes: [
      { key: 'one', type: 'noop' },
      { key: 'two', type: 'noop', params: { effect: true } },
    ],
    edges: [{ from: 'one', to: 'two' }],
  });
  const workflowId = String(made['id']);
  const clients = await Promise.all([a, b].map(listen));
  const [atA, atB] = clients as [LiveClient, LiveClient];
  // Before Redis goes there is nothing either could have missed: from here on both must hear the same.
  for (const client of clients) assert.deepEqual((await client.subscribe([`org:${orgId}`])).denied, []);

  const ids = await Promise.all([a, b, a, b, a, b].map((studio) => start(studio, workflowId)));
  await Promise.all(clients.map((client) => ended(client, ids)));

  await redis.stop({ signal: 'SIGKILL' });
  const without = await Promise.all([a, b].map((studio) => start(studio, workflowId)));
  await Promise.all(clients.map((client) => ended(client, without)));
  redis = await startRedisServer();
  const again = await Promise.all([a, b].map((studio) => start(studio, workflowId)));
  await Promise.all(clients.map((client) => ended(client, again)));
  const inOrder = clients.map((client) => client.events.filter((event) => event.entity_kind === 'instance').map((event) => event.event_id));
  assert.equal(new Set(inOrder[0]).size, inOrder[0]?.length, 'none twice');
  const common = Math.min(...inOrder.map((list) => list.length));
  assert.deepEqual(inOrder[0]?.slice(0, common), inOrder[1]?.slice(0, common));

  // What one process served is taken up at the other where it stopped.
  const cursor = atA.events.at(-1)?.cursor ?? '';
  await a.kill();
  const alone = await start(b, workflowId);
  const moved = await listen(b);
  await moved.subscribe([`org:${orgId}`], { [`org:${orgId}`]: cursor });
  await Promise.all([atB, moved].map((client) => ended(client, [alone])));
  await a.start();

  const back = await listen(a);
  await back.subscribe(['system']);
  const [key] = (await at(b).expect(200, 'GET', '/api/v1/api-keys'))['items'] as { id: string }[];
  assert.equal((await at(b).call('DELETE', `/api/v1/api-keys/${key?.id}`)).status, 204);
  assert.deepEqual(await Promise.all([atB, moved, back].map((client) => client.closed)), [4401, 4401, 4401]);
});
