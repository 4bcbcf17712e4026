import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sumModelUsage } from '../store/model-usage.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { createUsageMeter } from './gateway-usage.ts';

let db: TestDatabase;
before(async () => {
  db = await testDatabase();
  await db.database.engine.query(`insert into orgs (id, name) values ('org_a', 'A'), ('org_b', 'B')`);
});
after(() => db.close());

const used = { orgId: 'org_a', model: 'tiny', caller: 'key_1', promptTokens: 10, completionTokens: 5, isFailed: false };
const sums = (orgId: string) => sumModelUsage(db.database.engine, { orgId, group: ['day', 'model', 'caller'], limit: 10 });

test('what is counted is written every few seconds, summed by day, model and caller, and nothing is lost at a stop', async () => {
  const clock = fakeClock();
  const meter = createUsageMeter({ sql: db.database.engine, clock, log: silentLog });
  meter.start();
  meter.add(used);
  meter.add({ ...used, isFailed: true });
  assert.deepEqual(await sums('org_a'), []);
  await clock.advance(5_000);
  await meter.flush();
  const row = {
    day: '2026-01-01',
    model: 'tiny',
    caller: { kind: 'key', id: 'key_1', name: null },
    requests: 2,
    failed: 1,
    promptTokens: 20,
    completionTokens: 10,
  };
  assert.deepEqual(await sums('org_a'), [row]);
  meter.add(used);
  clock.jump(86_400_000);
  meter.add({ ...used, caller: 'wf_1' });
  await meter.stop();
  assert.deepEqual(
    (await sums('org_a')).map(({ day, caller, requests }) => [day, caller?.kind, requests]),
    [
      ['2026-01-02', 'workflow', 1],
      ['2026-01-01', 'key', 3],
    ],
  );
  assert.equal(clock.pending, 0);
});

test('what an org that is gone used is not kept, and does not hold the others up', async () => {
  const meter = createUsageMeter({ sql: db.database.engine, clock: fakeClock(), log: silentLog });
  meter.add({ ...used, orgId: 'org_gone' });
  meter.add({ ...used, orgId: 'org_b' });
  await meter.flush();
  assert.equal((await sums('org_b')).length, 1);
});

test('what could not be written stays counted until it can', async () => {
  let isAway = true;
  const sql = {
    ...db.database.engine,
    query: ((...args: Parameters<typeof db.database.engine.query>) =>
      isAway ? Promise.reject(new Error('away')) : db.database.engine.query(...args)) as typeof db.database.engine.query,
  };
  const meter = createUsageMeter({ sql, clock: fakeClock(), log: silentLog });
  meter.add({ ...used, orgId: 'org_b', model: 'other' });
  await assert.rejects(meter.flush(), /away/);
  meter.add({ ...used, orgId: 'org_b', model: 'other' });
  isAway = false;
  await meter.stop();
  assert.equal((await sums('org_b')).find(({ model }) => model === 'other')?.requests, 2);
});
