/** Periods of run data: made ahead, dropped whole, held by what lives in them, and never in the way of those who write. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import pg from 'pg';
import { systemClock } from '../kernel/clock.ts';
import { searchInstances } from '../store/instance-search.ts';
import { adoptInstances, readStoredInstances } from '../store/instances.ts';
import { listRunPartitions } from '../store/run-data.ts';
import { DAY, NOW, runDataRig, type RunDataRig } from '../test/run-data.ts';

let rig: RunDataRig;
before(async () => {
  rig = await runDataRig();
});
after(() => rig.close());
beforeEach(() => rig.reset());

test('periods are made two ahead, with the bounds of weeks, and what lay after them moves in', async () => {
  await rig.resetPeriods();
  const soon = await rig.add({ ageDays: -3 });
  const old = await rig.add({ ageDays: 200 });
  const report = await rig.care({ retentionDays: 0 }).sweep();
  assert.deepEqual(report.postponed, []);
  assert.deepEqual(await rig.names(), ['before', '20290924', '20300114', '20300121', 'after']);
  const { rows } = await rig.admin.query<{ table: string; id: string }>(`select tableoid::regclass::text as table, id from instances order by id`);
  assert.deepEqual(rows, [
    { table: 'instances_before', id: old },
    { table: 'instances_20290924', id: soon },
  ]);
  await rig.expectOnly([old, soon]);
  assert.deepEqual((await rig.care({ retentionDays: 0 }).sweep()).made, []);
});

test('a period past the longest retention is dropped whole, and its disk is free at once', async () => {
  await rig.runForMonths();
  const gone = [await rig.add({ ageDays: 80 })];
  for (let n = 0; n < 300; n++) gone.push(await rig.add({ ageDays: 80 }));
  const kept = await rig.add({ ageDays: 20 });
  const [period] = (await listRunPartitions(rig.db.database.engine)).filter(
    (one) => one.lower !== null && one.lower <= (gone[0] ?? '') && (one.upper ?? '') > (gone[0] ?? ''),
  );
  assert.ok(period);
  const files = await filesOf(period.name);
  const before = await databaseBytes();
  assert.ok(files.length >= 5 && files.some((file) => statSync(file).size > 0));
  const report = await rig.care().sweep();
  assert.ok(report.dropped.some(({ name, bytes, why }) => name === period.name && bytes === period.bytes && why === 'retention'));
  assert.equal(report.deletedInstances, 0);
  assert.deepEqual(
    files.filter((file) => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0),
    [],
  );
  assert.ok((await databaseBytes()) < before - period.bytes / 2);
  await rig.expectOnly([kept]);
  assert.ok(!(await rig.names()).includes(period.name));
  // What is older than the oldest period still has its place.
  await rig.expectOnly([kept, await rig.add({ ageDays: 80 })]);
});

test('a live instance holds its period and is named; the others in it go by rows, and when it has gone the period goes', async () => {
  await rig.runForMonths();
  const straggler = await rig.add({ ageDays: 80, endedDaysAgo: null });
  const late = await rig.add({ ageDays: 80, endedDaysAgo: 5 });
  await rig.add({ ageDays: 80 });
  await rig.add({ ageDays: 60 });
  const runData = rig.care();
  const report = await runData.sweep();
  assert.deepEqual(
    report.held.flatMap(({ heldBy }) => heldBy.map(({ id, status }) => [id, status])),
    [straggler, late].toSorted().map((id) => [id, id === late ? 'completed' : 'waiting']),
  );
  assert.equal(report.deletedInstances, 1);
  await rig.expectOnly([straggler, late]);
  // The younger period was emptied behind it; its tables go when nothing older is left.
  const held = report.held[0]?.name ?? '';
  const emptied = (await rig.names()).filter((name) => name > held && /^\d+$/.test(name) && name < '20291203');
  assert.ok(emptied.length > 0);
  await rig.query('delete from instances');
  await rig.query('delete from steps');
  await runData.sweep();
  assert.ok((await rig.names()).every((name) => name !== held && !emptied.includes(name)));
});

test('tables that are busy put a period off, and writers are not held up by it', async () => {
  await rig.resetPeriods();
  const reader = new pg.Client(rig.db.adminUrl);
  await reader.connect();
  await reader.query('begin');
  await reader.query('select count(*) from steps');
  const sweeping = rig.care().sweep();
  const id = await rig.add({ ageDays: 1 });
  assert.deepEqual((await sweeping).postponed, ['after']);
  await reader.query('rollback');
  await reader.end();
  assert.ok((await rig.care().sweep()).made.length > 0);
  await rig.expectOnly([id]);
});

/** Busy tables may put a period off: a later sweep does it. */
async function sweepWhole(): Promise<void> {
  for (let sweeps = 1; (await rig.care().sweep()).postponed.length > 0; sweeps++) assert.ok(sweeps < 20, 'twenty sweeps put a period off');
}

test('batches of the journal go through while periods are made and dropped', async () => {
  await rig.runForMonths();
  const ids: string[] = [];
  let isOver = false;
  const write = async (): Promise<void> => {
    while (!isOver) {
      const id = rig.newId(NOW + (ids.length % 40) * DAY);
      await rig.query(
        `with s as (insert into steps (instance_id, path, generation, org_id, status, attempt, seq) values ($1, 'a', 1, 'org_1', 'running', 1, 2))
         insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq, owner_epoch) values ($1, 'org_1', 'wf_1', 1, 'pending', 'null', 50, 'x', 1, 7)`,
        [id],
      );
      await rig.query(
        `with s as (update steps set status = 'completed', seq = 3 where instance_id = $1), l as (insert into step_logs (instance_id, path, generation, attempt, org_id, line) values ($1, 'a', 1, 1, 'org_1', 'x'))
         update instances set status = 'running', seq = 2 where id = $1`,
        [id],
      );
      ids.push(id);
    }
  };
  const writers = [write(), write(), write()];
  for (let weeks = 0; weeks < 8; weeks++) {
    rig.now = NOW + weeks * 7 * DAY;
    await sweepWhole();
  }
  isOver = true;
  await Promise.all(writers);
  assert.ok(ids.length > 20);
  assert.deepEqual(await rig.idsOf('instances'), ids.toSorted());
  // What stands in many periods is listed and adopted in order.
  const { items: listed } = await searchInstances(rig.db.database.engine, { orgId: 'org_1', limit: 200 }, systemClock);
  assert.deepEqual(
    listed.map(({ id, seq }) => [id, seq]),
    ids
      .toSorted()
      .toReversed()
      .slice(0, 200)
      .map((id) => [id, 3]),
  );
  const adopted = await adoptInstances(rig.db.database.engine, { epoch: 8, from: 7, after: '', limit: 1_000 });
  assert.deepEqual(adopted, ids.toSorted().slice(0, 1_000));
  assert.deepEqual(
    (await readStoredInstances(rig.db.database.engine, adopted)).map(({ id, seq }) => [id, seq]),
    adopted.map((id) => [id, 3]),
  );
});

async function filesOf(period: string): Promise<string[]> {
  const { rows } = await rig.admin.query<{ path: string }>(
    `select current_setting('data_directory') || '/' || pg_relation_filepath(c.oid) as path from pg_class c where c.relname like '%\\_' || $1 and c.relkind = 'r' order by 1`,
    [period],
  );
  return rows.map((row) => row.path);
}

async function databaseBytes(): Promise<number> {
  const { rows } = await rig.admin.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
  return Number(rows[0]?.bytes);
}
