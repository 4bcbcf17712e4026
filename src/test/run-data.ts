/** Run data of months that a test makes up, in weekly periods on a real database, and the care that is taken of it.
 *  Owns its database: `reset` before each test, `close` at the end. The clock starts at NOW and moves only where a test moves it. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { derivedId } from '../kernel/ids.ts';
import { createHealthBoard } from '../ops/health.ts';
import { createRunData, type RunData } from '../ops/run-data.ts';
import type { RunDataSettings } from '../ops/run-data-sweep.ts';
import type { Database } from '../store/client.ts';
import { addRunPartition, listRunPartitions } from '../store/run-data.ts';
import { silentLog, testDatabase, type TestDatabase } from './database.ts';

export const DAY = 86_400_000;
/** A Wednesday. */
export const NOW = Date.UTC(2030, 0, 9, 12);
const SETTINGS: RunDataSettings = { retentionDays: 30, periodDays: 7, budgetBytes: null, overBudget: 'alarm' };

interface Row {
  readonly ageDays: number;
  /** Default: as old as it is; null: it lives. */
  readonly endedDaysAgo?: number | null;
  readonly workflowId?: string;
  readonly parentId?: string;
}

export interface RunDataRig {
  readonly db: TestDatabase;
  /** May do what only the owner of the tables may. */
  readonly admin: pg.Client;
  readonly board: ReturnType<typeof createHealthBoard>;
  now: number;
  reset(): Promise<void>;
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<{ readonly rows: Row[] }>;
  care(options?: Partial<RunDataSettings>, database?: Database): RunData;
  /** The id of an instance that was made then; no two are the same. */
  newId(createdAt: number): string;
  /** An instance of org_1 with a step, a log line and a job. @returns its id */
  add(row: Row): Promise<string>;
  idsOf(table: 'instances' | 'steps' | 'step_logs' | 'jobs'): Promise<string[]>;
  expectOnly(ids: readonly string[]): Promise<void>;
  /** Names of the periods, oldest first. */
  names(): Promise<string[]>;
  /** One period that ended a hundred days ago, and what stands around it. */
  resetPeriods(): Promise<void>;
  /** Weeks from a hundred days ago on, as if Studio had run all the time. */
  runForMonths(): Promise<void>;
  close(): Promise<void>;
}

export async function runDataRig(): Promise<RunDataRig> {
  const db = await testDatabase();
  const admin = new pg.Client(db.adminUrl);
  await admin.connect();
  const board = createHealthBoard({ progress: { phase: 'ready' } as never });
  const clock: Clock = { ...systemClock, now: () => rig.now };
  let made = 0;
  const rig: RunDataRig = {
    db,
    admin,
    board,
    now: NOW,
    async reset() {
      rig.now = NOW;
      for (const table of ['instances', 'steps', 'step_logs', 'jobs', 'step_cache']) await rig.query(`delete from ${table}`);
      await rig.query(`update workflow_versions set definition = '{"nodes":[],"edges":[]}'`);
    },
    query: (text, values = []) => db.database.engine.query(text, values),
    care: (options = {}, database = db.database) => createRunData({ database, clock, log: silentLog, board, settings: { ...SETTINGS, ...options } }),
    newId: (createdAt) => derivedId('inst', createdAt, `${made++}`),
    async add(row) {
      const id = rig.newId(NOW - row.ageDays * DAY);
      await insertInstance(rig, id, row);
      return id;
    },
    async idsOf(table) {
      const column = table === 'instances' ? 'id' : 'instance_id';
      return (await rig.query<{ id: string }>(`select ${column} as id from ${table} order by 1`)).rows.map((row) => row.id);
    },
    async expectOnly(ids) {
      for (const table of ['instances', 'steps', 'step_logs', 'jobs'] as const) assert.deepEqual(await rig.idsOf(table), ids.toSorted(), table);
    },
    async names() {
      return (await listRunPartitions(db.database.engine)).map((one) => one.name);
    },
    resetPeriods: () => resetPeriods(admin),
    async runForMonths() {
      await resetPeriods(admin);
      for (let at = NOW - 100 * DAY; at <= NOW; at += 7 * DAY) {
        const period = { days: 7, at: new Date(at) };
        while ((await addRunPartition(db.database.engine, period)) !== undefined) continue;
      }
    },
    async close() {
      await admin.end();
      await db.close();
    },
  };
  await rig.query(`insert into orgs (id, name) values ('org_1', 'o')`);
  for (const id of ['wf_1', 'wf_2']) {
    await rig.query(`insert into workflows (id, org_id, name, version) values ($1, 'org_1', 'w', 1)`, [id]);
    await rig.query(
      `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ($1, 1, 'org_1', '{"nodes":[],"edges":[]}', '', 0)`,
      [id],
    );
  }
  return rig;
}

async function insertInstance(rig: RunDataRig, id: string, { ageDays, endedDaysAgo = ageDays, workflowId = 'wf_1', parentId }: Row): Promise<void> {
  const endedAt = endedDaysAgo === null ? null : new Date(NOW - endedDaysAgo * DAY);
  await rig.query(
    `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq, created_at, ended_at, parent_id)
     values ($1, 'org_1', $2, 1, $3, 'null', 50, 'manual', 1, $4, $5, $6)`,
    [id, workflowId, endedAt === null ? 'waiting' : 'completed', new Date(NOW - ageDays * DAY), endedAt, parentId ?? null],
  );
  await rig.query(
    `insert into steps (instance_id, path, generation, org_id, status, attempt, output, seq) values ($1, 'a', 1, 'org_1', 'completed', 1, $2, 2)`,
    [id, JSON.stringify('x'.repeat(2_000))],
  );
  await rig.query(`insert into step_logs (instance_id, path, generation, attempt, org_id, line) values ($1, 'a', 1, 1, 'org_1', 'said')`, [id]);
  await rig.query(
    `insert into jobs (id, org_id, queue, type, status, instance_id, step_path, step_generation, step_attempt, priority) values ($1, 'org_1', 'studio', 'command', 'completed', $2, 'a', 1, 1, 50)`,
    [id.replace('inst', 'job'), id],
  );
}

async function resetPeriods(admin: pg.Client): Promise<void> {
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
