import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase, type TestDatabase } from '../test/database.ts';
import type { Sql } from './client.ts';
import {
  compareCursors,
  currentCursor,
  deleteOldEvents,
  formatCursor,
  isReplayable,
  nextSequence,
  parseCursor,
  readEntityRoom,
  readEvents,
  readRooms,
  writeEvents,
  type Cursor,
  type NewEvent,
  type StoredEvent,
} from './outbox.ts';

// A server of its own: what transactions of other databases hold open holds events back here too (pg_snapshot_xmin is of the whole server).
delete process.env['STUDIO_TEST_POSTGRES'];

let db: TestDatabase;
before(async () => {
  db = await testDatabase();
});
after(() => db.close());

function event(id: string, sequence: number, more: Partial<NewEvent> = {}): NewEvent {
  return { kind: 'instance', id, sequence, type: 'engine:instance:started', orgId: 'org_a', parent: 'workflow:wf_a', payload: { n: sequence }, ...more };
}

async function cursorNow(sql: Sql): Promise<Cursor> {
  const cursor = parseCursor(await currentCursor(sql));
  assert.ok(cursor);
  return cursor;
}

async function readAll(sql: Sql, from: Cursor): Promise<StoredEvent[]> {
  const seen: StoredEvent[] = [];
  for (let page = await readEvents(sql, { after: from, limit: 3 }); page.events.length > 0;) {
    seen.push(...page.events);
    page = await readEvents(sql, { after: seen.at(-1)?.cursor ?? from, limit: 3 });
  }
  return seen;
}

test('a cursor survives its text, and what is no cursor is none', () => {
  assert.deepEqual(parseCursor(formatCursor({ xid: 18446744073n, position: 12 })), { xid: 18446744073n, position: 12 });
  for (const text of ['', '1', '1.', '.1', '-1.2', '1.2.3', 'abc', '1e3.4', ' 1.2']) assert.equal(parseCursor(text), undefined, text);
  assert.ok(compareCursors({ xid: 1n, position: 9 }, { xid: 2n, position: 1 }) < 0);
  assert.ok(compareCursors({ xid: 2n, position: 9 }, { xid: 2n, position: 1 }) > 0);
});

test('events come back in the order of writing, whole', async () => {
  const from = await cursorNow(db.database.engine);
  await db.database.engine.transaction((sql) =>
    writeEvents(sql, [event('inst_1', 1), event('inst_1', 2, { requestId: 'req_1' }), event('inst_2', 1, { orgId: null, kind: 'queue' })]),
  );
  const seen = await readAll(db.database.engine, from);
  assert.deepEqual(
    seen.map(({ kind, id, sequence, type, orgId, parent, payload, requestId }) => ({ kind, id, sequence, type, orgId, parent, payload, requestId })),
    [
      {
        kind: 'instance',
        id: 'inst_1',
        sequence: 1,
        type: 'engine:instance:started',
        orgId: 'org_a',
        parent: 'workflow:wf_a',
        payload: '{"n":1}',
        requestId: null,
      },
      {
        kind: 'instance',
        id: 'inst_1',
        sequence: 2,
        type: 'engine:instance:started',
        orgId: 'org_a',
        parent: 'workflow:wf_a',
        payload: '{"n":2}',
        requestId: 'req_1',
      },
      { kind: 'queue', id: 'inst_2', sequence: 1, type: 'engine:instance:started', orgId: null, parent: 'workflow:wf_a', payload: '{"n":1}', requestId: null },
    ],
  );
});

test('a transaction that rolls back leaves no event and no hole in its stream', async () => {
  const from = await cursorNow(db.database.engine);
  await assert.rejects(
    db.database.engine.transaction(async (sql) => {
      await writeEvents(sql, [event('gpu_0', await nextSequence(sql, 'gpu', 'gpu_0'), { kind: 'gpu' })]);
      throw new Error('changed my mind');
    }),
    /changed my mind/,
  );
  await db.database.engine.transaction(async (sql) => writeEvents(sql, [event('gpu_0', await nextSequence(sql, 'gpu', 'gpu_0'), { kind: 'gpu' })]));
  assert.deepEqual(
    (await readAll(db.database.engine, from)).map((one) => one.sequence),
    [1],
  );
});

test('what commits late but began early is not passed over, and holds back what came after it', async () => {
  const { engine } = db.database;
  const from = await cursorNow(engine);
  const release = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const slow = engine.transaction(async (sql) => {
    await writeEvents(sql, [event('slow', 1)]);
    written.resolve();
    await release.promise;
  });
  await written.promise;
  await engine.transaction((sql) => writeEvents(sql, [event('fast', 1)]));
  assert.deepEqual(await readEvents(engine, { after: from, limit: 10 }), { events: [], isHeldBack: true });
  release.resolve();
  await slow;
  const page = await readEvents(engine, { after: from, limit: 10 });
  assert.deepEqual(
    page.events.map((one) => one.id),
    ['slow', 'fast'],
  );
  assert.equal(page.isHeldBack, false);
});

test('a snapshot with its cursor, and the events after it, miss nothing', async () => {
  const { engine } = db.database;
  const release = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const open = engine.transaction(async (sql) => {
    await writeEvents(sql, [event('open', 1)]);
    written.resolve();
    await release.promise;
  });
  await written.promise;
  const cursor = await cursorNow(engine);
  release.resolve();
  await open;
  assert.deepEqual(
    (await readAll(engine, cursor)).map((one) => one.id),
    ['open'],
  );
});

test('the order is of numbers, not of their text', async () => {
  const own = await testDatabase();
  await own.database.engine.query(
    `insert into outbox (xid, kind, id, sequence, type) values ('100', 'instance', 'second', 1, 'engine:instance:started'), ('99', 'instance', 'first', 1, 'engine:instance:started')`,
  );
  assert.deepEqual(
    (await readAll(own.database.engine, { xid: 0n, position: 0 })).map((one) => one.id),
    ['first', 'second'],
  );
  await own.close();
});

test('concurrent writers: a reader that runs beside them sees every event once, each stream in order', async () => {
  const { engine } = db.database;
  const from = await cursorNow(engine);
  const writers = 8;
  const each = 150;
  let isWriting = true;
  const writing = Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let i = 1; i <= each; i++) await engine.transaction((sql) => writeEvents(sql, [event(`w${writer}`, i), event(`w${writer}`, i + 10_000)]));
    }),
  ).finally(() => (isWriting = false));
  const seen: StoredEvent[] = [];
  let at = from;
  for (let idle = false; !idle;) {
    const wasWriting = isWriting;
    const { events, isHeldBack } = await readEvents(engine, { after: at, limit: 50 });
    seen.push(...events);
    at = events.at(-1)?.cursor ?? at;
    idle = !wasWriting && !isHeldBack && events.length === 0;
  }
  await writing;
  assert.equal(seen.length, writers * each * 2);
  assert.equal(new Set(seen.map((one) => `${one.id}/${one.sequence}`)).size, seen.length);
  for (let writer = 0; writer < writers; writer++) {
    const own = seen.filter((one) => one.id === `w${writer}` && one.sequence <= 10_000).map((one) => one.sequence);
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
    );
  }
});

test('a room hears its own, its children and its org; another org is not heard', async () => {
  const { engine } = db.database;
  const from = await cursorNow(engine);
  await writeEvents(engine, [
    event('inst_r', 1),
    event('job_r', 1, { kind: 'job', parent: 'instance:inst_r' }),
    event('inst_x', 1, { orgId: 'org_b' }),
    event('studio', 1, { kind: 'queue', orgId: null }),
  ]);
  const upTo = await cursorNow(engine);
  const heard = async (room: string): Promise<string[] | undefined> =>
    (await readRooms(engine, { rooms: [room], after: from, upTo, scan: 1_000 }))?.map((one) => one.id);
  assert.deepEqual(await heard('instance:inst_r'), ['inst_r', 'job_r']);
  assert.deepEqual(await heard('workflow:wf_a'), ['inst_r', 'inst_x', 'studio']);
  assert.deepEqual(await heard('org:org_b'), ['inst_x']);
  assert.deepEqual(await heard('system'), ['studio']);
  assert.deepEqual(await heard('instance:none'), []);
  assert.equal(await readRooms(engine, { rooms: ['system'], after: from, upTo, scan: 4 }), undefined, 'too far to walk');
  const own = await readEntityRoom(engine, { kind: 'instance', id: 'inst_r', after: from, upTo, limit: 10 });
  assert.deepEqual(
    own?.map((one) => one.id),
    ['inst_r', 'job_r'],
  );
});

test('the second wall: an org reads its own events only', async () => {
  const { rows } = await db.database.org('org_b').query<{ org: string }>('select distinct org_id as org from outbox');
  assert.deepEqual(rows, [{ org: 'org_b' }]);
});

test('a payload over the limit says so instead of travelling', async () => {
  const { engine } = db.database;
  const from = await cursorNow(engine);
  await writeEvents(engine, [event('big', 1, { payload: { text: 'ä'.repeat(20_000) } })]);
  assert.deepEqual(
    (await readAll(engine, from)).map((one) => one.payload),
    ['{"truncated":true,"bytes":40011}'],
  );
});

test('old events go as a prefix, and a cursor before them can no longer be replayed', async () => {
  const own = await testDatabase();
  const { engine } = own.database;
  const start = await cursorNow(engine);
  await writeEvents(engine, [event('old', 1)]);
  await writeEvents(engine, [event('old', 2)]);
  await engine.query(`update outbox set at = now() - interval '25 hours'`);
  const between = await cursorNow(engine);
  await writeEvents(engine, [event('new', 1)]);
  await engine.query(
    `insert into outbox (at, kind, id, sequence, type) values (now() - interval '30 hours', 'instance', 'late', 1, 'engine:instance:started')`,
  );
  assert.equal(await isReplayable(engine, start), true);
  const oneDay = new Date(Date.now() - 86_400_000);
  assert.equal(await deleteOldEvents(engine, { before: oneDay, limit: 1 }), 1);
  assert.equal(await deleteOldEvents(engine, { before: oneDay, limit: 1_000 }), 1);
  assert.equal(await deleteOldEvents(engine, { before: oneDay, limit: 1_000 }), 0);
  assert.equal(await isReplayable(engine, start), false);
  assert.equal(await isReplayable(engine, between), true);
  assert.deepEqual(
    (await readAll(engine, start)).map((one) => one.id),
    ['new', 'late'],
    'an old row behind a new one waits for its turn',
  );
  assert.equal(await isReplayable(engine, { xid: between.xid + 1_000_000n, position: 0 }), false, 'a cursor of another database');
  await own.close();
});
