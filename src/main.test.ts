import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import pg from 'pg';
import { systemClock } from './kernel/clock.ts';
import { listProcesses, readArguments } from './kernel/process-identity.ts';
import { startTestServer } from './test/postgres.ts';
import { root } from './test/source-files.ts';
import { freePort, pidsOf } from './test/studio-process.ts';

/** Whole processes, from source: no build is needed, and children die with the test. */

const strong = 'c0ffee1db74a9e352f6d8b0a1c3e5f7092b4d6f8a1c3e5f7092b4d6f8a1c3e5f';
const folders: string[] = [];
const running = new Set<Started>();

interface Started {
  readonly process: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly workspace: string;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  health(): Promise<{ status: number; body: { status?: string; phase?: string } } | undefined>;
  ready(): Promise<void>;
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

function makeWorkspace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'studio-main-'));
  folders.push(folder);
  return folder;
}

function inherited(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root' };
}

async function start(options: { workspace?: string; env?: Record<string, string>; port?: number } = {}): Promise<Started> {
  const workspace = options.workspace ?? makeWorkspace();
  const port = options.port ?? (await freePort());
  const child = spawn(process.execPath, [join(root, 'src/cli.ts'), 'start'], {
    env: { ...inherited(), HOST: '127.0.0.1', PORT: String(port), WORKSPACE_PATH: workspace, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (text += more));
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const started: Started = {
    process: child,
    url: `http://127.0.0.1:${port}`,
    port,
    workspace,
    output: () => text,
    exited,
    async health() {
      try {
        const reply = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2_000) });
        return { status: reply.status, body: (await reply.json()) as { status?: string; phase?: string } };
      } catch {
        return undefined;
      }
    },
    ready: () =>
      until(
        async () => (await started.health())?.status === 200,
        () => `not ready; ${text.slice(-2_000)}`,
      ),
    async stop() {
      child.kill('SIGTERM');
      const code = await exited;
      running.delete(started);
      return code;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
      running.delete(started);
    },
  };
  running.add(started);
  void exited.then(() => running.delete(started));
  return started;
}

/** Looks until it is so. @throws with what `about` says after a minute: no test relies on how long it takes */
async function until(look: () => Promise<boolean> | boolean, about: () => string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await look()) return;
    await systemClock.sleep(100);
  }
  throw new Error(about());
}

function postmaster(workspace: string): number {
  return Number(readFileSync(join(workspace, 'pg/postmaster.pid'), 'utf8').split('\n')[0]);
}

function redisPid(workspace: string): number {
  return listProcesses().find((facts) => facts.name.startsWith('redis') && readArguments(facts.pid).join(' ').includes(workspace))?.pid ?? -1;
}

async function cli(workspace: string, args: readonly string[], env: Record<string, string> = {}): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [join(root, 'src/cli.ts'), ...args], {
    env: { ...inherited(), WORKSPACE_PATH: workspace, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (out += more));
  return { code: await new Promise((resolve) => child.once('close', resolve)), out };
}

afterEach(async () => {
  for (const one of running) await one.kill();
});

after(() => {
  for (const folder of folders) {
    for (const pid of pidsOf(folder)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
});

describe('one Studio', () => {
  const workspace = makeWorkspace();
  let secrets = '';

  test('starts on nothing: port first, then everything; keeps its secrets closed; listens nowhere else', async () => {
    const studio = await start({ workspace });
    const phases = new Set<string>();
    await until(
      async () => {
        const health = await studio.health();
        phases.add(health?.body.phase ?? health?.body.status ?? '');
        return health?.status === 200;
      },
      () => studio.output(),
    );
    ok(phases.has('postgres'), `the port answers while PostgreSQL starts: ${[...phases].join()}`);
    secrets = readFileSync(join(workspace, '.env'), 'utf8');
    equal(statSync(join(workspace, '.env')).mode & 0o777, 0o600);
    equal(readFileSync(join(workspace, 'run/studio.pid'), 'utf8').trim(), String(studio.process.pid));
    equal(statSync(join(workspace, 'claim-url')).mode & 0o777, 0o600);
    match(studio.output(), /claim this Studio at http/);
    ok(!readFileSync(join(workspace, 'logs/studio.log'), 'utf8').includes('claim#token'), 'the claim link stands in no log');
    const pids = pidsOf(workspace);
    const listening = listeners().filter((line) => pids.some((pid) => line.includes(`pid=${pid},`)));
    equal(listening.length, 1, listening.join('\n'));
    equal(await studio.stop(), 0);
    deepEqual(pidsOf(workspace), []);
    equal(existsSync(join(workspace, 'run/studio.pid')), false);
  });

  test('goes on after a kill -9, with the same secrets, and ends the servers that it left', async () => {
    const first = await start({ workspace });
    await first.ready();
    const [orphan, redis] = [postmaster(workspace), redisPid(workspace)];
    await first.kill();
    ok(pidsOf(workspace).includes(orphan), 'PostgreSQL outlives its supervisor');
    const second = await start({ workspace });
    await second.ready();
    ok(!pidsOf(workspace).includes(orphan) && !pidsOf(workspace).includes(redis));
    equal(readFileSync(join(workspace, '.env'), 'utf8'), secrets);
    equal(await second.stop(), 0);
  });

  test('answers 503 while PostgreSQL is away, and heals by itself; without Redis it is degraded', async () => {
    const studio = await start({ workspace });
    await studio.ready();
    for (let round = 0; round < 3; round++) {
      const pid = postmaster(workspace);
      process.kill(pid, 'SIGKILL');
      const replies = new Set<number>();
      await until(
        async () => {
          replies.add((await fetch(`${studio.url}/api/v1/users/me`, { headers: { authorization: 'Bearer stk_wrong' } })).status);
          return existsSync(join(workspace, 'pg/postmaster.pid')) && postmaster(workspace) !== pid && (await studio.health())?.status === 200;
        },
        () => studio.output(),
      );
      ok(
        [...replies].every((status) => status === 401 || status === 503),
        [...replies].join(),
      );
    }
    const redis = redisPid(workspace);
    ok(redis > 1);
    process.kill(redis, 'SIGKILL');
    await until(
      () => redisPid(workspace) !== redis && redisPid(workspace) !== -1,
      () => studio.output(),
    );
    await studio.ready();
    equal(studio.process.exitCode, null, 'Studio itself was not restarted');
    equal(await studio.stop(), 0);
  });

  test('a second one on the workspace, or on the port, is told who is there and leaves the first alone', async () => {
    const first = await start({ workspace });
    await first.ready();
    const second = await start({ workspace });
    equal(await second.exited, 1);
    match(second.output(), new RegExp(`Another Studio \\(pid ${first.process.pid}, port ${first.port}\\) holds ${workspace}`));
    const third = await start({ port: first.port });
    equal(await third.exited, 1);
    match(third.output(), new RegExp(`Port ${first.port} is taken by .*pid ${first.process.pid}.*another Studio`));
    equal((await first.health())?.status, 200);
    equal(await first.stop(), 0);
  });

  test('a second signal ends a stop at once, and the next start is none the worse', async () => {
    const studio = await start({ workspace });
    await studio.ready();
    // A stop that can't end: PostgreSQL waits for its last checkpoint.
    const checkpointer = listProcesses().find(
      ({ pid, parentPid }) => parentPid === postmaster(workspace) && readArguments(pid).join().includes('checkpointer'),
    );
    ok(checkpointer);
    process.kill(checkpointer.pid, 'SIGSTOP');
    studio.process.kill('SIGTERM');
    await until(
      async () => (await studio.health())?.body.status !== 'ok',
      () => studio.output(),
    );
    studio.process.kill('SIGTERM');
    equal(await studio.exited, 137);
    const next = await start({ workspace });
    await next.ready();
    equal(await next.stop(), 0);
  });

  test('one whose workspace was taken by another ends at once, and its servers with it', async () => {
    const studio = await start({ workspace });
    await studio.ready();
    writeFileSync(join(workspace, 'run/studio.lock'), JSON.stringify({ token: 'winner', pid: 1, host: 'elsewhere', beatAt: 0 }));
    equal(await studio.exited, 1);
    await until(
      () => pidsOf(workspace).length === 0,
      () => `left: ${pidsOf(workspace).join()}`,
    );
    rmSync(join(workspace, 'run/studio.lock'));
  });

  test('a changed POSTGRES_PASSWORD is learnt', async () => {
    const studio = await start({ workspace, env: { POSTGRES_PASSWORD: `other-${strong}` } });
    await studio.ready();
    equal(await studio.stop(), 0);
    const back = await start({ workspace });
    await back.ready();
    equal(await back.stop(), 0);
  });

  test('a directory it can not trust: the page says so, nothing is made anew, and it goes on once it is repaired', async () => {
    const version = join(workspace, 'pg/PG_VERSION');
    renameSync(version, `${version}.away`);
    const studio = await start({ workspace });
    const view = async (): Promise<{ fault: string | null }> => (await (await fetch(`${studio.url}/health/boot`)).json()) as { fault: string | null };
    await until(
      async () => (await studio.health()) !== undefined && (await view()).fault !== null,
      () => studio.output(),
    );
    match((await view()).fault ?? '', /can't be trusted.*PG_VERSION.*nothing was changed/);
    equal((await studio.health())?.status, 503);
    renameSync(`${version}.away`, version);
    await studio.ready();
    equal(await studio.stop(), 0);
  });

  test('the command line works beside it and without it', async () => {
    const studio = await start({ workspace });
    await studio.ready();
    const status = await cli(workspace, ['status', '--json']);
    deepEqual([status.code, (JSON.parse(status.out) as { pid: number }).pid], [0, studio.process.pid]);
    match((await cli(workspace, ['claim'])).out, /\/claim#token=/);
    match((await cli(workspace, ['db', 'check'])).out, /up to date/);
    match((await cli(workspace, ['db', 'rollback'])).out, /Studio runs: stop it first/);
    match((await cli(workspace, ['logs', '--lines', '5'])).out, /ready/);
    await studio.stop();
    equal((await cli(workspace, ['status'])).code, 3);
    match((await cli(workspace, ['db', 'status'])).out, /applied +0001/);
    match((await cli(workspace, ['reset-password', 'nobody@example.com'])).out, /no user "nobody@example.com"/);
    deepEqual(pidsOf(workspace), [], 'a command leaves no server behind');
    match((await cli(workspace, ['secrets', 'generate'])).out, /^[0-9a-f]{64}\n$/);
    equal((await cli(workspace, ['version'])).code, 0);
    equal((await cli(workspace, ['doctor', '--json'], { PORT: String(await freePort()) })).code, 0);
    equal((await cli(workspace, ['nonsense'])).code, 2);
    equal((await cli(workspace, ['status', '--nonsense'])).code, 2);
    const explain = await cli(workspace, ['config', 'explain'], { GUNICORN_WORKERS: '4' });
    match(explain.out, /Mode: embedded/);
    match(explain.out, /GUNICORN_WORKERS: ignored/);
    ok(!explain.out.includes(/JWT_SECRET_KEY=(\w+)/.exec(secrets)?.[1] ?? 'never'));
  });
});

describe('the database of a URL', () => {
  test("RunPod's block makes that login and database, on the loopback only", async () => {
    const port = await freePort();
    const studio = await start({
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
      const unready = await start({ env: { ...env, CREATE_TABLES: 'false' } });
      equal(await unready.exited, 1);
      // Neither roles nor tables are there, and may not be made.
      match(unready.output(), /create role studio_owner/);
      const studio = await start({ env });
      await studio.ready();
      deepEqual((await studio.health())?.body, { status: 'ok' });
      equal(existsSync(join(studio.workspace, 'pg')), false, 'no server of its own');
      redis.kill('SIGKILL');
      await until(
        async () => (await studio.health())?.body.status === 'degraded',
        () => studio.output(),
      );
      equal((await studio.health())?.status, 200);
      equal(await studio.stop(), 0);
    } finally {
      redis.kill('SIGKILL');
      await server.stop();
    }
    const lost = await start({
      env: { ...env, DB_HEALTHCHECK_TIMEOUT_SECONDS: '1', DB_HEALTHCHECK_INTERVAL_SECONDS: '1', DATABASE_URL: `postgresql://u:p@127.0.0.2:${port}/x` },
    });
    equal(await lost.exited, 1);
    match(lost.output(), /127\.0\.0\.2:\d+ did not answer within 1 s \(DB_HEALTHCHECK_TIMEOUT_SECONDS\).*ECONNREFUSED/);
  });
});

describe('a start that can not be', () => {
  test('every fault of the configuration is a line, and nothing is begun', async () => {
    const studio = await start({ env: { PORT: 'abc', DATABASE_URL: 'sqlite:///x.db', DEBUG: 'perhaps' } });
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
    const closed = await start({ env: { MCP_REQUIRED_ENDPOINTS: `http://127.0.0.1:${await freePort()}/mcp`, MCP_WAIT_TIMEOUT_SECONDS: '1' } });
    equal(await closed.exited, 1);
    match(closed.output(), /MCP_REQUIRED_ENDPOINTS\) did not answer within 1 s: .*ECONNREFUSED/);
    deepEqual(pidsOf(closed.workspace), []);
    const refusing = createServer((_request, response) => response.writeHead(500).end());
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    const address = refusing.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const open = await start({ workspace: closed.workspace, env: { MCP_REQUIRED_ENDPOINTS: `http://127.0.0.1:${port}/mcp` } });
    await open.ready();
    equal(await open.stop(), 0);
    refusing.close();
  });

  test('a workspace that can not be written is told', async () => {
    const folder = makeWorkspace();
    writeFileSync(join(folder, 'file'), '');
    chmodSync(join(folder, 'file'), 0o400);
    const studio = await start({ workspace: join(folder, 'file') });
    equal(await studio.exited, 1);
    match(studio.output(), /WORKSPACE_PATH .*file can't be used/);
  });
});

/** Every TCP socket that listens, one line each: address, port and the pid that holds it. */
function listeners(): readonly string[] {
  const owners = new Map(listProcesses().flatMap(({ pid }) => socketsOf(pid).map((socket) => [socket, pid] as const)));
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => readFileSync(table, 'utf8').trim().split('\n').slice(1));
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    if (state !== '0A') return [];
    const [address = '', port = '0'] = local.split(':');
    return [`${address === '0100007F' ? '127.0.0.1' : address}:${Number.parseInt(port, 16)} pid=${owners.get(`socket:[${inode}]`) ?? 0},`];
  });
}

function socketsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
      .filter((link) => link.startsWith('socket:'));
  } catch {
    return []; // Gone meanwhile.
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
