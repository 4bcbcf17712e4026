import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { fakeGpu } from '../test/fake-gpu.ts';
import { lookAtGpu } from './doctor-gpu.ts';

test('the doctor names devices, what is wrong with them and what to do; none is no fault', async (t) => {
  const gpu = fakeGpu(t, 'one-24gb');
  gpu.onPath();
  assert.deepEqual(await lookAtGpu(systemClock), { name: 'gpu', verdict: 'ok', about: 'GPU 0 NVIDIA GeForce RTX 4090, driver 570.133.20' });
  gpu.lose(gpu.uuids[0] ?? '', 'Unknown Error');
  const lost = await lookAtGpu(systemClock);
  assert.deepEqual([lost.verdict, lost.about], ['warning', "the card at 0000:01:00.0 can't be read: Unknown Error"]);
  gpu.fail('Failed to initialize NVML: Driver/library version mismatch', 18);
  assert.match((await lookAtGpu(systemClock)).about, /^nvidia-smi fails with 18: Failed to initialize NVML/);
  gpu.work();
  gpu.find(gpu.uuids[0] ?? '');
  gpu.remove(gpu.uuids[0] ?? '');
  assert.match((await lookAtGpu(systemClock)).about, /^none: everything runs on CPU queues \(nvidia-smi it lists no device, rocm-smi /);
});
