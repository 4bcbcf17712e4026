import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Costs } from '../../contract/costs.ts';
import type { IdleState } from '../../contract/idle.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

const HOUR = 3_600_000;

test('a price is set for what comes, and jobs pay for the slots they held; others see no ids of theirs', async () => {
  const { superAdmin, admin, user, stranger } = app.people;
  deepEqual((await superAdmin.client.expect(200, 'GET', '/api/v1/costs'))['price'], { perHour: null, currency: 'USD', source: 'unknown' });
  const set = await superAdmin.client.expect(200, 'PUT', '/api/v1/costs/price', { price: { perHour: 3.6, currency: 'EUR' } });
  deepEqual(set, { perHour: 3.6, currency: 'EUR', source: 'set' });
  // As if it had run since two hours ago, with one job for an hour of it.
  await app.admin.query(`update machine_runs set started_at = now() - interval '2 hours', slots = 4, gpus = 0 where per_hour is not null`);
  await app.admin.query(
    `insert into jobs (id, org_id, queue, type, status, priority, started_at, ended_at) values ('job_cost', $1, 'studio', 'command', 'completed', 50, now() - interval '90 minutes', now() - interval '30 minutes')`,
    [superAdmin.orgId],
  );
  const since = new Date(Date.now() - 6 * HOUR).toISOString();
  const read = async (client: typeof superAdmin.client, groupBy: string): Promise<Costs> =>
    (await client.expect(200, 'GET', `/api/v1/costs?groupBy=${groupBy}&since=${since}`)) as unknown as Costs;
  const byJob = await read(admin.client, 'job');
  ok(Math.abs(byJob.total - 7.2) < 0.05 && Math.abs(byJob.attributed - 0.9) < 0.01, JSON.stringify(byJob));
  deepEqual(
    byJob.items.map(({ key, name, jobs, slotHours }) => [key, name, jobs, Math.round(slotHours)]),
    [['job_cost', 'Direct job', 1, 1]],
  );
  equal((await read(admin.client, 'workflow')).items[0]?.key, 'direct');
  const theirs = await read(stranger.client, 'job');
  deepEqual(
    theirs.items.map(({ key, name }) => [key, name]),
    [[null, 'Other organisations']],
  );
  equal((await read(stranger.client, 'org')).items[0]?.name, 'Home');
  await user.client.expect(403, 'GET', '/api/v1/costs');
  await admin.client.expect(403, 'PUT', '/api/v1/costs/price', { price: null });
  match(JSON.stringify(await admin.client.expect(400, 'GET', `/api/v1/costs?since=${new Date(Date.now() + HOUR).toISOString()}`)), /does not lie before/);
});

test('the idle policy is read and set by a super administrator, outside of a pod it says that it can not stop', async () => {
  const { superAdmin, admin } = app.people;
  const before = (await superAdmin.client.expect(200, 'GET', '/api/v1/idle')) as unknown as IdleState;
  deepEqual([before.phase, before.policy.enabled, before.canStop.ok], ['off', false, false]);
  match(before.canStop.message, /no RunPod pod/);
  const set = (await superAdmin.client.expect(200, 'PUT', '/api/v1/idle', { enabled: true, afterMs: 7_200_000 })) as unknown as IdleState;
  deepEqual([set.phase, set.policy.afterMs], ['awake', 7_200_000]);
  await admin.client.expect(403, 'GET', '/api/v1/idle');
  await superAdmin.client.expect(400, 'PUT', '/api/v1/idle', { afterMs: 5 });
  const { rows } = await app.admin.query(`select action from audit where action like 'idle.%' or action like 'machine.%' order by id`);
  deepEqual(
    rows.map((row: { action: string }) => row.action),
    ['machine.price_set', 'idle.policy_set'],
  );
});
