/** Jobs on the ledger, with real processes on a fake card: what they see, who waits behind whom, who gives way, what a kill of Studio leaves. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { createDevices } from '../gpu/device.ts';
import { silentLog } from '../test/database.ts';
import { fakeGpu, holdMemory, type FakeGpu, type FakeGpuFixture } from '../test/fake-gpu.ts';
import { jobsHarness, type JobsHarness } from '../test/jobs-harness.ts';

const GIB = 1024 ** 3;

async function stage(t: TestContext, fixture: FakeGpuFixture = 'one-24gb'): Promise<{ gpu: FakeGpu; harness: JobsHarness }> {
  const gpu = fakeGpu(t, fixture);
  gpu.onPath();
  const devices = createDevices({ clock: systemClock, log: silentLog, kernelLogPath: gpu.kernelLog });
  devices.start();
  await devices.found();
  const harness = await jobsHarness({}, { devices });
  t.after(async () => {
    await harness.close();
    await devices.stop();
  });
  return { gpu, harness };
}

const started = (harness: JobsHarness, id: string): Promise<void> => harness.until(async () => (await harness.shimOf(id)) !== undefined);

test('a job sees the device it was granted, and one without sees none', async (t) => {
  const { gpu, harness } = await stage(t);
  const script = 'echo "$CUDA_VISIBLE_DEVICES $HIP_VISIBLE_DEVICES $STUDIO_VRAM_BYTES"';
  const share = await harness.ended((await harness.submit({ script, resources: { vramBytes: 4 * GIB } })).job.id);
  const none = await harness.ended((await harness.submit({ script, env: { CUDA_VISIBLE_DEVICES: '0' } })).job.id);
  assert.equal(share.result?.stdout, `${gpu.uuids[0]} 0 ${4 * GIB}\n`);
  assert.equal(none.result?.stdout, '-1 -1 \n');
  assert.deepEqual(harness.ledger.leases(), []);
});

test('a job of the gpu queue gets one device unless it says otherwise', async (t) => {
  const { harness } = await stage(t);
  const [whole, none] = [
    await harness.submit({ queue: 'gpu', command: ['true'] }),
    await harness.submit({ queue: 'gpu', command: ['true'], resources: { gpus: 0 } }),
  ];
  assert.deepEqual([whole.job.resources, none.job.resources], [{ gpus: 1 }, { gpus: 0 }]);
  assert.deepEqual([(await harness.ended(whole.job.id)).job.status, (await harness.ended(none.job.id)).job.status], ['completed', 'completed']);
});

test('two shares run side by side, a third waits behind them and says so, and begins when one has ended', async (t) => {
  const { harness } = await stage(t);
  const submit = async (): Promise<string> =>
    (await harness.submit({ queue: 'gpu', command: ['sleep', '300'], resources: { vramBytes: 10 * GIB }, timeoutMs: 600_000 })).job.id;
  const [first, second, third] = [await submit(), await submit(), await submit()];
  await started(harness, first);
  await started(harness, second);
  await harness.until(async () => (await harness.jobs.explain([await harness.read(third)]))[0]?.waitReason?.kind === 'vram');
  const [waiting] = await harness.jobs.explain([await harness.read(third)]);
  assert.match(waiting?.waitReason?.message ?? '', new RegExp(`^VRAM short by 7\\.\\d GiB on GPU 0 behind ${first} and 1 more$`));
  assert.ok(Date.parse(waiting?.waitReason?.until ?? '') > systemClock.now());
  await harness.jobs.cancelJob({ orgId: harness.orgId, id: first, reason: 'enough' });
  await started(harness, third);
  assert.deepEqual(
    harness.ledger
      .leases()
      .map((lease) => lease.tenantId)
      .toSorted(),
    [second, third].toSorted(),
  );
});

test('what could never run is refused at submit with the largest that could; without a device that is said', async (t) => {
  const { harness } = await stage(t);
  await assert.rejects(harness.submit({ command: ['true'], resources: { vramBytes: 40 * GIB } }), {
    code: 'unsatisfiable',
    message: /asks for 40\.0 GiB of GPU memory; the largest GPU here can give 23\.0 GiB/,
  });
  const bare = await jobsHarness();
  t.after(() => bare.close());
  await assert.rejects(bare.submit({ queue: 'gpu', command: ['true'] }), {
    code: 'unsatisfiable',
    message: /this machine has no GPU\. The queue gpu gives each job a GPU/,
  });
});

test('a preemptible job gives way to one that matters more, keeps its checkpoint, and goes on afterwards', async (t) => {
  const { harness } = await stage(t);
  const script = `trap 'echo saved >> "$STUDIO_CHECKPOINT/state"; exit 143' TERM; cat "$STUDIO_CHECKPOINT/state" 2>/dev/null && exit 0; sleep 300 & wait`;
  const low = await harness.submit({ script, resources: { gpus: 1 }, priority: 25, preemptible: true });
  await started(harness, low.job.id);
  const high = await harness.submit({ command: ['sleep', '1'], resources: { gpus: 1 }, priority: 75 });
  const end = await harness.ended(high.job.id);
  assert.equal(end.job.status, 'completed');
  const resumed = await harness.ended(low.job.id);
  assert.deepEqual([resumed.job.status, resumed.result?.stdout], ['completed', 'saved\n']);
  assert.match(await harness.log(low.job.id), /the job is ended and put back in line: its room is needed for job_/);
});

test('a job that uses more of its device than it was granted is told, then ended for that', async (t) => {
  const { gpu, harness } = await stage(t);
  const { job } = await harness.submit({ script: `export FAKE_GPU=${gpu.state}; ${holdMemory(9_000, 300)}`, resources: { vramBytes: 4 * GIB } });
  const end = await harness.ended(job.id);
  assert.deepEqual([end.job.status, end.job.reason, end.job.error?.code], ['failed', 'vram_exceeded', 'vram_exceeded']);
  assert.match(await harness.log(job.id), /the job uses 8\.8 GiB of GPU memory; 4\.0 GiB were granted; if it stays so, it is ended/);
});

test('out of memory of a device is a reason of its own', async (t) => {
  const { harness } = await stage(t);
  const script = 'echo "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB" >&2; exit 1';
  const end = await harness.ended((await harness.submit({ script, resources: { vramBytes: 4 * GIB } })).job.id);
  assert.deepEqual([end.job.reason, end.job.error?.code], ['oom', 'oom']);
  assert.match(end.job.error?.message ?? '', /ran out of memory of its device.*Tried to allocate/);
});

test('what a command took is remembered, shown, and offered for its next run', async (t) => {
  const { gpu, harness } = await stage(t);
  const body = { script: `export FAKE_GPU=${gpu.state}; ${holdMemory(3_000, 5)}`, resources: { vramBytes: 4 * GIB }, labels: { model: 'small' } };
  const first = await harness.ended((await harness.submit(body)).job.id);
  assert.equal(first.job.metrics?.['peakVramBytes'], 3_000 * 1024 ** 2);
  const [shown] = await harness.jobs.explain([(await harness.submit(body)).job]);
  assert.deepEqual([shown?.suggested?.peakVramBytes, shown?.suggested?.vramBytes, shown?.suggested?.attempts], [3_000 * 1024 ** 2, 3.25 * GIB, 1]);
  const [other] = await harness.jobs.explain([(await harness.submit({ ...body, labels: { model: 'large' } })).job]);
  assert.equal(other?.suggested, undefined);
});

test('a job that uses more memory than it was granted is told, then ended for that', async (t) => {
  const { harness } = await stage(t);
  const program = 'const held = []; for (let n = 0; n < 9; n++) held.push(Buffer.alloc(100 * 1024 ** 2, n)); setTimeout(() => held.length, 300000)';
  const { job } = await harness.submit({ command: [process.execPath, '-e', program], resources: { memoryBytes: 128 * 1024 ** 2 } });
  const end = await harness.ended(job.id);
  assert.deepEqual([end.job.status, end.job.reason], ['failed', 'memory_exceeded']);
  assert.match(await harness.log(job.id), /of memory; 0\.1 GiB were granted; if it stays so, the job is ended/);
});

test('a job on a card that is lost goes back in line, with the reason', async (t) => {
  const { gpu, harness } = await stage(t, 'eight-80gb');
  const { job } = await harness.submit({ command: ['sleep', '300'], resources: { gpus: 1 } });
  await started(harness, job.id);
  const [lease] = harness.ledger.leases();
  const uuid = lease?.devices[0]?.uuid ?? '';
  gpu.lose(uuid, 'GPU is lost');
  await harness.until(async () => (await harness.read(job.id)).attempts === 2);
  await started(harness, job.id);
  assert.notEqual(harness.ledger.leases()[0]?.devices[0]?.uuid, uuid);
  assert.match(await harness.log(job.id), /GPU 0 was lost/);
});

test('cores and memory are granted too', async (t) => {
  const { harness } = await stage(t);
  const submit = async (): Promise<string> => (await harness.submit({ command: ['sleep', '300'], resources: { cpu: 5 } })).job.id;
  const [first, second] = [await submit(), await submit()];
  await started(harness, first);
  await harness.until(async () => (await harness.jobs.explain([await harness.read(second)]))[0]?.waitReason?.kind === 'cpu');
  const [waiting] = await harness.jobs.explain([await harness.read(second)]);
  assert.equal(waiting?.waitReason?.message, `short by 2 cores behind ${first}`);
});

test('after a restart of Studio the lease of a running job is held, and given back with its end', async (t) => {
  const { harness } = await stage(t);
  const { job } = await harness.submit({ script: 'sleep 3', resources: { gpus: 1 } });
  await started(harness, job.id);
  const [before] = harness.ledger.leases();
  await harness.restart();
  assert.deepEqual(
    harness.ledger.leases().map((lease) => [lease.id, lease.tenantId]),
    [[before?.id, job.id]],
  );
  assert.equal((await harness.ended(job.id)).job.status, 'completed');
  assert.deepEqual(harness.ledger.leases(), []);
});
