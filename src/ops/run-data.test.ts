/** What of run data is kept and for how long: by workflow, by archive, by budget; one sweep at a time. Whole periods: run-periods. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { AppError } from '../kernel/fail.ts';
import { DAY, NOW, runDataRig, type RunDataRig } from '../test/run-data.ts';

let rig: RunDataRig;
before(async () => {
  rig = await runDataRig();
});
after(() => rig.close());
beforeEach(() => rig.reset());

test('a workflow that keeps less loses rows, one that would keep more does not; a child stays while its parent lives', async () => {
  await rig.runForMonths();
  await rig.query(`update workflow_versions set definition = '{"nodes":[],"edges":[],"settings":{"retentionDays":2}}' where workflow_id = 'wf_1'`);
  await rig.query(`update workflow_versions set definition = '{"nodes":[],"edges":[],"settings":{"retentionDays":900}}' where workflow_id = 'wf_2'`);
  const parent = await rig.add({ ageDays: 5, endedDaysAgo: null });
  const child = await rig.add({ ageDays: 4, parentId: parent });
  const young = await rig.add({ ageDays: 1 });
  const lately = await rig.add({ ageDays: 5, endedDaysAgo: 1 });
  const other = await rig.add({ ageDays: 4, workflowId: 'wf_2' });
  await rig.add({ ageDays: 4 });
  await rig.add({ ageDays: 75, workflowId: 'wf_2' });
  const report = await rig.care().sweep();
  assert.equal(report.deletedInstances, 1);
  await rig.expectOnly([parent, child, young, lately, other]);
  assert.equal((await rig.care({ retentionDays: 0 }).sweep()).deletedInstances, 0);
});

test('the definition of a test run is kept as long as an instance names it', async () => {
  const kept = await rig.add({ ageDays: 5 });
  await rig.query(`update instances set is_test = true, version = -1 where id = $1`, [kept]);
  for (const version of [-1, -2, -3])
    await rig.query(`insert into test_definitions (version, workflow_id, org_id, definition, created_at) values ($1, 'wf_1', 'org_1', '{}', $2)`, [
      version,
      // The last was written just now: its instance may be on its way.
      new Date(version === -3 ? NOW : NOW - DAY),
    ]);
  await rig.care().sweep();
  const { rows } = await rig.query<{ version: number }>('select version from test_definitions order by version desc');
  assert.deepEqual(
    rows.map((row) => row.version),
    [-1, -3],
  );
});

test('an archived workflow goes with its instances after 30 days; cached results go when their time is over', async () => {
  await rig.runForMonths();
  await rig.query(`insert into workflows (id, org_id, name, version, archived_at) values ('wf_3', 'org_1', 'w', 1, $1)`, [new Date(NOW - 31 * DAY)]);
  await rig.query(
    `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_3', 1, 'org_1', '{}', '', 0)`,
  );
  await rig.add({ ageDays: 40, endedDaysAgo: 1, workflowId: 'wf_3' });
  const neighbour = await rig.add({ ageDays: 40, endedDaysAgo: null });
  for (const [key, days] of [
    ['a', -1],
    ['b', 1],
  ] as const)
    await rig.query(`insert into step_cache (org_id, key, output, instance_id, step_path, expires_at) values ('org_1', $1::bytea, '1', 'inst_x', 'a', $2)`, [
      key,
      new Date(NOW + days * DAY),
    ]);
  const report = await rig.care({ retentionDays: 0 }).sweep();
  assert.deepEqual([report.deletedInstances, report.deletedResults, report.deletedWorkflows], [1, 1, 1]);
  assert.equal((await rig.query(`select 1 as one from workflows where id = 'wf_3'`)).rows.length, 0);
  await rig.expectOnly([neighbour]);
});

test('over the budget health says so; only where that was chosen the oldest days go before their time, and never live instances', async () => {
  await rig.runForMonths();
  const live = await rig.add({ ageDays: 26, endedDaysAgo: null });
  const old = await rig.add({ ageDays: 15 });
  const young = await rig.add({ ageDays: 1 });
  await rig.care({ budgetBytes: 1 }).sweep();
  assert.match(rig.board.overall().reasons.join(), /run data: \d+ bytes are over the budget of 1; shorten RUN_RETENTION_DAYS/);
  assert.equal(rig.board.overall().status, 'degraded');
  await rig.expectOnly([live, old, young]);
  const report = await rig.care({ budgetBytes: 1, overBudget: 'drop' }).sweep();
  assert.ok(report.dropped.length > 0 && report.dropped.every(({ why }) => why === 'budget'));
  await rig.expectOnly([live, young]);
  assert.match(rig.board.overall().reasons.join(), /no older period can be dropped/);
  const runData = rig.care({ budgetBytes: 1_000_000_000 });
  await runData.sweep();
  assert.deepEqual(rig.board.overall().reasons, []);
  assert.equal(runData.summary?.budgetBytes, 1_000_000_000);
});

test('one sweep runs at a time, over all processes', async () => {
  await rig.runForMonths();
  const runs = await Promise.allSettled([rig.care().sweep(), rig.care({}, rig.db.open()).sweep(), rig.care({}, rig.db.open()).sweep()]);
  const refused = runs.flatMap((run) => (run.status === 'rejected' ? [run.reason as unknown] : []));
  assert.ok(refused.length < 3 && refused.every((error) => error instanceof AppError && error.code === 'conflict'));
});
