import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../kernel/fail.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { createGatewayLimits, type LimitedBy } from './gateway-limits.ts';

const key: LimitedBy = { id: 'key_1', who: 'this API key', limits: { requestsPerMinute: 2 } };
const refused = (retryAfterS: number) => (error: unknown) =>
  error instanceof AppError && error.code === 'rate_limited' && Math.ceil(error.retryAfterS ?? 0) === retryAfterS;

test('requests beyond the minute wait until the bucket has one again', async () => {
  const clock = fakeClock();
  const limits = createGatewayLimits(clock);
  limits.admit([key], 1);
  limits.admit([key], 1);
  assert.throws(() => limits.admit([key], 1), refused(30));
  await clock.advance(30_000);
  assert.equal(limits.admit([key], 1).headers['x-ratelimit-remaining-requests'], '0');
  assert.throws(() => limits.admit([key], 1), refused(30));
});

test('tokens are taken by estimate and set right at the end, so that long answers count', async () => {
  const clock = fakeClock();
  const limits = createGatewayLimits(clock);
  const subject = { ...key, limits: { tokensPerMinute: 600 } };
  const first = limits.admit([subject], 100);
  assert.equal(first.headers['x-ratelimit-remaining-tokens'], '500');
  first.end(700);
  first.end(700);
  assert.throws(() => limits.admit([subject], 100), refused(20));
  await clock.advance(20_000);
  const second = limits.admit([subject], 100);
  second.end(0);
  assert.equal(limits.admit([subject], 0).headers['x-ratelimit-remaining-tokens'], '100', 'what was not used is given back');
});

test('a request larger than the minute needs all of it, and is not refused for ever', async () => {
  const clock = fakeClock();
  const limits = createGatewayLimits(clock);
  const subject = { ...key, limits: { tokensPerMinute: 60 } };
  limits.admit([subject], 1_000).end(1_000);
  assert.throws(() => limits.admit([subject], 1_000), AppError);
  await clock.advance(18 * 60_000);
  limits.admit([subject], 1_000);
});

test('so many at the same time; nothing is taken from anybody by a refusal', () => {
  const limits = createGatewayLimits(fakeClock());
  const org: LimitedBy = { id: 'org_1', who: 'your organisation', limits: { concurrent: 1 } };
  const first = limits.admit([key, org], 1);
  assert.throws(() => limits.admit([key, org], 1), /your organisation may have 1 requests answered at the same time/);
  first.end(1);
  // The key's two requests: the refused one took none of them.
  limits.admit([key, org], 1).end(1);
  assert.throws(() => limits.admit([key, org], 1), /2 requests a minute/);
});

test('without limits nothing is counted and no header is set', () => {
  const limits = createGatewayLimits(fakeClock());
  assert.deepEqual(limits.admit([{ ...key, limits: {} }], 1_000_000).headers, {});
});

test('a limit that changes holds from the next request on', () => {
  const limits = createGatewayLimits(fakeClock());
  limits.admit([{ ...key, limits: {} }], 1);
  limits.admit([key], 1);
  assert.throws(() => limits.admit([{ ...key, limits: { requestsPerMinute: 1, tokensPerMinute: 1 } }], 5), AppError);
});
