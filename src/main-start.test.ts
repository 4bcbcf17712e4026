/** What a start makes of its configuration, as a process from source: which database is meant, and what can't be is told. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import pg from 'pg';
import { embeddedDatabase } from './test/embedded-database.ts';
import { flipBit } from './test/flip-bit.ts';
import { listeners } from './test/listeners.ts';
import { strong } from './test/loaded-config.ts';
import { startTestServer } from './test/postgres.ts';
import { endStudios, makeWorkspace, removeWorkspaces, startFromSource } from './test/source-studio.ts';
import { freePort, pidsOf } from './test/studio-process.ts';
import { until } from './test/until.ts';

afterEach(endStudios);
after(removeWorkspaces);

describe('the database of a URL', () => {
  test("RunPod's block makes that login and database, on the loopback only", async () => {
    const port = await freePort();
    const studio = await startFromSource({
      env: {
        DATABASE_URL: `postgresql://postgres:pod-password@localhost:${port}/selfhost_studio`,
        REDIS_URL: `redis://localhost:${await freePort()}/0`,
        POSTGRES_PASSWORD: 'pod-password',
        CORS_ORIGINS: '*',
      },
    });
    await studio.ready();
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password: 'pod-password', database: 'selfhost_studio' });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ super: boolean }>('select rolsuper as super from pg_roles where rolname = current_user');
    deepEqual(rows, [{ super: false }]);
    await client.end();
    ok(listeners().every((line) => !line.includes(`:${port} `) || line.includes(`127.0.0.1:${port}`)));
    equal(await studio.stop(), 0);
  });

  test('a server elsewhere is used, checked only when tables may not be made, and waited for no longer than told', async () => {
    const server = await startTestServer({ tcpPort: await freePort() });
    const redisPort = await freePort();
    const redis = spawn(
      process.env['STUDIO_TEST_REDIS_SERVER'] ?? 'redis-server',
      ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--dir', tmpdir()],
      { stdio: 'ignore' },
    );
    const { user, password, port } = server.admin;
    const admin = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres' });
    await admin.connect();
    await admin.query('create database elsewhere');
    await admin.end();
    const env = {
      DATABASE_URL: `postgresql+psycopg://${user}:${password}@127.0.0.1:${port}/elsewhere`,
      REDIS_URL: `redis://127.0.0.1:${redisPort}/0`,
      JWT_SECRET_KEY: strong,
      WORKER_SHARED_SECRET: strong,
    };
    try {
      const unready = await startFromSource({ env: { ...env, CREATE_TABLES: 'false' } });
      equal(await unready.exited, 1);
      // Neither roles nor tables are there, and may not be made.
      match(unready.output(), /create role studio_owner/);
      const studio = await startFromSource({ env });
      await studio.ready();
      deepEqual((await studio.health())?.body, { status: 'ok' });
      equal(existsSync(join(studio.workspace, 'pg')), false, 'no server of its own');
      redis.kill('SIGKILL');
      await until(
        () => studio.output(),
        async () => (await studio.health())?.body.status === 'degraded',
      );
      equal((await studio.health())?.status, 200);
      equal(await studio.stop(), 0);
    } finally {
      redis.kill('SIGKILL');
      await server.stop();
    }
    const lost = await startFromSource({
      env: { ...env, DB_HEALTHCHECK_TIMEOUT_SECONDS: '1', DB_HEALTHCHECK_INTERVAL_SECONDS: '1', DATABASE_URL: `postgresql://u:p@127.0.0.2:${port}/x` },
    });
    equal(await lost.exited, 1);
    match(lost.output(), /127\.0\.0\.2:\d+ did not answer within 1 s \(DB_HEALTHCHECK_TIMEOUT_SECONDS\).*ECONNREFUSED/);
  });
});

describe('a start that can not be', () => {
  test('every fault of the configuration is a line, and nothing is begun', async () => {
    const studio = await startFromSource({ env: { PORT: 'abc', DATABASE_URL: 'sqlite:///x.db', DEBUG: 'perhaps' } });
    equal(await studio.exited, 1);
    const [faults = '', steps = ''] = studio.output().trim().split('\nWhat to do:\n');
    const lines = faults.split('\n');
    ok(
      lines.every((line) => line.startsWith('studio: ')),
      studio.output(),
    );
    match(steps, /^ {2}- studio config explain/);
    for (const name of ['PORT', 'DATABASE_URL', 'DEBUG']) equal(lines.filter((line) => line.includes(name)).length >= 1, true, name);
    equal(existsSync(join(studio.workspace, 'pg')), false);
  });

  test('a required endpoint that does not answer ends the start; one that answers anything lets it through', async () => {
    const closed = await startFromSource({ env: { MCP_REQUIRED_ENDPOINTS: `http://127.0.0.1:${await freePort()}/mcp`, MCP_WAIT_TIMEOUT_SECONDS: '1' } });
    equal(await closed.exited, 1);
    match(closed.output(), /MCP_REQUIRED_ENDPOINTS\) did not answer within 1 s: .*ECONNREFUSED/);
    deepEqual(pidsOf(closed.workspace), []);
    const refusing = createServer((_request, response) => response.writeHead(500).end());
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    const address = refusing.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const open = await startFromSource({ workspace: closed.workspace, env: { MCP_REQUIRED_ENDPOINTS: `http://127.0.0.1:${port}/mcp` } });
    await open.ready();
    equal(await open.stop(), 0);
    refusing.close();
  });

  test('a workspace that can not be written is told', async () => {
    const folder = makeWorkspace();
    writeFileSync(join(folder, 'file'), '');
    chmodSync(join(folder, 'file'), 0o400);
    const studio = await startFromSource({ workspace: join(folder, 'file') });
    equal(await studio.exited, 1);
    match(studio.output(), /WORKSPACE_PATH .*file can't be used/);
  });

  test('a page that the disk has changed: the page of the start stays and says so, and ending it is a stop as any other', async () => {
    const first = await startFromSource({ env: { POSTGRES_PASSWORD: strong } });
    await first.ready();
    const client = new pg.Client(embeddedDatabase(join(first.workspace, 'pg'), strong));
    await client.connect();
    await client.query('checkpoint');
    const { rows } = await client.query<{ path: string }>(`select pg_relation_filepath('queues') as path`);
    await client.end();
    equal(await first.stop(), 0);
    flipBit(join(first.workspace, 'pg', rows[0]?.path ?? ''), 4_000);
    const studio = await startFromSource({ workspace: first.workspace, env: { POSTGRES_PASSWORD: strong } });
    const view = async (): Promise<{ fault: string | null }> => (await (await fetch(`${studio.url}/health/boot`)).json()) as { fault: string | null };
    await until(
      () => studio.output(),
      async () => (await studio.health()) !== undefined && (await view()).fault !== null,
    );
    match((await view()).fault ?? '', /met damage \(invalid page in block 0 .*studio backup restore latest/);
    equal((await studio.health())?.status, 503);
    equal(await studio.stop(), 0);
  });
});
