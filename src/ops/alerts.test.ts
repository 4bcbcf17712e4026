/** Alerts are told once when they begin and once when they are over, whatever comes and goes between, over restarts, and while the database is away. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import pg from 'pg';
import { alertSettings } from '../contract/alerts.ts';
import type { Gpu } from '../gpu/device.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import { startApp } from '../test/app.ts';
import { itemsOf } from '../test/api-client.ts';
import { readingsOf } from './alert-rules.ts';
import { createAlerts, type AlertMessage, type Alerts } from './alerts.ts';
import type { BackupFigures } from './watched.ts';
import type { Snapshot } from './vitals.ts';
import { createWorkMeter } from './work-meter.ts';

const good: Snapshot = {
  atMs: 0,
  database: { ok: true, ms: 1 },
  redis: { ok: true, ms: 1 },
  store: { connections: 5, maxConnections: 60, workflows: 0, outboxLagMs: 0 },
  queues: [{ queue: 'studio', pending: 0, running: 0, stuck: 0, hasWorker: true }],
  workers: [{ id: 'w', queues: ['studio'], slots: 1, beatAgeMs: 100, jobs: [] }],
  redisFacts: undefined,
  disk: { freeBytes: 50, totalBytes: 100, freeInodes: 50, totalInodes: 100 },
};
const S = 1_000;

let db: TestDatabase;
let clock: FakeClock;
let snapshot: Snapshot;
let told: string[];
let toldNow: string[];
let isAway = false;
before(async () => {
  db = await testDatabase();
});
after(() => db.close());
beforeEach(async () => {
  await db.database.engine.query('delete from alerts');
  await db.database.engine.query('delete from machine_settings');
  clock = fakeClock();
  snapshot = good;
  told = [];
  toldNow = [];
  isAway = false;
});

async function start(): Promise<Alerts> {
  const say = (list: string[]) => async (message: AlertMessage) => {
    if (isAway && list === told) throw new Error('the database is away');
    list.push(message.title);
    return { notifications: 1, deliveries: [] };
  };
  const alerts = createAlerts({
    ...{ database: db.database, clock, log: silentLog, meter: createWorkMeter(clock), watched: { backup: () => undefined }, gpus: () => [] },
    vitals: { read: async () => snapshot, loopDelayMs: () => 0, stop: () => undefined },
    tell: say(told),
    tellNow: async (message) => void (await say(toldNow)(message)),
  });
  await alerts.start();
  return alerts;
}

/** Looks every ten seconds, as the timer does. */
async function pass(alerts: Alerts, seconds: number): Promise<void> {
  for (let at = 0; at < seconds; at += 10) {
    clock.jump(10 * S);
    await alerts.look();
  }
}

async function asOwner(statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: db.adminUrl });
  await admin.connect();
  await admin.query(statement);
  await admin.end();
}

test('what is bad for long enough is told once, and once when it is over', async () => {
  const alerts = await start();
  await pass(alerts, 70);
  snapshot = { ...good, redis: { ok: false, ms: 3, reason: 'ECONNREFUSED' } };
  await pass(alerts, 100);
  deepEqual(told, []);
  await pass(alerts, 60);
  deepEqual(told, ['Redis does not answer']);
  await pass(alerts, 600);
  snapshot = good;
  await pass(alerts, 100);
  deepEqual(told, ['Redis does not answer']);
  await pass(alerts, 60);
  deepEqual(told, ['Redis does not answer', 'Over: Redis does not answer']);
  const [last] = await alerts.list({ status: undefined, after: undefined, limit: 10 });
  equal(last?.rule, 'redis');
  equal(last?.help, '/docs/troubleshooting/redis');
  ok(last?.resolvedAt !== null);
  await alerts.stop();
});

test('what comes and goes is told once', async () => {
  const alerts = await start();
  await pass(alerts, 70);
  for (let turn = 0; turn < 10; turn++) {
    snapshot = { ...good, disk: { freeBytes: 5, totalBytes: 100, freeInodes: 50, totalInodes: 100 } };
    await pass(alerts, 80);
    snapshot = good;
    await pass(alerts, 40);
  }
  deepEqual(told, ['The disk fills up']);
  await alerts.stop();
});

test('a restart tells nothing again, and nothing new in its first minute', async () => {
  const bad = { ...good, redis: { ok: false, ms: 3, reason: 'gone' } };
  const first = await start();
  snapshot = bad;
  await pass(first, 200);
  await first.stop();
  deepEqual(told, ['Redis does not answer']);
  for (let turn = 0; turn < 3; turn++) {
    const next = await start();
    // Workers have not beaten yet.
    snapshot = { ...bad, workers: [] };
    await pass(next, 50);
    snapshot = bad;
    await pass(next, 60);
    await next.stop();
  }
  deepEqual(told, ['Redis does not answer']);
  const last = await start();
  snapshot = good;
  await pass(last, 150);
  deepEqual(told, ['Redis does not answer', 'Over: Redis does not answer']);
  await last.stop();
});

test('while the database is away it is told at once past it, and recorded when it is back', async () => {
  const alerts = await start();
  await pass(alerts, 70);
  isAway = true;
  snapshot = { ...good, database: { ok: false, ms: 3_000, reason: 'no answer' }, store: undefined, queues: undefined, workers: undefined };
  await asOwner('alter table alerts rename to alerts_away');
  await pass(alerts, 120);
  deepEqual([told, toldNow], [[], ['The database does not answer']]);
  await asOwner('alter table alerts_away rename to alerts');
  isAway = false;
  await pass(alerts, 20);
  deepEqual(told, ['The database does not answer']);
  await alerts.stop();
});

test('a Studio that died and was away says so when it is back; one that was stopped does not', async () => {
  const alerts = await start();
  await pass(alerts, 70);
  // It dies here: nothing says that it was stopped.
  clock.jump(600 * S);
  const next = await start();
  equal(told.length, 1);
  match(told[0] ?? '', /^Studio was down for 10 min$/);
  await next.stop();
  await alerts.stop();
  clock.jump(600 * S);
  await (await start()).stop();
  equal(told.length, 1);
});

test('each rule sees its own fault, and a muted one sees nothing', () => {
  const gpu = { index: 0, uuid: 'GPU-1', name: 'card', state: 'lost', temperatureC: 95, reason: 'fell off the bus' } as Gpu;
  const kinds = { logical: 1, physical: 0 };
  const backup: BackupFigures = { isWanted: true, lastSuccessMs: 0, lastFailureMs: null, fault: null, lastVerifiedMs: 1, isVerifiedOk: false, bytes: 1, kinds };
  const bad: Snapshot = {
    ...good,
    database: { ok: false, ms: 1, reason: 'x' },
    redis: { ok: false, ms: 1, reason: 'x' },
    workers: [],
    queues: [{ queue: 'gpu', pending: 2, running: 0, stuck: 2, hasWorker: false }],
    disk: { freeBytes: 1, totalBytes: 100, freeInodes: 1, totalInodes: 100 },
  };
  const facts = {
    nowMs: 100 * 3_600_000,
    snapshot: bad,
    gpus: [gpu],
    backup,
    loopDelayMs: 5_000,
    errorRate: 0.9,
    ended: 50,
    requests: 100,
    failedRequests: 90,
  };
  const rulesOf = (settings: ReturnType<typeof alertSettings.parse>): string[] => [
    ...new Set(
      readingsOf(facts, settings)
        .filter(({ isBad }) => isBad)
        .map(({ rule }) => rule),
    ),
  ];
  deepEqual(rulesOf(alertSettings.parse({})).toSorted(), [
    'api',
    'backup',
    'backup_proof',
    'database',
    'disk',
    'errors',
    'gpu',
    'gpu_hot',
    'jobs',
    'redis',
    'workers',
  ]);
  deepEqual(rulesOf(alertSettings.parse({ muted: ['gpu', 'disk'] })).includes('disk'), false);
  deepEqual(
    readingsOf(
      { ...facts, snapshot: good, gpus: [], backup: undefined, loopDelayMs: 0, errorRate: 0, ended: 0, requests: 0, failedRequests: 0 },
      alertSettings.parse({}),
    ).filter(({ isBad }) => isBad),
    [],
  );
});

test('settings are kept, and a test alert reaches the administrators and the webhook', async () => {
  const app = await startApp();
  try {
    const { client } = app.people.superAdmin;
    const defaults = await client.expect(200, 'GET', '/api/v1/alerts/settings');
    const set = await client.expect(200, 'PUT', '/api/v1/alerts/settings', {
      ...defaults,
      email: ['admins'],
      webhook: { url: 'https://hooks.example.com/x' },
      redisS: 600,
    });
    equal(set['redisS'], 600);
    deepEqual(await client.expect(200, 'GET', '/api/v1/alerts/settings'), set);
    await client.expect(400, 'PUT', '/api/v1/alerts/settings', { webhook: { url: 'https://a.example', urlSecret: 'B' } });
    const sent = await client.expect(202, 'POST', '/api/v1/alerts/test', {});
    equal(sent['notifications'], 2);
    ok(Array.isArray(sent['deliveries']) && sent['deliveries'].length === 3);
    deepEqual(itemsOf(await app.people.user.client.expect(200, 'GET', '/api/v1/alerts')), []);
    equal((await app.people.admin.client.call('GET', '/api/v1/alerts/settings')).status, 403);
  } finally {
    await app.close();
  }
});
