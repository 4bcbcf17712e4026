import assert from 'node:assert/strict';
import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { systemClock } from '../kernel/clock.ts';
import { createListener, type Listener } from '../store/listen.ts';
import { currentCursor } from '../store/outbox.ts';
import { findRedis, startRedis, type Redis as RedisServer } from '../supervise/redis.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { commitEvents, connectLive, liveEvent, seedRooms, startLive, type LiveServer } from '../test/live.ts';
import type { Database } from '../store/client.ts';

const program = findRedis(process.cwd());
const needsRedis = program === undefined ? { skip: 'no redis-server on this machine' } : {};

let db: TestDatabase;
before(async () => {
  db = await testDatabase();
  await seedRooms(db.database);
});
after(() => db.close());

/** One process of Studio as far as events go: connections, listener and Redis client of its own. */
interface Process {
  readonly database: Database;
  readonly live: LiveServer;
  readonly listener: Listener;
  stop(): Promise<void>;
}

async function startProcess(redisUrl?: { readonly path: string; readonly password: string }): Promise<Process> {
  const database = db.open();
  const listener = createListener({ connect: db.roles.engine, clock: systemClock, log: silentLog });
  const redis = redisUrl === undefined ? undefined : new Redis({ ...redisUrl, retryStrategy: () => 50, maxRetriesPerRequest: 1, enableOfflineQueue: false });
  redis?.on('error', () => {});
  const live = await startLive({ database, listen: listener.listen, ...(redis === undefined ? {} : { redis }) });
  return {
    database,
    live,
    listener,
    async stop() {
      await live.close();
      await listener.stop();
      redis?.disconnect();
    },
  };
}

async function countSessions(like: string): Promise<number> {
  const { rows } = await db.database.engine.query<{ n: number }>(
    `select count(*) as n from pg_stat_activity where application_name like $1 and datname = current_database()`,
    [like],
  );
  return rows[0]?.n ?? 0;
}

test('an event committed by one process is heard in the other, which nobody woke: by its own look', async () => {
  const [a, b] = [await startProcess(), await startProcess()];
  const client = await connectLive(b.live.port);
  await client.subscribe(['instance:inst_a']);
  await commitEvents(a.database, [liveEvent('inst_a', 1)]);
  assert.equal((await client.heard(1))[0]?.sequence, 1);
  assert.equal(await countSessions('%listen%'), 0, 'no connection listens while no other process lives');
  await client.close();
  await Promise.all([a.stop(), b.stop()]);
});

test('while another process lives, NOTIFY wakes it, also after its connection was cut', async () => {
  for (const id of ['own_a', 'own_b']) await db.database.engine.query(`insert into owners (id, host, pid, pid_started) values ($1, 'h', 1, '1')`, [id]);
  const [a, b] = [await startProcess(), await startProcess()];
  while ((await countSessions('studio listen')) < 2) await sleep(20);
  const client = await connectLive(b.live.port);
  await client.subscribe(['instance:inst_a']);
  for (let n = 10; n < 20; n++) await commitEvents(a.database, [liveEvent('inst_a', n)]);
  await client.heard(10);
  await db.database.engine
    .query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'studio listen' and datname = current_database()`)
    .catch(() => undefined);
  for (let n = 20; n < 30; n++) await commitEvents(a.database, [liveEvent('inst_a', n)]);
  await client.heard(20);
  assert.deepEqual(
    client.events.map((event) => event.sequence),
    Array.from({ length: 20 }, (_, index) => 10 + index),
  );
  await client.close();
  await Promise.all([a.stop(), b.stop()]);
  await db.database.engine.query('delete from owners');
});

test('two processes that write and two that listen: every client hears every event once, in commit order, resumed anywhere', async () => {
  const [a, b] = [await startProcess(), await startProcess()];
  const start = await currentCursor(db.database.engine);
  const clients = await Promise.all([a, b].map((one) => connectLive(one.live.port)));
  await Promise.all(clients.map((client) => client.subscribe(['org:org_a'], { 'org:org_a': start })));
  const each = 100;
  await Promise.all(
    [a, b].map(async (one, index) => {
      for (let n = 1; n <= each; n++) await commitEvents(one.database, [liveEvent(`inst_${index}`, n)]);
    }),
  );
  await Promise.all(clients.map((client) => client.heard(2 * each)));
  const [first, second] = clients.map((client) => client.events.map((event) => event.event_id));
  assert.deepEqual(first, second);
  assert.equal(new Set(first).size, 2 * each);
  // What one process sent may be resumed at the other.
  const half = clients[0]?.events[each - 1]?.cursor ?? '';
  const moved = await connectLive(b.live.port);
  await moved.subscribe(['org:org_a'], { 'org:org_a': half });
  await moved.heard(each);
  assert.deepEqual(
    moved.events.map((event) => event.event_id),
    first?.slice(each),
  );
  await Promise.all([...clients, moved].map((client) => client.close()));
  await Promise.all([a.stop(), b.stop()]);
});

test('Redis wakes the other process; flushed, killed and back again, no event is lost', needsRedis, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'studio-redis-'));
  chmodSync(folder, 0o711);
  const options = { program: program ?? '', socketDir: join(folder, 'socket'), password: 'secret' };
  let server: RedisServer = await startRedis(options);
  const url = { path: server.socketPath, password: options.password };
  const admin = new Redis({ ...url, retryStrategy: () => 50 });
  admin.on('error', () => {});
  const [a, b] = [await startProcess(url), await startProcess(url)];
  const client = await connectLive(b.live.port);
  await client.subscribe(['instance:inst_a']);
  const subscribers = async (): Promise<number> => Number(((await admin.pubsub('NUMSUB', 'studio_outbox')) as unknown[])[1]);
  while ((await subscribers()) < 2) await sleep(10);

  for (let n = 1; n <= 5; n++) await commitEvents(a.database, [liveEvent('inst_a', n)]);
  await client.heard(5);
  await admin.flushall();
  for (let n = 6; n <= 10; n++) await commitEvents(a.database, [liveEvent('inst_a', n)]);
  await client.heard(10);
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  for (let n = 11; n <= 15; n++) await commitEvents(a.database, [liveEvent('inst_a', n)]);
  await client.heard(15);
  server = await startRedis(options);
  while ((await subscribers()) < 2) await sleep(20);
  for (let n = 16; n <= 20; n++) await commitEvents(a.database, [liveEvent('inst_a', n)]);
  await client.heard(20);
  assert.deepEqual(
    client.events.map((event) => event.sequence),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );

  await client.close();
  await Promise.all([a.stop(), b.stop()]);
  admin.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('the database cut off and back: sockets stay, and what was committed meanwhile arrives', async () => {
  const one = await startProcess();
  const client = await connectLive(one.live.port);
  await client.subscribe(['instance:inst_a']);
  await commitEvents(one.database, [liveEvent('inst_a', 1)]);
  await client.heard(1);
  for (let n = 2; n <= 6; n++) {
    await db.database.engine
      .query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
      .catch(() => undefined);
    await commitEvents(db.database, [liveEvent('inst_a', n)]);
  }
  await client.heard(6);
  assert.deepEqual(
    client.events.map((event) => event.sequence),
    [1, 2, 3, 4, 5, 6],
  );
  await client.close();
  await one.stop();
});
