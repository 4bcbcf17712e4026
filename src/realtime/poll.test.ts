import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../kernel/fail.ts';
import { currentCursor } from '../store/outbox.ts';
import { testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { callerOf, commitEvents, liveEvent, seedRooms, startLive, type LiveServer } from '../test/live.ts';
import type { PollOptions } from './poll.ts';

let db: TestDatabase;
let live: LiveServer;
before(async () => {
  db = await testDatabase({ hasOwnServer: true });
  await seedRooms(db.database);
  live = await startLive({ database: db.database });
});
after(async () => {
  await live.close();
  await db.close();
});

const caller = callerOf('user_1');
function ask(more: Partial<PollOptions> = {}): PollOptions {
  return { caller, again: async () => caller, room: 'instance:inst_a', after: undefined, limit: 200, waitMs: 0, signal: new AbortController().signal, ...more };
}

test('a poll answers what came after its cursor, page by page, and then the same place', async () => {
  const after = await currentCursor(db.database.engine);
  await commitEvents(
    db.database,
    [1, 2, 3].map((n) => liveEvent('inst_a', n)),
  );
  const first = await live.realtime.poll(ask({ after, limit: 2 }));
  assert.deepEqual({ numbers: first.items.map((item) => item.sequence), reset: first.reset }, { numbers: [1, 2], reset: false });
  const second = await live.realtime.poll(ask({ after: first.cursor, limit: 2 }));
  assert.deepEqual(
    second.items.map((item) => item.sequence),
    [3],
  );
  assert.deepEqual(await live.realtime.poll(ask({ after: second.cursor })), { items: [], cursor: second.cursor, reset: false });
});

test('a poll that waits answers with the event that comes, and its seat is free again', async () => {
  const waiting = live.realtime.poll(ask({ waitMs: 60_000 }));
  while (live.realtime.connections === 0) await sleep(5);
  await sleep(30);
  await commitEvents(db.database, [liveEvent('inst_a', 10)]);
  assert.deepEqual(
    (await waiting).items.map((item) => item.sequence),
    [10],
  );
  assert.equal(live.realtime.connections, 0);
});

test('an event committed between the look and the wait is not missed', async () => {
  for (let n = 20; n < 40; n++) {
    const after = await currentCursor(db.database.engine);
    const waiting = live.realtime.poll(ask({ after, waitMs: 60_000 }));
    await commitEvents(db.database, [liveEvent('inst_a', n)]);
    assert.deepEqual(
      (await waiting).items.map((item) => item.sequence).filter((sequence) => sequence >= n),
      [n],
    );
  }
});

test('a wait that is over answers nothing at the place asked for', async () => {
  const clock = fakeClock();
  const own = await startLive({ database: db.database, clock });
  const after = await currentCursor(db.database.engine);
  const waiting = own.realtime.poll(ask({ room: 'user:user_1', after, waitMs: 30_000 }));
  while (clock.pending < 4) await sleep(5);
  await clock.advance(30_000);
  assert.deepEqual(await waiting, { items: [], cursor: after, reset: false });
  await own.close();
});

test('a cursor that is none, or lies beyond this database, is a reset', async () => {
  for (const after of ['x', '99999999999.1'])
    assert.deepEqual({ ...(await live.realtime.poll(ask({ after }))), cursor: '' }, { items: [], cursor: '', reset: true });
});

test('rooms of others do not exist, and odd names are refused', async () => {
  const codeOf = async (room: string): Promise<unknown> =>
    live.realtime.poll(ask({ room })).catch((error: unknown) => (error instanceof AppError ? error.code : error));
  assert.equal(await codeOf('org:org_b'), 'not_found');
  assert.equal(await codeOf('instance:inst_b'), 'not_found');
  assert.equal(await codeOf('everything'), 'invalid_query');
});

/** Reads server-sent events until `count` messages came. */
async function readStream(
  stream: ReadableStream<Uint8Array>,
  count: number,
): Promise<{ messages: { event: string; id: string; data: Record<string, unknown> }[]; cancel(): Promise<void> }> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const messages: { event: string; id: string; data: Record<string, unknown> }[] = [];
  for (let text = ''; messages.length < count;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks.filter((one) => !one.startsWith(':'))) {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
      messages.push({ event: field('event'), id: field('id'), data: JSON.parse(field('data')) as Record<string, unknown> });
    }
  }
  return { messages, cancel: () => reader.cancel() };
}

test('a stream says where it starts, replays, goes on live, and can be taken up at its last id', async () => {
  const after = await currentCursor(db.database.engine);
  await commitEvents(db.database, [liveEvent('inst_a', 50)]);
  const { again: _again, limit: _limit, waitMs: _waitMs, ...options } = ask({ after });
  const reading = readStream(await live.realtime.stream({ ...options, again: async () => caller }), 3);
  await sleep(20);
  await commitEvents(db.database, [liveEvent('inst_a', 51)]);
  const { messages, cancel } = await reading;
  assert.deepEqual(
    messages.map((message) => [message.event, message.data['sequence']]),
    [
      ['subscribed', undefined],
      ['', 50],
      ['', 51],
    ],
  );
  await cancel();
  assert.equal(live.realtime.connections, 0);
  const resumed = await readStream(await live.realtime.stream({ ...options, again: async () => caller, after: messages[1]?.id }), 2);
  assert.deepEqual(
    resumed.messages.map((message) => message.data['sequence']),
    [undefined, 51],
  );
  await resumed.cancel();
});

test('a stream whose session ends says so and is over', async () => {
  let now: typeof caller | null = caller;
  const { limit: _limit, waitMs: _waitMs, ...options } = ask();
  const reading = readStream(await live.realtime.stream({ ...options, again: async () => now }), 99);
  await sleep(20);
  now = null;
  await live.realtime.revise({ userId: caller.userId });
  assert.deepEqual(
    (await reading).messages.map((message) => message.event),
    ['subscribed', 'ended'],
  );
  assert.equal(live.realtime.connections, 0);
});
