/** Jobs that wait and are moved in their line. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { createDevices } from '../gpu/device.ts';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../test/database.ts';
import { fakeGpu } from '../test/fake-gpu.ts';
import { jobsHarness, type JobsHarness } from '../test/jobs-harness.ts';

/** One that runs until told, and two behind it. */
async function lineOf(harness: JobsHarness, body: Parameters<JobsHarness['submit']>[0]): Promise<readonly [string, string, string]> {
  const first = (await harness.submit({ ...body, script: `until [ -e ${harness.shared}/go ]; do sleep 0.02; done` })).job.id;
  await harness.until(async () => (await harness.shimOf(first)) !== undefined);
  const second = (await harness.submit({ ...body, script: `echo second >> ${harness.shared}/order` })).job.id;
  const third = (await harness.submit({ ...body, script: `echo third >> ${harness.shared}/order` })).job.id;
  writeFileSync(`${harness.shared}/order`, '');
  harness.openToAll(`${harness.shared}/order`);
  return [first, second, third];
}

const move = (harness: JobsHarness, id: string, priority: number): ReturnType<JobsHarness['jobs']['setPriority']> =>
  harness.jobs.setPriority({ orgId: harness.orgId, id, priority, requestId: 'req_test' });

async function begunInOrder(harness: JobsHarness, [first, second, third]: readonly [string, string, string]): Promise<void> {
  writeFileSync(`${harness.shared}/go`, '');
  for (const id of [first, second, third]) await harness.ended(id);
  const [a, b] = [await harness.read(third), await harness.read(second)];
  assert.ok(Date.parse(a.startedAt ?? '') <= Date.parse(b.startedAt ?? ''), 'the one that was moved begins first');
}

test('a job that is moved to the head of its line begins first; what runs or has ended is not moved', async (t) => {
  const harness = await jobsHarness();
  t.after(() => harness.close());
  await harness.jobs.patchQueue({ name: 'narrow', patch: { slots: 1 }, requestId: 'req_test' });
  const [first, second, third] = await lineOf(harness, { queue: 'narrow' });
  const moved = await move(harness, third, 90);
  assert.equal(moved.priority, 90);
  assert.equal(moved.status, 'queued');
  assert.deepEqual(await harness.eventsOf(third), ['jobs:job:queued', 'jobs:job:moved']);
  const refused = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'illegal_transition';
  await assert.rejects(move(harness, first, 90), refused);
  await assert.rejects(move(harness, 'job_none', 90), (error: unknown) => error instanceof Error && 'code' in error && error.code === 'not_found');
  await begunInOrder(harness, [first, second, third]);
  await assert.rejects(move(harness, third, 10), refused);
});

async function withDevice(t: TestContext): Promise<JobsHarness> {
  const gpu = fakeGpu(t, 'one-24gb');
  gpu.onPath();
  const devices = createDevices({ clock: systemClock, log: silentLog, kernelLogPath: gpu.kernelLog });
  devices.start();
  const harness = await jobsHarness({}, { devices });
  t.after(async () => {
    await harness.close();
    await devices.stop();
  });
  return harness;
}

test('a job that waits for a device is moved before another, and says so', async (t) => {
  const harness = await withDevice(t);
  const line = await lineOf(harness, { queue: 'gpu', resources: { gpus: 1 } });
  const [, second, third] = line;
  const reasonOf = async (id: string): Promise<string> => (await harness.jobs.explain([await harness.read(id)]))[0]?.waitReason?.message ?? '';
  await harness.until(async () => (await reasonOf(second)) !== '' && (await reasonOf(third)) !== '');
  await move(harness, third, 100);
  assert.notEqual(await reasonOf(third), '');
  await begunInOrder(harness, line);
});
