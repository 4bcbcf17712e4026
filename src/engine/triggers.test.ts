/** Triggers as a whole: schedules that fire once whatever dies, switches and pauses, publishing. Calls of webhooks: webhooks.test. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Trigger } from '../contract/graph.ts';
import { AppError } from '../kernel/fail.ts';
import { codeOf, command, hook, minutely, START, triggerRig, webhookRequest, type TriggerRig } from '../test/triggers.ts';
import { validateTriggers } from './trigger-faults.ts';

let rig: TriggerRig;
before(async () => {
  rig = await triggerRig();
});
after(() => rig.close());
beforeEach(() => rig.reset());

test('a schedule fires at its minutes, once each, with ids that say when', async () => {
  await rig.sync([minutely]);
  const triggers = rig.create();
  triggers.start();
  for (let minute = 1; minute <= 3; minute++) {
    while (rig.clock.pending < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    while ((await rig.instances()).length < minute) {
      await rig.clock.advance(5_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await triggers.stop();
  const fired = await rig.instances();
  assert.deepEqual(
    fired.map((one) => [one.started_by, JSON.parse(one.input)]),
    [1, 2, 3].map((minute) => ['cron:tick', { scheduledAt: `2026-01-01T00:0${minute}:00.000Z` }]),
  );
});

test('several processes on one database fire every time once', async () => {
  await rig.sync([minutely, { ...minutely, key: 'tock' }]);
  const others = [rig.db.open(), rig.db.open()];
  rig.clock.jump(60_000);
  const all = [rig.db.database, ...others].map((database) => rig.create({ database }));
  for (const one of all) one.start();
  await rig.untilFired(2);
  await Promise.all(all.map((one) => one.stop()));
  assert.deepEqual((await rig.instances()).map((one) => one.started_by).toSorted(), ['cron:tick', 'cron:tock']);
});

test('killed between the start and the move: the same time starts nothing twice', async () => {
  await rig.sync([minutely]);
  rig.clock.jump(60_000);
  let isFirst = true;
  const dying = rig.create({
    start: async (start) => {
      await rig.insertInstance(start);
      if (isFirst) {
        isFirst = false;
        // The connection that holds the claim dies before it can move the trigger on.
        await rig.db.database.engine.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`,
        );
      }
    },
  });
  dying.start();
  await rig.untilFired(1);
  await rig.clock.advance(1_000);
  while ((await rig.row('tick')).next?.getTime() === Date.UTC(2026, 0, 1, 0, 1)) await new Promise((resolve) => setTimeout(resolve, 5));
  await dying.stop();
  assert.equal((await rig.instances()).length, 1);
});

test('what was missed while Studio was down fires once, and then goes on at the next time', async () => {
  await rig.sync([minutely]);
  rig.clock.jump(3_600_000);
  const triggers = rig.create();
  triggers.start();
  await rig.untilFired(1);
  await triggers.stop();
  assert.deepEqual(
    (await rig.instances()).map((one) => JSON.parse(one.input)),
    [{ scheduledAt: '2026-01-01T01:00:00.000Z' }],
  );
  assert.equal((await rig.row('tick')).next?.toISOString(), '2026-01-01T01:01:00.000Z');
});

test('one switch pauses everything; what a schedule missed meanwhile is caught up as it says', async () => {
  const missed = (key: string, catchUp: string): Trigger => ({ ...minutely, key, params: { ...minutely.params, catchUp } });
  await rig.sync([missed('all', 'all'), missed('one', 'one'), missed('skip', 'skip'), hook({ auth: 'none' })]);
  await rig.db.database.engine.query(`insert into settings (org_id, key, value) values ('org_a', 'triggersPaused', 'true')`);
  rig.clock.jump(600_000);
  const triggers = rig.create();
  triggers.start();
  assert.equal(await codeOf(triggers.receive(webhookRequest((await rig.row('hook')).token))), 'conflict');
  assert.deepEqual(await rig.instances(), []);
  assert.equal((await rig.row('one')).next?.toISOString(), '2026-01-01T00:01:00.000Z', 'still due');
  await rig.db.database.engine.query(`update settings set value = 'false' where key = 'triggersPaused'`);
  triggers.nudge();
  assert.equal(await codeOf(triggers.receive(webhookRequest((await rig.row('hook')).token))), 'done');
  await rig.untilFired(13);
  await triggers.stop();
  const count = new Map<string, number>();
  for (const one of await rig.instances()) count.set(one.started_by, (count.get(one.started_by) ?? 0) + 1);
  // The last time is on time, whatever the policy.
  assert.deepEqual(Object.fromEntries(count), { 'cron:all': 10, 'cron:one': 1, 'cron:skip': 1, 'webhook:hook': 1 });
});

test("another organisation's pause is its own", async () => {
  await rig.sync([hook({ auth: 'none' })]);
  await rig.db.database.engine.query(`insert into settings (org_id, key, value) values ('org_b', 'triggersPaused', 'true')`);
  assert.equal(await codeOf(rig.create().receive(webhookRequest((await rig.row('hook')).token))), 'done');
});

test('a trigger that is off, and an archived workflow, never fire', async () => {
  await rig.sync([minutely, hook({ auth: 'none' })]);
  const triggers = rig.create();
  await triggers.disable(command('tick'));
  await triggers.disable(command('hook'));
  rig.clock.jump(600_000);
  triggers.start();
  assert.equal(await codeOf(triggers.receive(webhookRequest((await rig.row('hook')).token))), 'not_found');
  await triggers.enable(command('tick'));
  await triggers.enable(command('hook'));
  await rig.db.database.engine.query(`update workflows set archived_at = now() where id = 'wf_1'`);
  assert.equal(await codeOf(triggers.receive(webhookRequest((await rig.row('hook')).token))), 'not_found');
  rig.clock.jump(600_000);
  triggers.nudge();
  while ((await rig.row('tick')).next !== null) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await codeOf(triggers.enable(command('tick'))), 'conflict');
  await triggers.stop();
  assert.deepEqual(await rig.instances(), []);
});

test('a workflow that can not start says why and holds back no other', async () => {
  await rig.sync([minutely, { ...minutely, key: 'well' }]);
  rig.clock.jump(60_000);
  const triggers = rig.create({
    start: async (start) => {
      if (start.startedBy === 'cron:tick') throw new AppError('invalid_body', { message: 'input.name is missing' });
      await rig.insertInstance(start);
    },
  });
  triggers.start();
  await rig.untilFired(1);
  await triggers.stop();
  assert.deepEqual(
    (await rig.instances()).map((one) => one.started_by),
    ['cron:well'],
  );
  assert.equal((await rig.row('tick')).error, 'input.name is missing');
});

test('publishing keeps URLs and switches, takes away what is gone, and keeps the place of a schedule that did not change', async () => {
  const triggers = rig.create();
  await rig.sync([minutely, hook({ auth: 'none' }), hook({ auth: 'none' }, 'old')]);
  const first = await rig.row('hook');
  await triggers.disable(command('hook'));
  rig.clock.jump(10 * 60_000);
  await rig.sync([minutely, hook({ auth: 'none', methods: ['GET'] })]);
  assert.equal((await rig.row('hook')).token, first.token);
  assert.equal((await rig.row('hook')).enabled, false, 'switched off by hand');
  assert.equal((await rig.row('tick')).next?.toISOString(), '2026-01-01T00:01:00.000Z', 'due and not yet fired');
  assert.equal((await rig.db.database.engine.query(`select key from triggers where key = 'old'`)).rows.length, 0);
  await rig.sync([{ ...minutely, enabled: false }, hook({ auth: 'none' })]);
  assert.deepEqual([(await rig.row('tick')).enabled, (await rig.row('tick')).next], [false, null]);
  await rig.sync([minutely, hook({ auth: 'none' })]);
  assert.equal((await rig.row('tick')).next?.toISOString(), '2026-01-01T00:11:00.000Z');
});

test("a switch writes its event in the workflow's stream", async () => {
  await rig.sync([minutely]);
  await rig.create().disable(command('tick'));
  const { rows } = await rig.db.database.engine.query<{ type: string; sequence: number; payload: string }>(
    `select type, sequence, payload from outbox where kind = 'workflow' order by position desc limit 1`,
  );
  assert.deepEqual(rows, [{ type: 'workflows:trigger:changed', sequence: 1, payload: '{"key":"tick","enabled":false}' }]);
});

test('faults of triggers are named with their place', () => {
  const problems = validateTriggers(
    [
      minutely,
      { ...minutely, params: { expression: '99 * * * *' } },
      { ...minutely, key: 'zone', params: { expression: '* * * * *', timezone: 'Mars/X' } },
      hook({ auth: 'hmac' }),
      hook({}, 'bare'),
      hook({ auth: 'none', extra: 1 }, 'more'),
    ],
    { nowMs: START, hasInputSchema: false },
  );
  assert.deepEqual(
    problems.map((problem) => `${problem.path} ${problem.code}`),
    [
      'triggers[1].key duplicate_trigger',
      'triggers[1].params.expression invalid_cron',
      'triggers[2].params.timezone invalid_timezone',
      'triggers[3].params.secret missing_secret',
      'triggers[4].params.auth invalid_trigger',
      'triggers[5].params invalid_trigger',
    ],
  );
});
