import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { AppError } from '../kernel/fail.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import { createGatewayLimits, type GatewayLimits, type LimitedBy } from './gateway-limits.ts';

let db: TestDatabase;
before(async () => {
  db = await testDatabase();
});
after(() => db.close());
beforeEach(async () => {
  await db.database.engine.query('delete from model_limits_used');
  await db.database.engine.query('delete from model_limits_running');
});

/** As a process of Studio has them. */
const made = (clock: FakeClock): GatewayLimits => createGatewayLimits({ sql: db.database.engine, clock, log: silentLog });

const key: LimitedBy = { id: 'key_1', who: 'this API key', limits: { requestsPerMinute: 2 } };
const refused = (retryAfterS: number) => (error: unknown) =>
  error instanceof AppError && error.code === 'rate_limited' && Math.ceil(error.retryAfterS ?? 0) === retryAfterS;

test('requests beyond the minute wait until the bucket has one again', async () => {
  const clock = fakeClock();
  const limits = made(clock);
  await limits.admit([key], 1);
  await limits.admit([key], 1);
  await assert.rejects(limits.admit([key], 1), refused(30));
  await clock.advance(30_000);
  assert.equal((await limits.admit([key], 1)).headers['x-ratelimit-remaining-requests'], '0');
  await assert.rejects(limits.admit([key], 1), refused(30));
});

test('tokens are taken by estimate and set right at the end, so that long answers count', async () => {
  const clock = fakeClock();
  const limits = made(clock);
  const subject = { ...key, limits: { tokensPerMinute: 600 } };
  const first = await limits.admit([subject], 100);
  assert.equal(first.headers['x-ratelimit-remaining-tokens'], '500');
  first.end(700);
  first.end(700);
  await assert.rejects(limits.admit([subject], 100), refused(20));
  await clock.advance(20_000);
  const second = await limits.admit([subject], 100);
  second.end(0);
  assert.equal((await limits.admit([subject], 0)).headers['x-ratelimit-remaining-tokens'], '100', 'what was not used is given back');
});

test('a request larger than the minute needs all of it, and is not refused for ever', async () => {
  const clock = fakeClock();
  const limits = made(clock);
  const subject = { ...key, limits: { tokensPerMinute: 60 } };
  (await limits.admit([subject], 1_000)).end(1_000);
  await assert.rejects(limits.admit([subject], 1_000), AppError);
  await clock.advance(18 * 60_000);
  await limits.admit([subject], 1_000);
});

test('so many at the same time; nothing is taken from anybody by a refusal', async () => {
  const limits = made(fakeClock());
  const org: LimitedBy = { id: 'org_1', who: 'your organisation', limits: { concurrent: 1 } };
  const first = await limits.admit([key, org], 1);
  await assert.rejects(limits.admit([key, org], 1), /your organisation may have 1 requests answered at the same time/);
  first.end(1);
  // The key's two requests: the refused one took none of them.
  (await limits.admit([key, org], 1)).end(1);
  await assert.rejects(limits.admit([key, org], 1), /2 requests a minute/);
});

test('what is used is told, and goes down with time', async () => {
  const clock = fakeClock();
  const limits = made(clock);
  const subject = { ...key, limits: { requestsPerMinute: 6, tokensPerMinute: 600, concurrent: 2 } };
  assert.deepEqual(await limits.used(subject), { requestsPerMinute: 0, tokensPerMinute: 0, concurrent: 0 });
  await limits.admit([subject], 300);
  assert.deepEqual(await limits.used(subject), { requestsPerMinute: 1, tokensPerMinute: 300, concurrent: 1 });
  await clock.advance(20_000);
  assert.deepEqual(await limits.used(subject), { requestsPerMinute: 0, tokensPerMinute: 100, concurrent: 1 });
  assert.deepEqual(await limits.used({ id: subject.id, limits: { concurrent: 2 } }), { concurrent: 1 });
});

test('without limits nothing is counted and no header is set', async () => {
  const limits = made(fakeClock());
  assert.deepEqual((await limits.admit([{ ...key, limits: {} }], 1_000_000)).headers, {});
});

test('a limit that changes holds from the next request on', async () => {
  const limits = made(fakeClock());
  await limits.admit([{ ...key, limits: {} }], 1);
  await limits.admit([key], 1);
  await assert.rejects(limits.admit([{ ...key, limits: { requestsPerMinute: 1, tokensPerMinute: 1 } }], 5), AppError);
});

test('what was used counts after a restart, and in a process beside it', async () => {
  const clock = fakeClock();
  const first = made(clock);
  await first.admit([key], 1);
  await first.stop();
  const [second, third] = [made(clock), made(clock)];
  await second.admit([key], 1);
  await assert.rejects(third.admit([key], 1), refused(30));
  await clock.advance(30_000);
  await third.admit([key], 1);
});

test('of many that come at once to several processes, so many are let in as may be', async () => {
  const clock = fakeClock();
  const [one, two, three] = [made(clock), made(clock), made(clock)];
  const subject = { ...key, limits: { requestsPerMinute: 10, concurrent: 7 } };
  const org: LimitedBy = { id: 'org_1', who: 'your organisation', limits: { tokensPerMinute: 500 } };
  const told = await Promise.allSettled(
    Array.from({ length: 10 }, () => [one.admit([subject, org], 100), two.admit([org, subject], 100), three.admit([subject, org], 100)]).flat(),
  );
  assert.equal(told.filter(({ status }) => status === 'fulfilled').length, 5);
});

test('answers at once count in all processes; a process that died gives them back after half a minute, one that ends at once', async () => {
  const clock = fakeClock();
  const subject = { ...key, limits: { concurrent: 1 } };
  const [dead, alive] = [made(clock), made(clock)];
  alive.start();
  await dead.admit([subject], 1);
  await assert.rejects(alive.admit([subject], 1), /1 requests answered at the same time/);
  await clock.advance(31_000);
  await alive.admit([subject], 1);
  // Seen again and again: it is no dead one.
  const seenAt = async (): Promise<number> =>
    Number(
      (await db.database.engine.query<{ ms: number }>('select max(extract(epoch from seen_at) * 1000)::float8 as ms from model_limits_running')).rows[0]?.ms,
    );
  for (let beat = 0; beat < 4; beat++) {
    await clock.advance(10_000);
    while ((await seenAt()) < clock.now() - 1_000) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await assert.rejects(dead.admit([subject], 1));
  await alive.stop();
  await dead.admit([subject], 1);
});

test('what is all given back leaves no row', async () => {
  const clock = fakeClock();
  const limits = made(clock);
  limits.start();
  (await limits.admit([{ ...key, limits: { requestsPerMinute: 60, concurrent: 5 } }], 1)).end(1);
  await clock.advance(15_000);
  const rows = async (): Promise<number> =>
    (await db.database.engine.query('select 1 from model_limits_used union all select 1 from model_limits_running')).rows.length;
  while ((await rows()) > 0) await clock.advance(10_000);
  await limits.stop();
});
