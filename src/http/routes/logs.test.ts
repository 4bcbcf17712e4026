/** Logs over the API and the socket: who may read them, what they filter, that each line of a request names it, that no secret stands in them, and levels live. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { createLogger, maskSecrets } from '../../kernel/log.ts';
import { systemClock } from '../../kernel/clock.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { itemsOf } from '../../test/api-client.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

const admin = () => app.people.superAdmin.client;

/** Lines reach the file in the background. */
async function linesOf(query: string, isEnough: (items: readonly Record<string, unknown>[]) => boolean): Promise<readonly Record<string, unknown>[]> {
  for (;;) {
    const items = itemsOf(await admin().expect(200, 'GET', `/api/v1/logs?${query}`));
    if (isEnough(items)) return items;
    await systemClock.sleep(20);
  }
}

test('every line of a request carries its id, which stands in the answer and in errors', async () => {
  const requestId = 'trace-me-0001';
  const reply = await admin().call('GET', '/api/v1/workflows/wf_nothing', { headers: { 'x-request-id': requestId } });
  equal(reply.status, 404);
  equal(reply.headers['x-request-id'], requestId);
  equal((reply.body as { error: { requestId: string } }).error.requestId, requestId);
  const lines = await linesOf(`requestId=${requestId}`, (items) => items.length > 0);
  deepEqual([...new Set(lines.map((line) => line['requestId']))], [requestId]);
  ok(lines.some((line) => line['message'] === 'request answered'));
});

test('lines are found by level, text and time, newest first, page by page', async () => {
  for (let turn = 0; turn < 5; turn++) await admin().call('GET', `/api/v1/workflows/wf_page${turn}`, { headers: { 'x-request-id': `page-mark-${turn}` } });
  const lines = await linesOf('text=page-mark-', (items) => items.length >= 5);
  ok(lines.every((line, at) => at === 0 || String(line['at']) <= String(lines[at - 1]?.['at'])));
  const first = await admin().expect(200, 'GET', '/api/v1/logs?text=page-mark-&limit=2');
  const second = await admin().expect(200, 'GET', `/api/v1/logs?text=page-mark-&limit=2&after=${String(first['next'])}`);
  const ids = [...itemsOf(first), ...itemsOf(second)].map((line) => line['id']);
  equal(new Set(ids).size, 4);
  deepEqual(itemsOf(await admin().expect(200, 'GET', '/api/v1/logs?level=fatal')), []);
  deepEqual(itemsOf(await admin().expect(200, 'GET', `/api/v1/logs?since=${encodeURIComponent(new Date(systemClock.now() + 3_600_000).toISOString())}`)), []);
  const missing = await admin().call('GET', '/api/v1/logs?service=nobody');
  equal(missing.status, 404);
  match(missing.text, /studio, postgres, redis/);
});

test('only a super administrator reads them, over the API and over the socket', async () => {
  equal((await app.people.admin.client.call('GET', '/api/v1/logs')).status, 403);
  equal((await app.anonymous.call('GET', '/api/v1/logs')).status, 401);
  const signedIn = await app.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email: app.people.admin.email, password: 'a long enough password 42' });
  const frames = await hear(String(signedIn['accessToken']), (all) => all.some((frame) => frame['type'] === 'subscribed'));
  deepEqual(frames.find((frame) => frame['type'] === 'subscribed')?.['denied'], ['machine_log:studio']);
});

test('who may follows the log over the socket from a byte on', async () => {
  const signedIn = await app.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email: app.people.superAdmin.email, password: 'a long enough password 42' });
  const { end } = await admin().expect(200, 'GET', '/api/v1/logs?limit=1');
  const frames = await hear(
    String(signedIn['accessToken']),
    (all) => all.some((frame) => frame['type'] === 'log' && String(frame['text']).includes('followed-mark')),
    String(end),
    () => void admin().call('GET', '/api/v1/workflows/wf_x', { headers: { 'x-request-id': 'followed-mark' } }),
  );
  ok(frames.some((frame) => frame['type'] === 'log'));
});

test('the level changes at once, for a while, and is written down', async () => {
  const before = await admin().expect(200, 'GET', '/api/v1/logs/level');
  equal(before['configured'], 'debug');
  const set = await admin().expect(200, 'PUT', '/api/v1/logs/level', { level: 'warn', forMs: 3_600_000 });
  equal(set['level'], 'warn');
  ok(Date.parse(String(set['until'])) > systemClock.now());
  equal((await admin().call('GET', '/api/v1/workflows/wf_quiet', { headers: { 'x-request-id': 'quiet-mark-1' } })).status, 404);
  ok(!app.logged().includes('quiet-mark-1'));
  const back = await admin().expect(200, 'PUT', '/api/v1/logs/level', { level: null });
  deepEqual(back, { level: 'debug', configured: 'debug', until: null });
  const trail = itemsOf(await admin().expect(200, 'GET', '/api/v1/audit?limit=50'));
  ok(trail.some((entry) => entry['action'] === 'logs.level_set'));
});

test('a line carries its own fields and none of the line before', () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', destination: { write: (line) => void lines.push(line) } });
  log.info({ service: 'postgres', state: 'running' }, 'first');
  log.info({ epoch: 1 }, 'second');
  const { level, time: _time, ...rest } = JSON.parse(lines[1] ?? '') as Record<string, unknown>;
  deepEqual([level, rest], ['info', { epoch: 1, msg: 'second' }]);
});

test('no secret reaches a line, whichever way it came', () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', destination: { write: (line) => void lines.push(line) } });
  const secrets = [
    'hunter2hunter2',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl',
    'hf_abcdefghijklmnopqrst',
    'sk-abcdefghijklmnopqrst0123',
    'stk_abcdefghijklmnopqrst0123',
  ];
  log.info({ password: secrets[0], settings: { token: secrets[1] }, key: secrets[3] }, 'fields');
  log.warn({ cause: `connect postgres://studio:${secrets[0]}@db.example.com:5432/x failed` }, 'a URL');
  log.warn({ cause: `401 for Authorization: Bearer ${secrets[1]}` }, `asked with ${secrets[2]}, ${secrets[3]} and ${secrets[4]}`);
  log.error({ url: `https://example.com/hook?token=${secrets[0]}&x=1` }, 'a query');
  const text = lines.join('');
  deepEqual(
    secrets.filter((secret) => text.includes(secret)),
    [],
  );
  match(text, /postgres:\/\/studio:\[redacted\]@db\.example\.com/);
  equal(maskSecrets('the metric studio_shadow_lag_seconds of studio-workflows-of-today'), 'the metric studio_shadow_lag_seconds of studio-workflows-of-today');
  equal(maskSecrets('nothing to hide at https://example.com/a?b=c'), 'nothing to hide at https://example.com/a?b=c');
  for (const line of lines) JSON.parse(line);
});

/** Subscribes to Studio's log and keeps what comes until it is enough. */
async function hear(
  token: string,
  isEnough: (frames: readonly Record<string, unknown>[]) => boolean,
  since = '0',
  then: () => void = () => undefined,
): Promise<readonly Record<string, unknown>[]> {
  const socket = new WebSocket(`${app.url.replace('http', 'ws')}/api/v1/realtime`, ['studio.v1', `Bearer.${token}`]);
  const frames: Record<string, unknown>[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe', id: '1', rooms: ['machine_log:studio'], since: { 'machine_log:studio': since } })));
    socket.on('message', (data: Buffer) => {
      frames.push(JSON.parse(data.toString()) as Record<string, unknown>);
      if (frames.at(-1)?.['type'] === 'subscribed') then();
      if (isEnough(frames)) resolve();
    });
  });
  socket.terminate();
  return frames;
}
