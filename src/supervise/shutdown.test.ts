import { deepEqual, equal } from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { createShutdown } from './shutdown.ts';

afterEach(() => {
  process.removeAllListeners('SIGTERM');
  process.removeAllListeners('SIGINT');
});

test('steps run in reverse after the first ones, once, and one that fails holds up none', async () => {
  const shutdown = createShutdown({ graceMs: 5_000, clock: systemClock, exit: () => undefined });
  const order: string[] = [];
  shutdown.onBegin(() => order.push('begin'));
  shutdown.add('a', () => void order.push('a'));
  shutdown.add('b', () => {
    order.push('b');
    throw new Error('b is broken');
  });
  shutdown.addFirst(() => void order.push('drain'));
  await Promise.all([shutdown.run('one'), shutdown.run('two')]);
  deepEqual(order, ['begin', 'drain', 'b', 'a']);
  equal(shutdown.signal.aborted, true);
});

test('a stop that takes too long is ended by force', async () => {
  const codes: number[] = [];
  let forced = 0;
  const shutdown = createShutdown({ graceMs: 30, clock: systemClock, exit: (code) => void codes.push(code) });
  shutdown.setForce(() => void (forced += 1));
  shutdown.add('stuck', () => new Promise(() => undefined));
  await shutdown.run('late');
  deepEqual([codes, forced], [[137], 1]);
});

test('the second signal ends by force at once', async () => {
  const codes: number[] = [];
  const shutdown = createShutdown({ graceMs: 60_000, clock: fakeClock(), exit: (code) => void codes.push(code) });
  shutdown.add('stuck', () => new Promise(() => undefined));
  process.emit('SIGTERM');
  process.emit('SIGINT');
  deepEqual(codes, [137]);
});

test('abandoning runs no step: children are ended by force and the process with them', () => {
  const codes: number[] = [];
  const order: string[] = [];
  const shutdown = createShutdown({ graceMs: 60_000, clock: fakeClock(), exit: (code) => void codes.push(code) });
  shutdown.add('step', () => void order.push('step'));
  shutdown.setForce(() => void order.push('force'));
  shutdown.abandon(1);
  deepEqual([order, codes], [['force'], [1]]);
});
