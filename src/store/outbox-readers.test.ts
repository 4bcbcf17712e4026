import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase, type TestDatabase } from '../test/database.ts';
import type { Sql } from './client.ts';
import { ensureReader, readOnce } from './outbox-readers.ts';
import { writeEvents, type StoredEvent } from './outbox.ts';

let db: TestDatabase;
before(async () => {
  db = await testDatabase({ hasOwnServer: true });
});
after(() => db.close());

const event = (sequence: number, type: 'engine:instance:failed' | 'engine:instance:completed' = 'engine:instance:failed') =>
  ({ kind: 'instance', id: 'inst_1', sequence, type, orgId: 'org_1', payload: { n: sequence } }) as const;
const heard = (into: number[], work?: (sql: Sql) => Promise<void>) => async (sql: Sql, events: readonly StoredEvent[]) => {
  into.push(...events.map((one) => one.sequence));
  await work?.(sql);
};

test('a reader hears what was written since it was made known, of its types, in order and once', async () => {
  const { engine } = db.database;
  await writeEvents(engine, [event(1)]);
  await ensureReader(engine, 'first');
  await writeEvents(engine, [event(2), event(3, 'engine:instance:completed'), event(4)]);
  await ensureReader(engine, 'first');
  const seen: number[] = [];
  const request = { name: 'first', types: ['engine:instance:failed'], make: heard(seen) } as const;
  assert.deepEqual(await readOnce(engine, request), { more: false, made: true });
  assert.deepEqual(await readOnce(engine, request), { more: false, made: false });
  assert.deepEqual(seen, [2, 4]);
});

test('a reader whose work fails hears the same events again', async () => {
  const { engine } = db.database;
  await ensureReader(engine, 'second');
  await writeEvents(engine, [event(5)]);
  const seen: number[] = [];
  const types = ['engine:instance:failed'] as const;
  const faulty = heard(seen, () => Promise.reject(new Error('no')));
  await assert.rejects(readOnce(engine, { name: 'second', types, make: faulty }), /no/);
  assert.deepEqual(await readOnce(engine, { name: 'second', types, make: heard(seen) }), { more: false, made: true });
  assert.deepEqual(seen, [5, 5]);
});

test('two processes never read under one name at once, and events of an open transaction are waited for', async () => {
  const { engine } = db.database;
  const other = db.open();
  await ensureReader(engine, 'third');
  await writeEvents(engine, [event(6)]);
  const seen: number[] = [];
  const types = ['engine:instance:failed'] as const;
  const inside = heard(seen, async () => {
    assert.deepEqual(await readOnce(other.engine, { name: 'third', types, make: heard(seen) }), { more: false, made: false });
  });
  await readOnce(engine, { name: 'third', types, make: inside });
  assert.deepEqual(seen, [6]);
  await engine.transaction(async (sql) => {
    await writeEvents(sql, [event(7)]);
    await writeEvents(other.engine, [event(8)]);
    assert.deepEqual(await readOnce(other.engine, { name: 'third', types, make: heard(seen) }), { more: false, made: false });
  });
  await readOnce(engine, { name: 'third', types, make: heard(seen) });
  assert.deepEqual(seen, [6, 7, 8]);
});
