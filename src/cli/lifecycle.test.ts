import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setEnvValue } from '../config/env-file.ts';
import { createApiClient } from '../test/api-client.ts';
import { runCommand } from '../test/source-studio.ts';
import { freePort, pidsOf } from '../test/studio-process.ts';

/** One Studio under the hands of its operator, from the first command to the last. */

const workspace = mkdtempSync(join(tmpdir(), 'studio-lifecycle-'));
const port = await freePort();
const base = { HOME: workspace, HOST: '127.0.0.1', PORT: String(port) };

after(() => {
  for (const pid of pidsOf(workspace)) process.kill(pid, 'SIGKILL');
  rmSync(workspace, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

const studio = (...args: readonly string[]) => runCommand(workspace, args, base);

const pidFile = (): string => readFileSync(join(workspace, 'run/studio.pid'), 'utf8').trim();

describe('an operator', () => {
  test('starts it in the background, and it can work when the command ends', async () => {
    const started = await studio('start', '--background');
    deepEqual([started.code, /Studio runs \(pid \d+, port \d+\)/.test(started.out)], [0, true], started.out);
    equal((await studio('status', '--ready')).code, 0);
  });

  test('asks how it is, before anybody has claimed it', async () => {
    const health = await studio('health');
    equal(health.code, 0, health.out);
    match(health.out, /^ok +database/m);
    match(health.out, /^ok +service postgres/m);
    const workers = JSON.parse((await studio('workers', '--json')).out) as { items: object[]; withoutWorker: string[] };
    deepEqual([workers.items.length, workers.withoutWorker], [1, []]);
    match((await studio('links')).out, new RegExp(`claim +http://localhost:${port}/claim#token=`));
    const checked = JSON.parse((await studio('db', 'check', '--json')).out) as object;
    deepEqual({ ...checked, ok: true, verdict: 'ok', pending: [], missing: [] }, checked);
  });

  test('changes a setting, reloads, and is told what needs a restart', async () => {
    match((await studio('config', 'set', 'LOG_LEVEL', 'debug')).out, /studio reload/);
    setEnvValue(workspace, 'CORS_ORIGINS', 'https://app.example.com');
    setEnvValue(workspace, 'MAX_CONCURRENT_STARTS', '3');
    const reloaded = await studio('reload');
    equal(reloaded.code, 0, reloaded.out);
    match(reloaded.out, /in effect +LOG_LEVEL/);
    match(reloaded.out, /in effect +CORS_ORIGINS/);
    match(reloaded.out, /needs restart +MAX_CONCURRENT_STARTS/);
    match((await studio('logs', '--text', 'the log level changes')).out, /from=info +to=debug/);
    const preflight = { method: 'OPTIONS', headers: { origin: 'https://app.example.com', 'access-control-request-method': 'GET' } };
    equal((await fetch(`http://127.0.0.1:${port}/api/v1/users/me`, preflight)).status, 204);
  });

  test('looks at what runs beside it and starts it anew, once somebody has claimed it', async () => {
    const token = /token=(\S+)/.exec(readFileSync(join(workspace, 'claim-url'), 'utf8'))?.[1] ?? '';
    await createApiClient(`http://127.0.0.1:${port}`).expect(201, 'POST', '/api/v1/auth/claim', {
      ...{ token: decodeURIComponent(token), email: 'owner@example.com', password: 'correct horse battery staple', name: 'Owner' },
    });
    match((await studio('services', 'restart', 'redis')).out, /^redis: (running|starting)/m);
    match((await studio('services')).out, /^redis .*(exit code 0|killed by)/m);
  });

  test('restarts it: another process on the same port, with what is waiting for a restart', async () => {
    const before = pidFile();
    const restarted = await studio('restart');
    equal(restarted.code, 0, restarted.out);
    notEqual(pidFile(), before);
  });

  test('stops it', async () => {
    const stopped = await studio('stop');
    deepEqual([stopped.code, /has stopped/.test(stopped.out)], [0, true], stopped.out);
  });
});
