import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { callerOf, commitEvents, connectLive, liveEvent, seedRooms, startLive } from '../test/live.ts';
import { MAX_HELD_BYTES } from './ear.ts';

const MIB = 1024 * 1024;
/** About 30 KiB each, near the largest payload. */
const BIG = { payload: { text: 'x'.repeat(30_000) } };

test('fifty clients that read nothing: each holds at most 8 MiB, together hardly more than one, and a reader beside them misses nothing', async () => {
  const db = await testDatabase();
  await seedRooms(db.database);
  const live = await startLive({ database: db.database });
  const stalled = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      live.callers.set(`slow_${index}`, callerOf(`user_slow_${index}`));
      const client = await connectLive(live.port, { token: `slow_${index}` });
      await client.subscribe(['org:org_a']);
      client.ws.pause();
      return client;
    }),
  );
  const reader = await connectLive(live.port);
  await reader.subscribe(['org:org_a']);
  const before = process.memoryUsage();
  const total = 800;
  let most = 0;
  for (let n = 0; n < total; n += 20) {
    await commitEvents(
      db.database,
      Array.from({ length: 20 }, (_, index) => liveEvent('inst_a', n + index + 1, BIG)),
    );
    await reader.heard(n + 20);
    reader.events.forEach((event) => (event.payload = {}));
    reader.frames.length = 0;
    most = Math.max(most, live.heldBytes()[0] ?? 0);
  }
  assert.deepEqual(
    reader.events.map((event) => event.sequence),
    Array.from({ length: total }, (_, index) => index + 1),
  );
  assert.ok(most > 2 * MIB, `the kernel swallowed all of it: held ${most}`);
  assert.ok(most <= MAX_HELD_BYTES + MIB / 8, `${most} bytes were held for one client`);
  const after = process.memoryUsage();
  // One copy of each frame serves all fifty; each alone would make 400 MiB.
  assert.ok(after.arrayBuffers - before.arrayBuffers < 100 * MIB, `buffers grew by ${(after.arrayBuffers - before.arrayBuffers) / MIB} MiB`);
  await Promise.all([reader, ...stalled].map((client) => client.close()));
  await live.close();
  await db.close();
});

test('a slow client that reads again gets what was held, a reset, and then live events without a gap', async () => {
  const db = await testDatabase();
  await seedRooms(db.database);
  const live = await startLive({ database: db.database });
  const slow = await connectLive(live.port);
  await slow.subscribe(['instance:inst_a', 'system']);
  slow.ws.pause();
  const reader = await connectLive(live.port);
  await reader.subscribe(['instance:inst_a']);
  const total = 800;
  for (let n = 1; n <= total; n += 50) {
    await commitEvents(
      db.database,
      Array.from({ length: 50 }, (_, index) => liveEvent('inst_a', n + index, BIG)),
    );
    // In step: on a busy machine the reader would fall behind too, and be reset.
    await reader.heard(n + 49);
  }
  slow.ws.resume();
  await slow.frame((frame): frame is Extract<typeof frame, { type: 'reset' }> => frame.type === 'reset' && frame.room === 'system');
  const held = slow.events.length;
  assert.ok(held > 0 && held < total);
  await commitEvents(db.database, [liveEvent('inst_a', total + 1), liveEvent('inst_a', total + 2)]);
  await slow.heard(held + 2);
  assert.deepEqual(
    slow.frames.filter((frame) => frame.type === 'reset').map((frame) => frame.room),
    ['instance:inst_a', 'system'],
  );
  assert.deepEqual(
    slow.events.map((event) => event.sequence),
    [...Array.from({ length: held }, (_, index) => index + 1), total + 1, total + 2],
  );
  // What the reset lost is not lost to who resumes from the last event before it.
  const again = await connectLive(live.port);
  await again.subscribe(['instance:inst_a'], { 'instance:inst_a': slow.events[held - 1]?.cursor ?? '' });
  assert.deepEqual(
    (await again.heard(total + 2 - held)).map((event) => event.sequence),
    Array.from({ length: total + 2 - held }, (_, index) => held + 1 + index),
  );
  await Promise.all([slow, reader, again].map((client) => client.close()));
  await live.close();
  await db.close();
});

test('a peer that neither answers pings nor speaks is closed with 4408; one that does stays', async () => {
  const db = await testDatabase();
  await seedRooms(db.database);
  const clock = fakeClock();
  const live = await startLive({ database: db.database, clock });
  const silent = await connectLive(live.port);
  const talker = await connectLive(live.port);
  await Promise.all([silent.subscribe(['system']), talker.subscribe(['system'])]);
  // Answers no ping from here on.
  silent.ws.on('ping', () => undefined);
  Reflect.set(silent.ws, '_autoPong', false);
  for (let beat = 0; beat < 4; beat++) {
    await clock.advance(20_000);
    talker.send({ type: 'ping' });
    await sleep(20);
  }
  assert.equal(await silent.closed, 4408);
  assert.equal(talker.ws.readyState, talker.ws.OPEN);
  await talker.close();
  await live.close();
  await db.close();
});
