import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Trigger } from '../contract/graph.ts';
import { AppError } from '../kernel/fail.ts';
import { Broadcast } from '../realtime/envelope.ts';
import type { Database } from '../store/client.ts';
import { writeEvents } from '../store/outbox.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import { createHearing, type HearingParts } from './hearing.ts';
import type { Looking } from './looking.ts';
import type { TriggeredStart } from './schedule.ts';
import { syncTriggers } from './trigger-rows.ts';

let db: TestDatabase;
let clock: FakeClock;
let sequence = 0;
before(async () => {
  db = await testDatabase({ hasOwnServer: true });
});
after(() => db.close());
beforeEach(async () => {
  await db.database.engine.query('delete from instances');
  await db.database.engine.query('delete from orgs');
  await db.database.engine.query(`insert into orgs (id, name) values ('org_a', 'A')`);
  await db.database.engine.query(`insert into workflows (id, org_id, name, version) values ('wf_1', 'org_a', 'w', 1)`);
  await db.database.engine.query(
    `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_1', 1, 'org_a', '{}', '', 0)`,
  );
  clock = fakeClock();
});

const ear: Trigger = { key: 'ear', type: 'event', params: { types: ['jobs:queue:changed'] }, enabled: true };
const sync = (...triggers: Trigger[]): Promise<void> =>
  db.database.engine.transaction((sql) => syncTriggers(sql, { orgId: 'org_a', workflowId: 'wf_1', triggers, nowMs: clock.now() }));
const emit = (count: number): Promise<void> =>
  writeEvents(
    db.database.engine,
    Array.from({ length: count }, () => ({
      kind: 'queue' as const,
      id: 'studio',
      sequence: ++sequence,
      type: 'jobs:queue:changed' as const,
      orgId: 'org_a',
      payload: { n: sequence },
    })),
  );

async function insertInstance(start: TriggeredStart): Promise<void> {
  await db.database.engine.query(
    `insert into instances (id, org_id, workflow_id, version, status, input, labels, priority, started_by, seq)
     values ($1, $2, $3, 1, 'running', $4, $5, 50, $6, 1) on conflict do nothing`,
    [start.id, start.orgId, start.workflowId, JSON.stringify(start.input), JSON.stringify(start.labels), start.startedBy],
  );
}
function create(options: Partial<HearingParts> & { readonly database?: Database } = {}): Looking {
  return createHearing({
    database: db.database,
    clock,
    log: silentLog,
    start: insertInstance,
    envelopeOf: (event) => new Broadcast(event).envelope(),
    evaluator: { evaluate: () => Promise.reject(new Error('no filter here')) },
    ...options,
  });
}
async function heard(): Promise<number[]> {
  const { rows } = await db.database.engine.query<{ input: string }>('select input from instances');
  return rows.map((row) => (JSON.parse(row.input) as { payload: { n: number } }).payload.n).toSorted((a, b) => a - b);
}
async function settle(hearing: Looking, count: number): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    hearing.nudge();
    await new Promise((resolve) => setTimeout(resolve, 4));
    await clock.advance(1_000);
    const { rows } = await db.database.engine.query<{ left: number }>('select count(*)::int as left from trigger_fires');
    if ((await heard()).length >= count && rows[0]?.left === 0) return;
  }
  assert.fail(`still waiting for ${count}: ${(await heard()).length}`);
}
const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

test('events that came while nobody ran are heard at the next start, each once; several processes hear each once', async () => {
  await sync(ear);
  const from = sequence + 1;
  await emit(150);
  const both = [create(), create({ database: db.open() })];
  for (const one of both) one.start();
  await emit(50);
  await settle(both[0] as Looking, 200);
  await Promise.all(both.map((one) => one.stop()));
  assert.deepEqual(await heard(), numbers(from, 200));
});

test('a start that can not be taken just now waits; a process that dies after a start starts nothing twice', async () => {
  await sync(ear);
  const from = sequence + 1;
  await emit(5);
  let calls = 0;
  const dying = create({
    start: async (start) => {
      calls++;
      await insertInstance(start);
      // As after a kill between the instance and the row that asked for it.
      throw new AppError('draining');
    },
  });
  dying.start();
  while (calls === 0) await new Promise((resolve) => setTimeout(resolve, 3));
  await dying.stop();
  const next = create();
  next.start();
  await settle(next, 5);
  await next.stop();
  assert.deepEqual(await heard(), numbers(from, 5));
});

test('a workflow that refuses says why and holds back no other event', async () => {
  await sync(ear, { ...ear, key: 'well' });
  await emit(3);
  const hearing = create({
    start: async (start) => {
      if (start.startedBy === 'event:ear') throw new AppError('invalid_body', { message: 'input.x is missing' });
      await insertInstance(start);
    },
  });
  hearing.start();
  await settle(hearing, 3);
  await hearing.stop();
  const { rows } = await db.database.engine.query<{ error: string }>(`select last_error as error from triggers where key = 'ear'`);
  assert.equal(rows[0]?.error, 'input.x is missing');
});

test('what came before it was switched on, and while it was off, is not heard', async () => {
  await emit(2);
  await sync(ear);
  const hearing = create();
  hearing.start();
  await emit(1);
  await settle(hearing, 1);
  await sync({ ...ear, enabled: false });
  await emit(2);
  await sync(ear);
  const last = sequence + 1;
  await emit(1);
  await settle(hearing, 2);
  await hearing.stop();
  assert.deepEqual((await heard()).at(-1), last);
  assert.equal((await heard()).length, 2);
});

test('published again it misses nothing that came between', async () => {
  await sync(ear);
  const from = sequence + 1;
  await emit(3);
  await sync({ ...ear, params: { types: ['jobs:*'] } });
  const hearing = create();
  hearing.start();
  await settle(hearing, 3);
  await hearing.stop();
  assert.deepEqual(await heard(), numbers(from, 3));
});
