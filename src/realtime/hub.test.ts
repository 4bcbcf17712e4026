/** What a listener hears whose rooms are asked for again. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { currentCursor, parseCursor, readRooms, type Cursor } from '../store/outbox.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { callerOf, commitEvents, liveEvent, seedRooms } from '../test/live.ts';
import type { Ear } from './ear.ts';
import { createHub } from './hub.ts';

let db: TestDatabase;
before(async () => {
  // Of its own: what other test databases write would hold the end of the outbox back.
  db = await testDatabase({ hasOwnServer: true });
  await seedRooms(db.database);
});
after(() => db.close());

async function place(): Promise<Cursor> {
  const cursor = parseCursor(await currentCursor(db.database.engine));
  assert.ok(cursor !== undefined);
  return cursor;
}

test('a room that is asked for again from a later place still brings what is on its way', async () => {
  const start = await place();
  const heard: string[] = [];
  const ear: Ear = {
    event: (broadcast) => void heard.push(broadcast.envelope().entity_id),
    reset: (room) => void heard.push(`reset ${room}`),
    denied: () => undefined,
    ended: () => undefined,
    heldBytes: 0,
    drained: () => Promise.resolve(),
    again: async () => null,
  };
  const hub = createHub({ sql: db.database.engine, position: () => start, mayHear: async () => true, clock: systemClock, log: silentLog });
  const member = hub.join(ear, callerOf('user_1'));
  const confirm = (): void => undefined;
  await member.subscribe({ rooms: ['org:org_a'], confirm });
  await commitEvents(db.database, [liveEvent('inst_a', 1)]);
  await member.subscribe({ rooms: ['org:org_a'], since: { 'org:org_a': await currentCursor(db.database.engine) }, confirm });
  hub.deliver((await readRooms(db.database.engine, { rooms: ['org:org_a'], after: start, upTo: await place(), scan: 1_000 })) ?? []);
  assert.deepEqual(heard, ['inst_a']);
});
