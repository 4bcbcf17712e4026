import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { noFakeTime, runClockJumps } from './clock-jumps.ts';
import { runFewDescriptors } from './descriptors.ts';

test('runs, jobs and schedules go on while the clock of the machine is set forwards and back', { skip: noFakeTime() }, async (context) => {
  const seed = Number(process.env['STUDIO_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  context.diagnostic(`seed ${seed}`);
  const { faults } = await runClockJumps({ jumps: 3, seed, onLine: (line) => context.diagnostic(line) });
  deepEqual(faults, []);
});

test('with fewer file descriptors than callers Studio refuses, does not end, and recovers', async (context) => {
  const { faults, answered } = await runFewDescriptors((line) => context.diagnostic(line));
  deepEqual(faults, []);
  ok(answered > 0, 'it answered meanwhile');
});
