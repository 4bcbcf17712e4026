/** One Studio over its whole life, as a process from source: kills, second ones, a database that goes away, the command line beside it. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { listProcesses, readArguments } from './kernel/process-identity.ts';
import { listeners } from './test/listeners.ts';
import { strong } from './test/loaded-config.ts';
import { endStudios, makeWorkspace, postmasterOf, redisOf, removeWorkspaces, runCommand, startFromSource } from './test/source-studio.ts';
import { freePort, pidsOf } from './test/studio-process.ts';
import { until } from './test/until.ts';

afterEach(endStudios);
after(removeWorkspaces);

describe('one Studio', () => {
  const workspace = makeWorkspace();
  let secrets = '';

  test('starts on nothing: port first, then everything; keeps its secrets closed; listens nowhere else', async () => {
    const studio = await startFromSource({ workspace });
    const phases = new Set<string>();
    await until(
      () => studio.output(),
      async () => {
        const health = await studio.health();
        phases.add(health?.body.phase ?? health?.body.status ?? '');
        return health?.status === 200;
      },
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
    const first = await startFromSource({ workspace });
    await first.ready();
    const [orphan, redis] = [postmasterOf(workspace), redisOf(workspace)];
    await first.kill();
    ok(pidsOf(workspace).includes(orphan), 'PostgreSQL outlives its supervisor');
    const second = await startFromSource({ workspace });
    await second.ready();
    ok(!pidsOf(workspace).includes(orphan) && !pidsOf(workspace).includes(redis));
    equal(readFileSync(join(workspace, '.env'), 'utf8'), secrets);
    equal(await second.stop(), 0);
  });

  test('answers 503 while PostgreSQL is away, and heals by itself; without Redis it is degraded', async () => {
    const studio = await startFromSource({ workspace });
    await studio.ready();
    for (let round = 0; round < 3; round++) {
      const pid = postmasterOf(workspace);
      process.kill(pid, 'SIGKILL');
      const replies = new Set<number>();
      await until(
        () => studio.output(),
        async () => {
          replies.add((await fetch(`${studio.url}/api/v1/users/me`, { headers: { authorization: 'Bearer stk_wrong' } })).status);
          return existsSync(join(workspace, 'pg/postmaster.pid')) && postmasterOf(workspace) !== pid && (await studio.health())?.status === 200;
        },
      );
      ok(
        [...replies].every((status) => status === 401 || status === 503),
        [...replies].join(),
      );
    }
    const redis = redisOf(workspace);
    ok(redis > 1);
    process.kill(redis, 'SIGKILL');
    await until(
      () => studio.output(),
      () => redisOf(workspace) !== redis && redisOf(workspace) !== -1,
    );
    await studio.ready();
    equal(studio.process.exitCode, null, 'Studio itself was not restarted');
    equal(await studio.stop(), 0);
  });

  test('a second one on the workspace, or on the port, is told who is there and leaves the first alone', async () => {
    const first = await startFromSource({ workspace });
    await first.ready();
    const second = await startFromSource({ workspace });
    equal(await second.exited, 1);
    match(second.output(), new RegExp(`Another Studio \\(pid ${first.process.pid}, port ${first.port}\\) holds ${workspace}`));
    const third = await startFromSource({ port: first.port });
    equal(await third.exited, 1);
    match(third.output(), new RegExp(`Port ${first.port} is taken by .*pid ${first.process.pid}.*another Studio`));
    equal((await first.health())?.status, 200);
    equal(await first.stop(), 0);
  });

  test('a second signal ends a stop at once, and the next start is none the worse', async () => {
    const studio = await startFromSource({ workspace });
    await studio.ready();
    // A stop that can't end: PostgreSQL waits for its last checkpoint.
    const checkpointer = listProcesses().find(
      ({ pid, parentPid }) => parentPid === postmasterOf(workspace) && readArguments(pid).join().includes('checkpointer'),
    );
    ok(checkpointer);
    process.kill(checkpointer.pid, 'SIGSTOP');
    studio.process.kill('SIGTERM');
    await until(
      () => studio.output(),
      async () => (await studio.health())?.body.status !== 'ok',
    );
    studio.process.kill('SIGTERM');
    equal(await studio.exited, 137);
    const next = await startFromSource({ workspace });
    await next.ready();
    equal(await next.stop(), 0);
  });

  test('one whose workspace was taken by another ends at once, and its servers with it', async () => {
    const studio = await startFromSource({ workspace });
    await studio.ready();
    writeFileSync(join(workspace, 'run/studio.lock'), JSON.stringify({ token: 'winner', pid: 1, host: 'elsewhere', beatAt: 0 }));
    equal(await studio.exited, 1);
    await until(
      () => `left: ${pidsOf(workspace).join()}`,
      () => pidsOf(workspace).length === 0,
    );
    rmSync(join(workspace, 'run/studio.lock'));
  });

  test('a changed POSTGRES_PASSWORD is learnt', async () => {
    const studio = await startFromSource({ workspace, env: { POSTGRES_PASSWORD: `other-${strong}` } });
    await studio.ready();
    equal(await studio.stop(), 0);
    const back = await startFromSource({ workspace });
    await back.ready();
    equal(await back.stop(), 0);
  });

  test('a directory it can not trust: the page says so, nothing is made anew, and it goes on once it is repaired', async () => {
    const version = join(workspace, 'pg/PG_VERSION');
    renameSync(version, `${version}.away`);
    const studio = await startFromSource({ workspace });
    const view = async (): Promise<{ fault: string | null }> => (await (await fetch(`${studio.url}/health/boot`)).json()) as { fault: string | null };
    await until(
      () => studio.output(),
      async () => (await studio.health()) !== undefined && (await view()).fault !== null,
    );
    match((await view()).fault ?? '', /can't be trusted.*PG_VERSION.*nothing was changed/);
    equal((await studio.health())?.status, 503);
    renameSync(`${version}.away`, version);
    await studio.ready();
    equal(await studio.stop(), 0);
  });

  test('the command line works beside it and without it', async () => {
    const studio = await startFromSource({ workspace });
    await studio.ready();
    const status = await runCommand(workspace, ['status', '--json']);
    deepEqual([status.code, (JSON.parse(status.out) as { pid: number }).pid], [0, studio.process.pid]);
    match((await runCommand(workspace, ['claim'])).out, /\/claim#token=/);
    match((await runCommand(workspace, ['db', 'check'])).out, /up to date/);
    match((await runCommand(workspace, ['db', 'rollback'])).out, /Studio runs: stop it first/);
    match((await runCommand(workspace, ['logs', '--lines', '5'])).out, /ready/);
    await studio.stop();
    equal((await runCommand(workspace, ['status'])).code, 3);
    match((await runCommand(workspace, ['db', 'status'])).out, /applied +0001/);
    match((await runCommand(workspace, ['reset-password', 'nobody@example.com'])).out, /no user "nobody@example.com"/);
    deepEqual(pidsOf(workspace), [], 'a command leaves no server behind');
    match((await runCommand(workspace, ['secrets', 'generate'])).out, /^[0-9a-f]{64}\n$/);
    equal((await runCommand(workspace, ['version'])).code, 0);
    equal((await runCommand(workspace, ['doctor', '--json'], { PORT: String(await freePort()) })).code, 0);
    equal((await runCommand(workspace, ['nonsense'])).code, 2);
    equal((await runCommand(workspace, ['status', '--nonsense'])).code, 2);
    const explain = await runCommand(workspace, ['config', 'explain'], { GUNICORN_WORKERS: '4' });
    match(explain.out, /Mode: embedded/);
    match(explain.out, /GUNICORN_WORKERS: ignored/);
    ok(!explain.out.includes(/JWT_SECRET_KEY=(\w+)/.exec(secrets)?.[1] ?? 'never'));
  });
});
