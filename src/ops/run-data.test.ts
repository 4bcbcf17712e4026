import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import pg from 'pg';
import { AppError } from '../kernel/fail.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { derivedId } from '../kernel/ids.ts';
import { searchInstances } from '../store/instance-search.ts';
import { adoptInstances, readStoredInstances } from '../store/instances.ts';
import { addRunPartition, listRunPartitions } from '../store/run-data.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { createHealthBoard } from './health.ts';
import { createRunData, type RunData } from './run-data.ts';
import type { RunDataSettings } from './run-data-sweep.ts';

const DAY = 86_400_000;
/** A Wednesday. */
const NOW = Date.UTC(2030, 0, 9, 12);
const settings: RunDataSettings = { retentionDays: 30, periodDays: 7, budgetBytes: null, overBudget: 'alarm' };

let db: TestDatabase;
let admin: pg.Client;
let now = NOW;
let made = 0;
const clock: Clock = { ...systemClock, now: () => now };

before(async () => {
  db = await testDatabase();
  admin = new pg.Client(db.adminUrl);
  await admin.connect();
  await query(`insert into orgs (id, name) values ('org_1', 'o')`);
  for (const id of ['wf_1', 'wf_2']) {
    await query(`insert into workflows (id, org_id, name, version) values ($1, 'org_1', 'w', 1)`, [id]);
    await query(
      `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ($1, 1, 'org_1', '{"nodes":[],"edges":[]}', '', 0)`,
      [id],
    );
  }
});
after(async () => {
  await admin.end();
  await db.close();
});
beforeEach(async () => {
  now = NOW;
  for (const table of ['instances', 'steps', 'step_logs', 'jobs', 'step_cache']) await query(`delete from ${table}`);
  await query(`update workflow_versions set definition = '{"nodes":[],"edges":[]}'`);
});

const query = <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) => db.database.engine.query<Row>(text, values);
const board = createHealthBoard({ progress: { phase: 'ready' } as never });

function care(options: Partial<RunDataSettings> = {}, database = db.database): RunData {
  return createRunData({ database, clock, log: silentLog, board, settings: { ...settings, ...options } });
}

interface Row {
  readonly ageDays: number;
  readonly endedDaysAgo?: number | null;
  readonly workflowId?: string;
  readonly parentId?: string;
}

/** An instance with a step, a log line and a job. @returns its id */
async function add({ ageDays, endedDaysAgo = ageDays, workflowId = 'wf_1', parentId }: Row): Promise<string> {
  const createdAt = NOW - ageDays * DAY;
  const id = derivedId('inst', createdAt, `${made++}`);
  const endedAt = endedDaysAgo === null ? null : new Date(NOW - endedDaysAgo * DAY);
  await query(
    `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq, created_at, ended_at, parent_id)
     values ($1, 'org_1', $2, 1, $3, 'null', 50, 'manual', 1, $4, $5, $6)`,
    [id, workflowId, endedAt === null ? 'waiting' : 'completed', new Date(createdAt), endedAt, parentId ?? null],
  );
  await query(`insert into steps (instance_id, path, generation, org_id, status, attempt, output, seq) values ($1, 'a', 1, 'org_1', 'completed', 1, $2, 2)`, [
    id,
    JSON.stringify('x'.repeat(2_000)),
  ]);
  await query(`insert into step_logs (instance_id, path, generation, attempt, org_id, line) values ($1, 'a', 1, 1, 'org_1', 'said')`, [id]);
  await query(
    `insert into jobs (id, org_id, queue, type, status, instance_id, step_path, step_generation, step_attempt, priority) values ($1, 'org_1', 'studio', 'command', 'completed', $2, 'a', 1, 1, 50)`,
    [`job_${made}`, id],
  );
  return id;
}

async function idsOf(table: 'instances' | 'steps' | 'step_logs' | 'jobs'): Promise<string[]> {
  const column = table === 'instances' ? 'id' : 'instance_id';
  return (await query<{ id: string }>(`select ${column} as id from ${table} order by 1`)).rows.map((row) => row.id);
}

async function expectOnly(ids: readonly string[]): Promise<void> {
  for (const table of ['instances', 'steps', 'step_logs', 'jobs'] as const) assert.deepEqual(await idsOf(table), ids.toSorted(), table);
}

async function names(): Promise<string[]> {
  return (await listRunPartitions(db.database.engine)).map((one) => one.name);
}

/** Weeks from a hundred days ago on, as if Studio had run all the time. */
async function runForMonths(): Promise<void> {
  await resetPeriods();
  for (let at = NOW - 100 * DAY; at <= NOW; at += 7 * DAY) {
    const period = { days: 7, at: new Date(at) };
    while ((await addRunPartition(db.database.engine, period)) !== undefined) continue;
  }
}

/** One period that ended a hundred days ago, and what stands around it. */
async function resetPeriods(): Promise<void> {
  await admin.query('set role studio_owner');
  const { rows } = await admin.query<{ name: string }>(
    `select relid::regclass::text as name from (select name from run_tables()) t, pg_partition_tree(t.name::regclass) where isleaf`,
  );
  for (const { name } of rows) await admin.query(`drop table ${name}`);
  const { rows: tables } = await admin.query<{ name: string; low: string }>('select name, run_id($1) as low from run_tables()', [new Date(NOW - 107 * DAY)]);
  for (const { name, low } of tables) {
    await admin.query(`create table ${name}_before partition of ${name} for values from (minvalue) to ('${low}')`);
    await admin.query(`create table ${name}_after partition of ${name} for values from ('${low}') to (maxvalue)`);
  }
  await admin.query('reset role');
}

test('periods are made two ahead, with the bounds of weeks, and what lay after them moves in', async () => {
  await resetPeriods();
  const soon = await add({ ageDays: -3 });
  const old = await add({ ageDays: 200 });
  const report = await care({ retentionDays: 0 }).sweep();
  assert.deepEqual(report.postponed, []);
  assert.deepEqual(await names(), ['before', '20290924', '20300114', '20300121', 'after']);
  const { rows } = await admin.query<{ table: string; id: string }>(`select tableoid::regclass::text as table, id from instances order by id`);
  assert.deepEqual(
    rows,
    [
      { table: 'instances_before', id: old },
      { table: 'instances_20290924', id: soon },
    ].map((row) => (row.id === soon ? { ...row, table: 'instances_20290924' } : row)),
  );
  await expectOnly([old, soon]);
  assert.deepEqual((await care({ retentionDays: 0 }).sweep()).made, []);
});

test('a period past the longest retention is dropped whole, and its disk is free at once', async () => {
  await runForMonths();
  const gone = [await add({ ageDays: 80 })];
  for (let n = 0; n < 300; n++) gone.push(await add({ ageDays: 80 }));
  const kept = await add({ ageDays: 20 });
  const [period] = (await listRunPartitions(db.database.engine)).filter(
    (one) => one.lower !== null && one.lower <= (gone[0] ?? '') && (one.upper ?? '') > (gone[0] ?? ''),
  );
  assert.ok(period);
  const files = await filesOf(period.name);
  const before = await databaseBytes();
  assert.ok(files.length >= 5 && files.some((file) => statSync(file).size > 0));
  const report = await care().sweep();
  assert.ok(report.dropped.some(({ name, bytes, why }) => name === period.name && bytes === period.bytes && why === 'retention'));
  assert.equal(report.deletedInstances, 0);
  assert.deepEqual(
    files.filter((file) => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0),
    [],
  );
  assert.ok((await databaseBytes()) < before - period.bytes / 2);
  await expectOnly([kept]);
  assert.ok(!(await names()).includes(period.name));
  // What is older than the oldest period still has its place.
  await expectOnly([kept, await add({ ageDays: 80 })]);
});

test('a live instance holds its period and is named; the others in it go by rows, and when it has gone the period goes', async () => {
  await runForMonths();
  const straggler = await add({ ageDays: 80, endedDaysAgo: null });
  const late = await add({ ageDays: 80, endedDaysAgo: 5 });
  await add({ ageDays: 80 });
  await add({ ageDays: 60 });
  const runData = care();
  const report = await runData.sweep();
  assert.deepEqual(
    report.held.flatMap(({ heldBy }) => heldBy.map(({ id, status }) => [id, status])),
    [straggler, late].toSorted().map((id) => [id, id === late ? 'completed' : 'waiting']),
  );
  assert.equal(report.deletedInstances, 1);
  await expectOnly([straggler, late]);
  // The younger period was emptied behind it; its tables go when nothing older is left.
  const held = report.held[0]?.name ?? '';
  const emptied = (await names()).filter((name) => name > held && /^\d+$/.test(name) && name < '20291203');
  assert.ok(emptied.length > 0);
  await query('delete from instances');
  await query('delete from steps');
  await runData.sweep();
  assert.ok((await names()).every((name) => name !== held && !emptied.includes(name)));
});

test('a workflow that keeps less loses rows, one that would keep more does not; a child stays while its parent lives', async () => {
  await runForMonths();
  await query(`update workflow_versions set definition = '{"nodes":[],"edges":[],"settings":{"retentionDays":2}}' where workflow_id = 'wf_1'`);
  await query(`update workflow_versions set definition = '{"nodes":[],"edges":[],"settings":{"retentionDays":900}}' where workflow_id = 'wf_2'`);
  const parent = await add({ ageDays: 5, endedDaysAgo: null });
  const child = await add({ ageDays: 4, parentId: parent });
  const young = await add({ ageDays: 1 });
  const lately = await add({ ageDays: 5, endedDaysAgo: 1 });
  const other = await add({ ageDays: 4, workflowId: 'wf_2' });
  await add({ ageDays: 4 });
  await add({ ageDays: 75, workflowId: 'wf_2' });
  const report = await care().sweep();
  assert.equal(report.deletedInstances, 1);
  await expectOnly([parent, child, young, lately, other]);
  assert.equal((await care({ retentionDays: 0 }).sweep()).deletedInstances, 0);
});

test('the definition of a test run is kept as long as an instance names it', async () => {
  const kept = await add({ ageDays: 5 });
  await query(`update instances set is_test = true, version = -1 where id = $1`, [kept]);
  for (const version of [-1, -2, -3])
    await query(`insert into test_definitions (version, workflow_id, org_id, definition, created_at) values ($1, 'wf_1', 'org_1', '{}', $2)`, [
      version,
      // The last was written just now: its instance may be on its way.
      new Date(version === -3 ? NOW : NOW - DAY),
    ]);
  await care().sweep();
  const { rows } = await query<{ version: number }>('select version from test_definitions order by version desc');
  assert.deepEqual(
    rows.map((row) => row.version),
    [-1, -3],
  );
});

test('an archived workflow goes with its instances after 30 days; cached results go when their time is over', async () => {
  await runForMonths();
  await query(`insert into workflows (id, org_id, name, version, archived_at) values ('wf_3', 'org_1', 'w', 1, $1)`, [new Date(NOW - 31 * DAY)]);
  await query(`insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_3', 1, 'org_1', '{}', '', 0)`);
  await add({ ageDays: 40, endedDaysAgo: 1, workflowId: 'wf_3' });
  const neighbour = await add({ ageDays: 40, endedDaysAgo: null });
  for (const [key, days] of [
    ['a', -1],
    ['b', 1],
  ] as const)
    await query(`insert into step_cache (org_id, key, output, instance_id, step_path, expires_at) values ('org_1', $1::bytea, '1', 'inst_x', 'a', $2)`, [
      key,
      new Date(NOW + days * DAY),
    ]);
  const report = await care({ retentionDays: 0 }).sweep();
  assert.deepEqual([report.deletedInstances, report.deletedResults, report.deletedWorkflows], [1, 1, 1]);
  assert.equal((await query(`select 1 as one from workflows where id = 'wf_3'`)).rows.length, 0);
  await expectOnly([neighbour]);
});

test('over the budget health says so; only where that was chosen the oldest days go before their time, and never live instances', async () => {
  await runForMonths();
  const live = await add({ ageDays: 26, endedDaysAgo: null });
  const old = await add({ ageDays: 15 });
  const young = await add({ ageDays: 1 });
  await care({ budgetBytes: 1 }).sweep();
  assert.match(board.overall().reasons.join(), /run data: \d+ bytes are over the budget of 1; shorten RUN_RETENTION_DAYS/);
  assert.equal(board.overall().status, 'degraded');
  await expectOnly([live, old, young]);
  const report = await care({ budgetBytes: 1, overBudget: 'drop' }).sweep();
  assert.ok(report.dropped.length > 0 && report.dropped.every(({ why }) => why === 'budget'));
  await expectOnly([live, young]);
  assert.match(board.overall().reasons.join(), /no older period can be dropped/);
  const runData = care({ budgetBytes: 1_000_000_000 });
  await runData.sweep();
  assert.deepEqual(board.overall().reasons, []);
  assert.equal(runData.summary?.budgetBytes, 1_000_000_000);
});

test('one sweep runs at a time, over all processes', async () => {
  await runForMonths();
  const runs = await Promise.allSettled([care().sweep(), care({}, db.open()).sweep(), care({}, db.open()).sweep()]);
  const refused = runs.flatMap((run) => (run.status === 'rejected' ? [run.reason as unknown] : []));
  assert.ok(refused.length < 3 && refused.every((error) => error instanceof AppError && error.code === 'conflict'));
});

test('tables that are busy put a period off, and writers are not held up by it', async () => {
  await resetPeriods();
  const reader = new pg.Client(db.adminUrl);
  await reader.connect();
  await reader.query('begin');
  await reader.query('select count(*) from steps');
  const sweeping = care().sweep();
  const id = await add({ ageDays: 1 });
  assert.deepEqual((await sweeping).postponed, ['after']);
  await reader.query('rollback');
  await reader.end();
  assert.ok((await care().sweep()).made.length > 0);
  await expectOnly([id]);
});

/** Busy tables may put a period off: a later sweep does it. */
async function sweepWhole(): Promise<void> {
  for (let sweeps = 1; (await care().sweep()).postponed.length > 0; sweeps++) assert.ok(sweeps < 20, 'twenty sweeps put a period off');
}

test('batches of the journal go through while periods are made and dropped', async () => {
  await runForMonths();
  const ids: string[] = [];
  let isOver = false;
  const write = async (): Promise<void> => {
    while (!isOver) {
      const id = derivedId('inst', NOW + (made % 40) * DAY, `${made++}`);
      await query(
        `with s as (insert into steps (instance_id, path, generation, org_id, status, attempt, seq) values ($1, 'a', 1, 'org_1', 'running', 1, 2))
         insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq, owner_epoch) values ($1, 'org_1', 'wf_1', 1, 'pending', 'null', 50, 'x', 1, 7)`,
        [id],
      );
      await query(
        `with s as (update steps set status = 'completed', seq = 3 where instance_id = $1), l as (insert into step_logs (instance_id, path, generation, attempt, org_id, line) values ($1, 'a', 1, 1, 'org_1', 'x'))
         update instances set status = 'running', seq = 2 where id = $1`,
        [id],
      );
      ids.push(id);
    }
  };
  const writers = [write(), write(), write()];
  for (let weeks = 0; weeks < 8; weeks++) {
    now = NOW + weeks * 7 * DAY;
    await sweepWhole();
  }
  isOver = true;
  await Promise.all(writers);
  assert.ok(ids.length > 20);
  assert.deepEqual(await idsOf('instances'), ids.toSorted());
  // What stands in many periods is listed and adopted in order.
  const { items: listed } = await searchInstances(db.database.engine, { orgId: 'org_1', limit: 200 }, systemClock);
  assert.deepEqual(
    listed.map(({ id, seq }) => [id, seq]),
    ids
      .toSorted()
      .toReversed()
      .slice(0, 200)
      .map((id) => [id, 3]),
  );
  const adopted = await adoptInstances(db.database.engine, { epoch: 8, from: 7, after: '', limit: 1_000 });
  assert.deepEqual(adopted, ids.toSorted().slice(0, 1_000));
  assert.deepEqual(
    (await readStoredInstances(db.database.engine, adopted)).map(({ id, seq }) => [id, seq]),
    adopted.map((id) => [id, 3]),
  );
});

async function filesOf(period: string): Promise<string[]> {
  const { rows } = await admin.query<{ path: string }>(
    `select current_setting('data_directory') || '/' || pg_relation_filepath(c.oid) as path from pg_class c where c.relname like '%\\_' || $1 and c.relkind = 'r' order by 1`,
    [period],
  );
  return rows.map((row) => row.path);
}

async function databaseBytes(): Promise<number> {
  const { rows } = await admin.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
  return Number(rows[0]?.bytes);
}
