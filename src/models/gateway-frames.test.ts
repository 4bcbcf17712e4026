import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../test/fake-clock.ts';
import { openFrames } from './gateway-frames.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const textOf = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

test('what comes in one go leaves in one go, and its end is no leaving', async () => {
  async function* frames(): AsyncGenerator<string> {
    yield 'a';
    await turn();
    yield 'b';
    yield 'c';
  }
  let leaves = 0;
  const stream = await openFrames({ frames: frames(), faultFrame: () => 'fault', onLeave: () => (leaves += 1), clock: fakeClock() });
  const reader = stream.getReader();
  assert.equal(textOf((await reader.read()).value), 'a\n\n');
  await turn();
  await turn();
  assert.equal(textOf((await reader.read()).value), 'b\n\nc\n\n');
  assert.equal((await reader.read()).done, true);
  assert.equal(leaves, 0);
});

test('who waits for long gets a sign of life each 15 s, also before the first frame', async () => {
  const clock = fakeClock();
  const held = Promise.withResolvers<void>();
  async function* frames(): AsyncGenerator<string> {
    await held.promise;
    yield 'a';
  }
  const opening = openFrames({ frames: frames(), faultFrame: () => 'fault', onLeave: () => undefined, clock });
  await clock.advance(15_000);
  const reader = (await opening).getReader();
  assert.equal(textOf((await reader.read()).value), ': still here\n\n');
  const next = reader.read();
  await clock.advance(15_000);
  assert.equal(textOf((await next).value), ': still here\n\n');
  held.resolve();
  assert.equal(textOf((await reader.read()).value), 'a\n\n');
  assert.equal((await reader.read()).done, true);
  assert.equal(clock.pending, 0);
});

test('a fault before the first frame is thrown, one after it is a frame', async () => {
  async function* broken(first: readonly string[]): AsyncGenerator<string> {
    yield* first;
    throw new Error('broken');
  }
  const parts = { faultFrame: (error: unknown) => `fault ${error instanceof Error ? error.message : ''}`, onLeave: () => undefined, clock: fakeClock() };
  await assert.rejects(openFrames({ ...parts, frames: broken([]) }), /broken/);
  const text = await new Response(await openFrames({ ...parts, frames: broken(['a']) })).text();
  assert.equal(text, 'a\n\nfault broken\n\n');
});

test('a reader who leaves ends the frames, and one who is slow holds them back', async () => {
  let made = 0;
  let isOver = false;
  async function* frames(): AsyncGenerator<string> {
    try {
      for (;;) {
        made += 1;
        yield 'x'.repeat(1_000);
      }
    } finally {
      isOver = true;
    }
  }
  let ends = 0;
  const clock = fakeClock();
  const stream = await openFrames({ frames: frames(), faultFrame: () => 'fault', onLeave: () => (ends += 1), clock });
  for (let count = 0; count < 50; count++) await turn();
  assert.ok(made < 200, `${made} frames ahead of a reader who reads none`);
  await stream.cancel();
  assert.deepEqual([isOver, ends, clock.pending], [true, 1, 0]);
});
