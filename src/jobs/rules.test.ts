/** The pure rules of jobs: environment, progress, exit records, wait reasons. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Queue } from '../contract/queues.ts';
import { jobEnv } from './job-env.ts';
import { parseProgress } from './progress.ts';
import { parseExitRecord, signalOf } from './shim.ts';
import { waitReasonOf } from './wait-reason.ts';

test('a job begins with an environment made for it: dropped names are told, own names win', () => {
  const { env, dropped } = jobEnv(
    {
      A: '1',
      LD_PRELOAD: 'x',
      LD_LIBRARY_PATH: 'x',
      PYTHONSTARTUP: 'x',
      NODE_OPTIONS: 'x',
      NODE_ENV: 'production',
      HOME: '/else',
      STUDIO_ARTIFACTS: '/etc',
      PATH: '/evil',
      IFS: ':',
    },
    { home: '/home', user: 'u', studio: { STUDIO_ARTIFACTS: '/mine' } },
  );
  assert.deepEqual(dropped.toSorted(), ['IFS', 'LD_LIBRARY_PATH', 'LD_PRELOAD', 'NODE_OPTIONS', 'PATH', 'PYTHONSTARTUP', 'STUDIO_ARTIFACTS']);
  assert.deepEqual([env['A'], env['NODE_ENV'], env['HOME'], env['STUDIO_ARTIFACTS']], ['1', 'production', '/else', '/mine']);
  assert.equal(env['PATH']?.includes('evil'), false);
});

test('progress is a share, a percentage, or an object with numbers; anything else says nothing', () => {
  assert.deepEqual(parseProgress('0.5'), { progress: 0.5 });
  assert.deepEqual(parseProgress(' 42 % '), { progress: 0.42 });
  assert.deepEqual(parseProgress('7'), { progress: 1 });
  assert.deepEqual(parseProgress('{"progress": -1, "loss": 2.5, "name": "x", "nan": null}'), { progress: 0, metrics: { loss: 2.5 } });
  for (const line of ['', 'half', '[1]', 'null', '"0.5"', '{', '1e999']) assert.deepEqual(parseProgress(line), undefined, line);
});

test('an exit record counts only when it is whole', () => {
  const whole = 'code 137\n0m0.01s 0m0.00s\n1m2.50s 0m0.25s\nend\n';
  assert.deepEqual(parseExitRecord(whole), { code: 137, cpuMs: 62_750 });
  for (let length = 0; length < whole.length - 1; length++) assert.equal(parseExitRecord(whole.slice(0, length)), undefined, String(length));
  assert.equal(parseExitRecord('code x\nend\n'), undefined);
  assert.deepEqual([signalOf(137), signalOf(143), signalOf(1), signalOf(0)], ['SIGKILL', 'SIGTERM', undefined, undefined]);
});

test('whatever waits says for what', () => {
  const queue: Queue = {
    name: 'gpu',
    state: 'running',
    slots: 2,
    adaptive: false,
    defaultGpus: 0,
    maxPending: 10,
    defaultTimeoutMs: 1,
    pending: 3,
    running: 2,
  };
  const facts: Parameters<typeof waitReasonOf>[1] = { name: 'gpu', notBeforeMs: undefined, isServed: true, nowMs: 1_000 };
  const kinds = (change: Partial<Queue>, more: Partial<typeof facts> = {}): string => waitReasonOf({ ...queue, ...change }, { ...facts, ...more }).kind;
  assert.match(waitReasonOf(queue, facts).message, /no slot of gpu is free: 2 of 2 running/);
  assert.equal(kinds({ state: 'paused' }), 'queue_paused');
  assert.equal(kinds({ state: 'draining' }), 'queue_draining');
  assert.equal(kinds({ slots: 0 }), 'no_slot');
  assert.equal(kinds({}, { isServed: false }), 'no_worker');
  assert.equal(kinds({ running: 0 }), 'starting');
  assert.deepEqual(waitReasonOf(queue, { ...facts, notBeforeMs: 2_000 }).until, '1970-01-01T00:00:02.000Z');
  assert.equal(waitReasonOf(undefined, facts).kind, 'no_queue');
});
