import { deepEqual, equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { startChild, type Child } from '../../kernel/child.ts';
import { findRedis } from '../../supervise/redis.ts';
import { asObject, createApiClient, itemsOf, type ApiClient } from '../api-client.ts';
import { urlOf } from '../database.ts';
import { startTestServer, type TestServer } from '../postgres.ts';
import { root } from '../source-files.ts';
import { bundlePath, claimStudio, createStudio, freePort, type Studio } from '../studio-process.ts';

let postgres: TestServer;
let redis: Child;
let folder: string;
/** Serves the API and owns the instances; takes no jobs itself. */
let studio: Studio;
/** Only runs jobs, on the same workspace. */
let worker: Studio;
let client: ApiClient;
let settings: Readonly<Record<string, string>>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'studio-worker-'));
  // Jobs look into it, as users of their own.
  chmodSync(folder, 0o711);
  postgres = await startTestServer({ tcpPort: await freePort() });
  const dba = new pg.Client(postgres.admin);
  await dba.connect();
  await dba.query(`create role app login createrole password 'app'`);
  await dba.query('create database theirs owner app');
  await dba.end();
  const redisPort = await freePort();
  const command = findRedis(root);
  if (command === undefined) throw new Error('this test needs redis-server; scripts/test installs it');
  redis = await startChild({ command, args: ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--dir', folder], cwd: folder });
  settings = {
    DATABASE_URL: urlOf({ host: '127.0.0.1', port: postgres.admin.port, user: 'app', password: 'app', database: 'theirs' }),
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    JWT_SECRET_KEY: 'b'.repeat(64),
    WORKER_SHARED_SECRET: 'c'.repeat(64),
    CREDENTIAL_ENCRYPTION_KEY: 'd'.repeat(64),
  };
  studio = await createStudio({ env: { ...settings, STUDIO_QUEUES: 'none' } });
  await studio.start();
  client = await claimStudio(studio);
  worker = await createStudio({ workspace: studio.workspace, env: { ...settings, STUDIO_ROLE: 'worker', STUDIO_WORKER_NAME: 'one' } });
  await worker.start();
});
after(async () => {
  await worker?.destroy();
  await studio?.destroy();
  await redis?.stop({ signal: 'SIGKILL' });
  await postgres?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

async function submit(body: object): Promise<string> {
  return String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', body))['job'])['id']);
}

async function ended(id: string): Promise<Record<string, unknown>> {
  for (;;) {
    const job = await client.expect(200, 'GET', `/api/v1/jobs/${id}`);
    if (['completed', 'failed', 'cancelled', 'dead'].includes(String(job['status']))) return job;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('a worker runs the jobs and steps of a Studio that runs none, and what they leave is read there', async () => {
  const [workflow] = itemsOf(await client.expect(200, 'GET', '/api/v1/workflows'));
  const run = await client.call('POST', `/api/v1/workflows/${String(workflow?.['id'])}/instances?wait=90`, { body: { input: {} } });
  equal(asObject(run.body)['status'], 'completed', run.text);
  equal((await client.call('PUT', '/api/v1/secrets/WORD', { body: { value: 'quite-a-secret-word' } })).status < 300, true);
  const id = await submit({ script: 'echo "in $WORD"; echo kept > "$STUDIO_ARTIFACTS/left.txt"', env: { WORD: '{{ secrets.WORD }}' } });
  const job = await ended(id);
  equal(job['status'], 'completed');
  const log = (await client.call('GET', `/api/v1/jobs/${id}/log`)).text;
  match(log, /^in /);
  equal(log.includes('quite-a-secret-word'), false);
  const [artifact] = itemsOf(await client.expect(200, 'GET', `/api/v1/jobs/${id}/artifacts`));
  equal((await client.call('GET', `/api/v1/artifacts/${String(artifact?.['id'])}`)).text, 'kept\n');
  const workers = itemsOf(await client.expect(200, 'GET', '/api/v1/workers'));
  deepEqual(workers.map((one) => one['builtIn']).toSorted(), [false, true]);
});

test('it answers for its health alone', async () => {
  const anonymous = createApiClient(worker.url);
  equal((await anonymous.call('GET', '/health')).status, 200);
  const reply = await createApiClient(worker.url, client.token).call('GET', '/api/v1/workflows');
  equal(reply.status, 404);
  match(reply.text, /only runs jobs/);
});

test('killed and started again it finds its job, which is begun once and ends once', async () => {
  const flag = join(folder, 'go-on');
  const id = await submit({ script: `echo begin; while [ ! -e ${flag} ]; do sleep 0.1; done; echo end` });
  for (;;) {
    if ((await client.call('GET', `/api/v1/jobs/${id}/log`)).text.includes('begin')) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await worker.kill();
  await worker.start();
  writeFileSync(flag, '');
  const job = await ended(id);
  equal(job['status'], 'completed');
  equal((await client.call('GET', `/api/v1/jobs/${id}/log`)).text, 'begin\nend\n');
  equal(job['attempts'], 1);
  equal(existsSync(join(studio.workspace, 'workers/one/jobs/worker-id')), true);
});

test('without the database or the key of a Studio a worker refuses to start, and says what is missing', () => {
  let said = '';
  try {
    execFileSync(process.execPath, [bundlePath, 'start'], {
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, WORKSPACE_PATH: folder, STUDIO_ROLE: 'worker' },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    said = String((error as { readonly stderr?: unknown }).stderr);
  }
  match(said, /STUDIO_ROLE=worker needs DATABASE_URL/);
  match(said, /STUDIO_ROLE=worker needs CREDENTIAL_ENCRYPTION_KEY/);
});
