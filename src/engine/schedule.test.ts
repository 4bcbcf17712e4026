/** When schedules fire and what they do with what they missed: overlaps, catching up, several processes, clocks that jump. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import type { Trigger } from '../contract/graph.ts';
import { cronParams } from '../contract/trigger-params.ts';
import type { Database } from '../store/client.ts';
import { silentLog } from '../test/database.ts';
import { triggerRig, type TriggerRig } from '../test/triggers.ts';
import { nextFire } from './cron.ts';
import { dueNow, jitterMs, ON_TIME_MS } from './due.ts';
import type { Looking } from './looking.ts';
import { createSchedule, STARTS_AT_ONCE, type TriggeredStart } from './schedule.ts';

const DAY_MS = 86_400_000;
let rig: TriggerRig;
before(async () => {
  rig = await triggerRig();
});
after(() => rig.close());
beforeEach(() => rig.reset());

const every = (params: object = {}, key = 'tick'): Trigger => ({
  key,
  type: 'cron',
  params: { expression: '* * * * *', ...params } as Trigger['params'],
  enabled: true,
});
const sync = (...triggers: Trigger[]): Promise<void> => rig.sync(triggers);
const cancelled: string[] = [];
function create(options: { readonly database?: Database; readonly start?: (start: TriggeredStart) => Promise<void> } = {}): Looking {
  return createSchedule({
    database: options.database ?? rig.db.database,
    clock: rig.clock,
    log: silentLog,
    start: options.start ?? rig.insertInstance,
    cancel: async ({ id }) => {
      cancelled.push(id);
      await end(id, 'cancelled');
    },
  });
}
async function end(id: string, status = 'completed'): Promise<void> {
  await rig.db.database.engine.query('update instances set status = $2 where id = $1', [id, status]);
}
interface Fired {
  readonly id: string;
  readonly at: string;
}
async function fired(): Promise<Fired[]> {
  const { rows } = await rig.db.database.engine.query<{ id: string; input: string }>('select id, input from instances order by id');
  return rows.map((row) => ({ id: row.id, at: (JSON.parse(row.input) as { scheduledAt: string }).scheduledAt.slice(0, 16) }));
}
const times = async (): Promise<string[]> => (await fired()).map((one) => one.at.slice(11));
interface Row {
  readonly next: Date | null;
  readonly due: Date | null;
  readonly queued: Date[];
  readonly result: { outcome: string; reason?: string; instanceId?: string } | null;
}
async function row(key = 'tick'): Promise<Row> {
  const { rows } = await rig.db.database.engine.query<Row & Record<string, unknown>>(
    `select next_fire_at as next, due_at as due, queued_at as queued, last_result as result from triggers where key = $1`,
    [key],
  );
  assert.ok(rows[0]);
  return rows[0];
}
/** Takes looks until nothing is due. */
async function settle(schedule: Looking): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    schedule.nudge();
    await new Promise((resolve) => setTimeout(resolve, 3));
    const { rows } = await rig.db.database.engine.query<{ left: boolean }>(
      `select exists (select 1 from triggers where enabled and (next_fire_at <= $1 or planned_at > $2)) as left`,
      [new Date(rig.clock.now()), new Date(rig.clock.now() + DAY_MS)],
    );
    if (rows[0]?.left === false) return;
  }
  assert.fail('still due');
}
/** A minute later, everything done. */
async function minute(schedule: Looking, count = 1): Promise<void> {
  for (let index = 0; index < count; index++) {
    rig.clock.jump(60_000);
    await settle(schedule);
  }
}

test('overlap "skip" leaves a time out while the instance before runs, and says so in the row and in an event', async () => {
  await sync(every({ overlap: 'skip' }));
  const schedule = create();
  schedule.start();
  await minute(schedule, 2);
  assert.deepEqual(await times(), ['00:01']);
  const { result } = await row();
  assert.equal(result?.outcome, 'skipped');
  assert.match(result?.reason ?? '', /inst_\w+ of the time before still runs/);
  const { rows } = await rig.db.database.engine.query<{ payload: string }>(
    `select payload from outbox where type = 'workflows:trigger:skipped' order by position`,
  );
  assert.match(rows.at(-1)?.payload ?? '', /"outcome":"skipped","dueAt":"2026-01-01T00:02:00.000Z"/);
  await end((await fired())[0]?.id ?? '');
  await minute(schedule);
  assert.deepEqual(await times(), ['00:01', '00:03']);
  await schedule.stop();
});

test('overlap "queue" starts one after the other ended, in order, none lost', async () => {
  await sync(every({ overlap: 'queue' }));
  const schedule = create();
  schedule.start();
  await minute(schedule, 3);
  assert.deepEqual(await times(), ['00:01']);
  assert.deepEqual((await row()).queued.length, 2);
  for (const expected of [
    ['00:01', '00:02'],
    ['00:01', '00:02', '00:03'],
  ]) {
    await end((await fired()).at(-1)?.id ?? '');
    rig.clock.jump(1_000);
    await settle(schedule);
    assert.deepEqual(await times(), expected);
  }
  assert.deepEqual((await row()).queued, []);
  await schedule.stop();
});

test('overlap "cancel" cancels the instance before', async () => {
  await sync(every({ overlap: 'cancel' }));
  const schedule = create();
  schedule.start();
  await minute(schedule, 2);
  await schedule.stop();
  const [first, second] = await fired();
  assert.deepEqual(cancelled, [first?.id]);
  assert.equal(second?.at.slice(11), '00:02');
});

test('up to sixteen starts are in flight', async () => {
  await sync(...Array.from({ length: 40 }, (_, index) => every({}, `t${index}`)));
  let [running, most] = [0, 0];
  const schedule = create({
    start: async (start) => {
      most = Math.max(most, ++running);
      await rig.insertInstance(start);
      running--;
    },
  });
  rig.clock.jump(60_000);
  schedule.start();
  await settle(schedule);
  await schedule.stop();
  assert.equal((await fired()).length, 40);
  assert.ok(most > 1 && most <= STARTS_AT_ONCE, `${most} at once`);
});

test('of two processes one fires; when its connection dies the other takes over; nothing fires twice', async () => {
  await sync(every());
  const started: string[] = [];
  const counting =
    (name: string) =>
    async (start: TriggeredStart): Promise<void> => {
      started.push(`${name} ${start.id}`);
      await rig.insertInstance(start);
    };
  const other = rig.db.open();
  const frozen = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const first = create({
    start: async (start) => {
      await counting('first')(start);
      reached.resolve();
      // Frozen in the middle of its lead: it wakes up when another has gone on.
      await frozen.promise;
    },
  });
  rig.clock.jump(60_000);
  first.start();
  await reached.promise;
  const second = create({ database: other, start: counting('second') });
  second.start();
  await rig.db.database.engine.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`,
  );
  await rig.clock.advance(2_000);
  await settle(second);
  await minute(second, 2);
  frozen.resolve();
  await first.stop();
  await second.stop();
  assert.deepEqual(await times(), ['00:01', '00:02', '00:03']);
  assert.deepEqual(new Set(started.map((one) => one.split(' ')[1])).size, 3);
  assert.equal((await row()).due?.toISOString(), '2026-01-01T00:04:00.000Z');
});

test('a clock that jumps, 200 times, by an hour, a month, ten years, starts no time twice, and the schedule lives on', async () => {
  await sync(every({ expression: '0 * * * *' }));
  const asked: string[] = [];
  const schedule = create({
    start: async (start) => {
      const { scheduledAt } = start.input as { scheduledAt: string };
      assert.equal(scheduledAt.slice(14, 19), '00:00');
      assert.ok(Date.parse(scheduledAt) <= rig.clock.now(), 'never early');
      asked.push(start.id);
      await rig.insertInstance(start);
    },
  });
  schedule.start();
  const jumps = fc.sample(fc.constantFrom(-3_600_000, 3_600_000, 3_600_000, 600_000, 30 * DAY_MS, -30 * DAY_MS, -3_650 * DAY_MS, 3_650 * DAY_MS), {
    numRuns: 200,
    seed: 15,
  });
  for (const jump of jumps) {
    if (rig.clock.now() + jump < Date.UTC(2000, 0, 1) || rig.clock.now() + jump > Date.UTC(2090, 0, 1)) continue;
    rig.clock.jump(jump);
    await settle(schedule);
  }
  const all = await fired();
  assert.equal(new Set(all.map((one) => one.at)).size, all.length, 'one instance a time');
  const before = asked.length;
  for (let hour = 0; hour < 30; hour++) {
    rig.clock.jump(3_600_000);
    await settle(schedule);
  }
  await schedule.stop();
  assert.ok(asked.length > before, 'it fires again');
});

test('what is due: on time it fires, missed it is dealt with as the schedule says', () => {
  const due = Date.UTC(2026, 0, 1, 0, 1);
  const cron = (more: object = {}) => cronParams.parse({ expression: '* * * * *', ...more });
  assert.deepEqual(dueNow(cron(), { due, now: due - 1 }), { next: due });
  assert.deepEqual(dueNow(cron(), { due, now: due }), { fire: due, next: due + 60_000 });
  assert.deepEqual(dueNow(cron(), { due, now: due + ON_TIME_MS }), { fire: due, next: due + 60_000 });
  const hourly = (more: object = {}) => cronParams.parse({ expression: '0 * * * *', ...more });
  const first = Date.UTC(2026, 0, 1, 1);
  const now = first + 10 * 3_600_000 + 600_000;
  const next = first + 11 * 3_600_000;
  const last = first + 10 * 3_600_000;
  assert.deepEqual([dueNow(hourly(), { due: first, now }).fire, dueNow(hourly(), { due: first, now }).next], [last, next]);
  assert.deepEqual(
    [dueNow(hourly({ catchUp: 'skip' }), { due: first, now }).fire, dueNow(hourly({ catchUp: 'skip' }), { due: first, now }).missed?.last],
    [undefined, last],
  );
  assert.deepEqual(dueNow(hourly({ catchUp: 'all' }), { due: first, now }), { fire: first, isLate: true, next: first + 3_600_000 });
  const short = dueNow(hourly({ catchUp: 'all', catchUpWindowS: 7_200 }), { due: first, now });
  assert.deepEqual([short.fire, short.next, short.missed?.last], [undefined, last - 3_600_000, last - 2 * 3_600_000]);
  assert.equal(dueNow(hourly({ catchUpWindowS: 300 }), { due: first, now }).fire, undefined, 'older than the window');
});

test('whatever was missed, looking again and again ends, fires in order, nothing twice, and nothing that lies ahead', () => {
  const arbitrary = fc.record({
    expression: fc.constantFrom('* * * * *', '*/7 * * * *', '0 * * * *', '30 2 * * *', '*/20 * * * * *', '0 0 29 2 *'),
    timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe'),
    catchUp: fc.constantFrom('skip', 'one', 'all'),
    catchUpWindowS: fc.constantFrom(60, 600, 7_200),
    jitterS: fc.constantFrom(0, 0, 30, 600),
  });
  fc.assert(
    fc.property(arbitrary, fc.integer({ min: 0, max: 20 * DAY_MS }), (params, sleptMs) => {
      const cron = cronParams.parse(params);
      let due: number | undefined = nextFire(cron, Date.UTC(2026, 2, 20));
      assert.ok(due !== undefined);
      const now = due + sleptMs;
      const seen: number[] = [];
      for (let look = 0; due !== undefined; look++) {
        assert.ok(look < 2_000, 'it ends');
        const at = dueNow(cron, { due, now });
        if (at.fire !== undefined) {
          assert.ok(at.fire <= now && now >= at.fire + (at.isLate === true ? 0 : jitterMs(cron, at.fire)));
          assert.ok(at.fire > (seen.at(-1) ?? 0), 'in order, once');
          if (at.isLate === true) assert.ok(at.fire >= now - cron.catchUpWindowS * 1_000 && cron.catchUp !== 'skip');
          seen.push(at.fire);
        }
        if (at.fire === undefined && at.next === due) break;
        assert.ok(at.next === undefined || at.next > due);
        due = at.next;
      }
    }),
    { numRuns: 1_000 },
  );
});
