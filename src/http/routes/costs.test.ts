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
  ok(Math.abs((byJob.items[0]?.share ?? 0) - 0.125) < 0.01 && byJob.idle === 0);
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

test('models and services pay for what they hold, idle time apart; a model of the machine is shared by those who asked it', async () => {
  const { superAdmin, admin, user, stranger } = app.people;
  // An hour of a model that held a quarter of the machine and was used half of that time; a service for half an hour, of the org.
  await app.admin.query(
    `insert into machine_uses (lease_id, kind, tenant_id, name, org_id, gpus, part, granted_at, seen_at, busy_ms) values
       ('lease_m', 'model', 'mdl_1', 'qwen', null, 0, 0.25, now() - interval '80 minutes', now() - interval '20 minutes', 1800000),
       ('lease_s', 'service', 'service:comfy', 'comfy', $1, 0, 0.5, now() - interval '80 minutes', now() - interval '50 minutes', 1800000)`,
    [user.orgId],
  );
  await app.admin.query(
    `insert into model_usage (org_id, day, model, caller, requests, failed, prompt_tokens, completion_tokens)
     select o, current_date, 'qwen', 'user_1', 0, 0, t, 0 from (values ($1, 300), ($2, 100)) as v (o, t)`,
    [user.orgId, stranger.orgId],
  );
  const since = new Date(Date.now() - 6 * HOUR).toISOString();
  const linesOf = async (client: typeof admin.client, groupBy: string): Promise<unknown[]> => {
    const { items, idle } = (await client.expect(200, 'GET', `/api/v1/costs?groupBy=${groupBy}&since=${since}`)) as unknown as Costs;
    ok(Math.abs(idle - 0.45) < 0.01);
    return items.map(({ kind, name, cost, idleCost }) => [kind, name, Math.round(cost * 100) / 100, Math.round(idleCost * 100) / 100]);
  };
  // 3.6 an hour: the model a quarter of an hour of it, half of that idle; the service half of half an hour.
  deepEqual((await linesOf(admin.client, 'workflow')).toSorted(), [
    ['model', 'qwen', 0.9, 0.45],
    ['service', 'comfy', 0.9, 0],
    ['workflow', 'Direct jobs', 0.9, 0],
  ]);
  deepEqual((await linesOf(admin.client, 'kind')).toSorted(), [
    ['job', 'Jobs', 0.9, 0],
    ['model', 'Models', 0.9, 0.45],
    ['service', 'Services', 0.9, 0],
  ]);
  // Three of four tokens were theirs.
  deepEqual(await linesOf(superAdmin.client, 'org'), [
    ['org', 'Home', 2.14, 0],
    ['org', 'The machine', 0.45, 0.45],
    ['org', 'Elsewhere', 0.11, 0],
  ]);
  deepEqual((await linesOf(stranger.client, 'job')).toSorted(), [
    ['model', 'qwen', 0.9, 0.45],
    ['org', 'Other organisations', 1.8, 0],
  ]);
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
