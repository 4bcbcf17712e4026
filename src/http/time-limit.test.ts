import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../kernel/fail.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { createTimeLimits } from './time-limit.ts';

const never = new Promise<never>(() => undefined);
const coded = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

function limits() {
  const clock = fakeClock();
  const state = { isAway: false };
  return { clock, state, limits: createTimeLimits({ clock, requestTimeoutMs: 120_000, isDatabaseAway: () => state.isAway }) };
}

test('a request that is under way when the database goes away is given up, and told to ask again', async () => {
  const { clock, state, limits: all } = limits();
  const limit = all.begin();
  const answered = rejects(limit.of(never), coded('database_unavailable'));
  await clock.advance(5_000);
  equal(limit.signal.aborted, false);
  state.isAway = true;
  await clock.advance(1_000);
  await answered;
  equal(limit.signal.aborted, true);
});

test('whoever sends a body, or asked to wait, is not: for them the configured time counts', async () => {
  const { clock, state, limits: all } = limits();
  const [reading, waiting] = [all.begin(), all.begin()];
  const read = rejects(reading.of(reading.whileReading(never)), coded('invalid_body'));
  waiting.outlastDatabase();
  const waited = rejects(waiting.of(never), coded('internal'));
  state.isAway = true;
  await clock.advance(119_000);
  deepEqual([reading.signal.aborted, waiting.signal.aborted], [false, false]);
  await clock.advance(2_000);
  await Promise.all([read, waited]);
});

test('nothing is looked at when no request is there, and a new one is looked after again', async () => {
  const { clock, state, limits: all } = limits();
  all.begin().stop();
  await clock.advance(10_000);
  const limit = all.begin();
  equal(await limit.of(Promise.resolve(7)), 7);
  state.isAway = true;
  const answered = rejects(limit.of(never), coded('database_unavailable'));
  await clock.advance(1_000);
  await answered;
});
