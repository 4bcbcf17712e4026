import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import { createBackends, type Backends } from './backends.ts';
import { UpstreamError, type UpstreamFault, type UpstreamReply, type UpstreamRequest } from './upstream.ts';

interface Rig {
  readonly backends: Backends;
  readonly clock: FakeClock;
  /** Which server was asked, in order. */
  readonly asked: string[];
  /** What each server does now; absent: it answers. */
  readonly faults: Map<string, UpstreamFault>;
}

function rig(urls: readonly string[]): Rig {
  const clock = fakeClock();
  const asked: string[] = [];
  const faults = new Map<string, UpstreamFault>();
  const exchange = async (url: string, { path }: UpstreamRequest): Promise<UpstreamReply> => {
    asked.push(path === '/models' ? `check ${url}` : url);
    const fault = faults.get(url);
    if (fault !== undefined) throw new UpstreamError(fault, `${url} is ${fault}`);
    return { status: 200, headers: {}, body: Readable.from([Buffer.from('ok')]) };
  };
  return { backends: createBackends({ urls, exchange, probePath: '/models', clock, random: () => 0 }), clock, asked, faults };
}

const request = (): UpstreamRequest => ({ method: 'POST', path: '/chat/completions', headers: {}, signal: new AbortController().signal });

/** Sends, and lets time pass while a pause is waited for. */
async function send({ backends, clock }: Rig): Promise<UpstreamReply> {
  const sent = backends.send(request());
  sent.catch(() => undefined);
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(500);
  }
  return sent;
}

async function drained(reply: UpstreamReply): Promise<void> {
  for await (const _ of reply.body);
  await new Promise((resolve) => setImmediate(resolve));
}

test('the server with the least in flight is asked, until its answer was read', async () => {
  const { backends, asked } = rig(['a', 'b', 'c']);
  const replies = [await backends.send(request()), await backends.send(request()), await backends.send(request())];
  assert.deepEqual(asked.toSorted(), ['a', 'b', 'c']);
  const [first] = replies;
  if (first !== undefined) await drained(first);
  await backends.send(request());
  assert.equal(asked.at(-1), asked[0], 'the one that is free again');
  backends.stop();
});

test('a request without an answer is tried again, on another server where there is one, three times at most', async () => {
  const two = rig(['a', 'b']);
  two.faults.set('a', 'unreachable');
  two.faults.set('b', 'failed');
  await assert.rejects(send(two), UpstreamError);
  assert.equal(two.asked.length, 3);
  assert.equal(new Set(two.asked.slice(0, 2)).size, 2);
  const one = rig(['a']);
  one.faults.set('a', 'overloaded');
  const sent = one.backends.send(request());
  await new Promise((resolve) => setImmediate(resolve));
  one.faults.clear();
  await one.clock.advance(250);
  assert.equal((await sent).status, 200);
});

test('what is refused is not tried again, nor what is asked to come later than is worth waiting for', async () => {
  for (const fault of ['refused', 'denied', 'broken'] as const) {
    const one = rig(['a']);
    one.faults.set('a', fault);
    await assert.rejects(send(one), UpstreamError);
    assert.equal(one.asked.length, 1);
  }
  let count = 0;
  const backends = createBackends({
    urls: ['a'],
    exchange: async () => {
      count += 1;
      throw new UpstreamError('overloaded', 'busy', { retryAfterMs: 60_000 });
    },
    probePath: '/models',
    clock: fakeClock(),
    random: () => 0,
  });
  await assert.rejects(backends.send(request()), UpstreamError);
  assert.equal(count, 1);
});

test('a server that fails three times in a row is left out, longer each time, and comes back when it answers', async () => {
  const { backends, clock, asked, faults } = rig(['a', 'b']);
  faults.set('a', 'unreachable');
  for (let turn = 0; turn < 6; turn++) await drained(await backends.send(request()));
  assert.equal(asked.filter((url) => url === 'a').length, 3);
  assert.deepEqual(
    backends.states().map(({ isUp }) => isUp),
    [false, true],
  );
  // Its time is over: one trial, which fails; then it is out for twice as long.
  await clock.advance(1_000);
  for (let turn = 0; turn < 4; turn++) await drained(await backends.send(request()));
  assert.equal(asked.filter((url) => url === 'a').length, 4);
  await clock.advance(1_000);
  for (let turn = 0; turn < 4; turn++) await drained(await backends.send(request()));
  assert.equal(asked.filter((url) => url === 'a').length, 4);
  faults.clear();
  await clock.advance(1_000);
  for (let turn = 0; turn < 2; turn++) await drained(await backends.send(request()));
  assert.ok(backends.states().every(({ isUp }) => isUp));
  backends.stop();
});

test('where all are left out, one is asked all the same', async () => {
  const one = rig(['a']);
  one.faults.set('a', 'failed');
  await assert.rejects(send(one), UpstreamError);
  assert.equal(one.backends.states()[0]?.isUp, false);
  one.faults.clear();
  assert.equal((await send(one)).status, 200);
});

test('servers beside each other are checked while they are used, and not for ever', async () => {
  const pair = rig(['a', 'b']);
  await drained(await pair.backends.send(request()));
  pair.faults.set('b', 'unreachable');
  for (let turn = 0; turn < 60; turn++) {
    await pair.clock.advance(15_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const checks = pair.asked.filter((url) => url === 'check b').length;
  assert.ok(checks >= 10 && checks <= 25, `${checks} checks`);
  assert.equal(pair.backends.states()[1]?.isUp, false);
  pair.backends.stop();
});
