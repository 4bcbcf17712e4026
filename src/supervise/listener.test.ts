import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { createHealthBoard } from '../ops/health.ts';
import { freePort } from '../test/studio-process.ts';
import { createBootProgress } from './boot-progress.ts';
import { listen } from './listener.ts';
import { Refusal } from './refusal.ts';

async function started() {
  const port = await freePort();
  const progress = createBootProgress(
    () => 1_234,
    () => undefined,
  );
  const board = createHealthBoard({ progress });
  const listener = await listen({
    config: { host: '127.0.0.1', port, workspacePath: '/nonexistent', keepAliveS: 5, tlsCertFile: undefined, tlsKeyFile: undefined, tlsCaFile: undefined },
    progress,
    health: () => board.minimal(),
  });
  return { port, progress, board, listener, url: `http://127.0.0.1:${port}` };
}

test('from the first moment: health says starting, live says live, the API says when to come back', async () => {
  const { url, listener, progress } = await started();
  progress.enter('postgres');
  const health = await fetch(`${url}/health`);
  deepEqual([health.status, await health.json()], [503, { status: 'starting', phase: 'postgres' }]);
  equal((await fetch(`${url}/health/live`)).status, 200);
  const api = await fetch(`${url}/api/v1/workflows`, { headers: { accept: 'text/html' } });
  deepEqual([api.status, api.headers.get('retry-after')], [503, '1']);
  match(JSON.stringify(await api.json()), /"code":"starting"/);
  await listener.close(100);
});

test('a browser gets the boot page at any path, and its progress', async () => {
  const { url, listener, progress } = await started();
  progress.enter('migrate');
  const page = await fetch(`${url}/workflows/wf_1`, { headers: { accept: 'text/html' } });
  equal(page.status, 200);
  match(await page.text(), /id="studio-boot"/);
  const csp = page.headers.get('content-security-policy') ?? '';
  match(csp, /script-src 'self' 'sha256-/);
  ok(!/script-src[^;]*unsafe/.test(csp));
  const view = (await (await fetch(`${url}/health/boot`)).json()) as { phase: string; lines: string[]; elapsedMs: number };
  deepEqual([view.phase, view.elapsedMs], ['migrate', 1_234]);
  match(view.lines.join(), /Bringing the database up to date/);
  progress.setFault('PostgreSQL can not be trusted');
  match(await (await fetch(`${url}/api/v1/workflows`)).text(), /Studio can't start: PostgreSQL can not be trusted/);
  await listener.close(100);
});

test('the same port then belongs to the application; health stays here', async () => {
  const { url, listener, progress, board } = await started();
  listener.handOver({ answer: (_request, response) => response.end('the application'), upgrade: (_request, socket) => socket.destroy() });
  progress.enter('ready');
  equal(await (await fetch(`${url}/anything`)).text(), 'the application');
  deepEqual(await (await fetch(`${url}/health`)).json(), { status: 'ok' });
  board.report('redis', 'gone', false);
  const degraded = await fetch(`${url}/health`);
  deepEqual([degraded.status, await degraded.json()], [200, { status: 'degraded' }]);
  board.report('database', 'gone', true);
  equal((await fetch(`${url}/health`)).status, 503);
  board.report('database', null, true);
  board.setDraining();
  deepEqual(await (await fetch(`${url}/health`)).json(), { status: 'draining' });
  await listener.close(100);
});

test('a taken port is told with its number and its holder', async () => {
  const port = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  const progress = createBootProgress(
    () => 0,
    () => undefined,
  );
  await rejects(
    listen({
      config: { host: '127.0.0.1', port, workspacePath: '/nonexistent', keepAliveS: 5, tlsCertFile: undefined, tlsKeyFile: undefined, tlsCaFile: undefined },
      progress,
      health: () => ({ httpStatus: 200, body: {} }),
    }),
    (error: unknown) => {
      ok(error instanceof Refusal);
      match(error.message, new RegExp(`Port ${port} is taken by .*\\(pid ${process.pid}.*set PORT`));
      return true;
    },
  );
  await new Promise((resolve) => other.close(resolve));
});

test('a stop waits for answers that are under way, and cuts what takes too long', async () => {
  const { url, listener } = await started();
  listener.handOver({
    answer(request, response) {
      if (request.url === '/slow') systemClock.after(150, () => response.end('whole'));
    },
    upgrade: (_request, socket) => socket.destroy(),
  });
  const slow = fetch(`${url}/slow`).then((reply) => reply.text());
  const stuck = fetch(`${url}/never`).then(
    () => 'answered',
    () => 'cut',
  );
  await systemClock.sleep(50);
  await listener.close(600);
  deepEqual([await slow, await stuck], ['whole', 'cut']);
});
