import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/log.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { fakeGpu, type FakeGpu, type FakeGpuFixture } from '../test/fake-gpu.ts';
import { createDevices, type DeviceChange, type Devices, type Gpu } from './device.ts';

const log = createLogger({ level: 'silent' });
const MIB = 1024 * 1024;

interface Stage {
  readonly gpu: FakeGpu;
  readonly devices: Devices;
  readonly changes: DeviceChange[];
  /** Another look, as fresh as can be. */
  look(): Promise<readonly Gpu[]>;
}

/** The clock is moved between looks, so that none is answered from memory; programs run in real time. */
function stage(t: TestContext, fixture: FakeGpuFixture): Stage {
  const gpu = fakeGpu(t, fixture);
  gpu.onPath();
  const clock = fakeClock();
  const devices = createDevices({ clock, log, kernelLogPath: gpu.kernelLog });
  const changes: DeviceChange[] = [];
  devices.onChange((change) => changes.push(change));
  t.after(() => devices.stop());
  return {
    gpu,
    devices,
    changes,
    async look() {
      await clock.advance(2_000);
      return devices.list();
    },
  };
}

const states = (gpus: readonly Gpu[]): readonly (readonly [number, string, string | null])[] => gpus.map((gpu) => [gpu.index, gpu.state, gpu.reason]);

test('a card is read with all it tells, and its processes with their memory', async (t) => {
  const { gpu, look, devices } = stage(t, 'one-24gb');
  const [uuid = ''] = gpu.uuids;
  gpu.setCard(uuid, { 'utilization.gpu': '97', 'temperature.gpu': '71', 'power.draw': '388.12' });
  gpu.setProcesses([
    { uuid, pid: 4711, memoryMib: 9_000, name: '/usr/bin/python3, train.py' },
    { uuid, pid: 4712, memoryMib: null, name: '[Not Found]' },
  ]);
  const [card, ...rest] = await look();
  assert.deepEqual(rest, []);
  assert.deepEqual(card, {
    index: 0,
    uuid,
    name: 'NVIDIA GeForce RTX 4090',
    vendor: 'nvidia',
    driver: '570.133.20',
    busId: '00000000:01:00.0',
    memoryTotalBytes: 24_564 * MIB,
    memoryUsedBytes: 9_018 * MIB,
    sharesMemory: false,
    utilizationPercent: 97,
    temperatureC: 71,
    powerW: 388.12,
    powerLimitW: 450,
    partOf: null,
    processes: [
      { pid: 4711, name: '/usr/bin/python3, train.py', memoryBytes: 9_000 * MIB },
      { pid: 4712, name: '[Not Found]', memoryBytes: null },
    ],
    state: 'ok',
    reason: null,
    since: '2026-01-01T00:00:02.000Z',
    lastError: null,
    sampledAt: '2026-01-01T00:00:02.000Z',
  });
  assert.deepEqual(devices.detection(), {
    program: 'nvidia-smi',
    lookedFor: [{ program: 'nvidia-smi', found: true, about: '1 device' }],
    faults: [],
    unknown: null,
  });
});

test('a driver that does not know the newer columns is asked for the others, and only once for those', async (t) => {
  const { gpu, look } = stage(t, 'unknown-fields');
  const [card] = await look();
  assert.deepEqual(
    [card?.name, card?.driver, card?.utilizationPercent, card?.temperatureC, card?.powerW, card?.powerLimitW],
    ['Tesla K80', '418.226.00', null, null, null, null],
  );
  const before = gpu.calls.length;
  await look();
  assert.equal(gpu.calls.length - before, 2);
});

test('a card that shares the memory of the machine has that memory', async (t) => {
  const { look } = stage(t, 'unified');
  const [card] = await look();
  assert.deepEqual([card?.sharesMemory, card?.state, (card?.memoryTotalBytes ?? 0) > (card?.memoryUsedBytes ?? 0)], [true, 'ok', true]);
});

test('a card cut into MIG instances is its instances, each with its memory and processes; a whole one beside it stays', async (t) => {
  const { look } = stage(t, 'mig');
  const cards = await look();
  assert.deepEqual(
    cards.map(({ index, name, memoryTotalBytes, memoryUsedBytes, processes }) => [
      index,
      name,
      memoryTotalBytes / MIB,
      memoryUsedBytes / MIB,
      processes.length,
    ]),
    [
      [100, 'NVIDIA A100-SXM4-80GB MIG 3g.40gb', 40_192, 4_670, 1],
      [101, 'NVIDIA A100-SXM4-80GB MIG 2g.20gb', 19_968, 20, 0],
      [102, 'NVIDIA A100-SXM4-80GB MIG 1g.10gb', 9_728, 12, 0],
      [1, 'NVIDIA A100-SXM4-80GB', 81_920, 7, 0],
    ],
  );
  assert.deepEqual(cards[0]?.uuid, 'MIG-1c0ffee0-aaaa-5b5b-8c8c-000000000001');
  assert.deepEqual(cards[0]?.partOf, { uuid: 'GPU-b7c9d1e3-1111-4a2b-9c3d-e4f5a6b7c8d9', index: 0 });
  assert.deepEqual(cards[0]?.processes, [{ pid: 31_337, name: '/usr/bin/python3', memoryBytes: 4_642 * MIB }]);
});

test('a card that falls off the bus is lost with the reason, the seven others stay, and it comes back', async (t) => {
  const { gpu, look, changes, devices } = stage(t, 'eight-80gb');
  const [running = '', , , lost = ''] = gpu.uuids;
  gpu.setProcesses([{ uuid: running, pid: 4711, memoryMib: 1_000, name: 'python' }]);
  await look();
  changes.length = 0;
  gpu.lose(lost);
  const after = await look();
  assert.deepEqual(
    states(after).filter(([, state]) => state !== 'ok'),
    [[3, 'lost', 'GPU is lost. Reboot the system to recover this GPU']],
  );
  assert.deepEqual(
    after.map(({ processes }) => processes.length),
    [1, 0, 0, 0, 0, 0, 0, 0],
  );
  assert.deepEqual(
    changes.map(({ gpu: { uuid, state }, previous }) => [uuid, state, previous]),
    [[lost, 'lost', 'ok']],
  );
  assert.deepEqual(devices.detection().faults, ["the card at 0000:61:00.0 can't be read: GPU is lost. Reboot the system to recover this GPU"]);
  gpu.find(lost);
  assert.deepEqual(
    (await look()).filter(({ state }) => state !== 'ok'),
    [],
  );
  assert.deepEqual(
    changes.map(({ gpu: { state }, previous }) => [state, previous]),
    [
      ['lost', 'ok'],
      ['ok', 'lost'],
    ],
  );
});

test('a card that is taken out is lost; the others are not told of', async (t) => {
  const { gpu, look, changes } = stage(t, 'eight-80gb');
  await look();
  changes.length = 0;
  gpu.remove(gpu.uuids[0] ?? '');
  assert.deepEqual(states(await look())[0], [0, 'lost', 'nvidia-smi does not list it any more']);
  assert.equal(changes.length, 1);
});

test('a driver that does not fit any more takes nobody new, and forgets no device', async (t) => {
  const { gpu, look, devices } = stage(t, 'one-24gb');
  await look();
  gpu.fail('Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 575.57', 18);
  const reason = 'nvidia-smi fails with 18: Failed to initialize NVML: Driver/library version mismatch';
  assert.deepEqual(states(await look()), [[0, 'draining', reason]]);
  assert.deepEqual(devices.detection().faults, [reason]);
  gpu.work();
  assert.deepEqual(states(await look()), [[0, 'ok', null]]);
});

test('an error in the kernel log breaks the device it names until it is mended; an error of an application is only shown', async (t) => {
  const { gpu, look, devices } = stage(t, 'eight-80gb');
  const broken: string[] = [];
  devices.onBroken((uuid, mark) => broken.push(`${uuid} ${mark.state}`));
  await look();
  gpu.xid({ busId: '0000:1b:00', number: 31, text: 'Ch 00000008, intr 00000000. MMU Fault' });
  gpu.xid({ busId: '0000:43:00', number: 79, text: 'GPU has fallen off the bus.' });
  gpu.xid({ busId: '0000:52:00', number: 94, text: 'Contained: SM (0x1). RST: No, D-RST: No' });
  const [first, second, third, fourth] = await look();
  assert.deepEqual([first?.state, first?.lastError?.message], ['ok', 'Xid 31: pid=4711, name=python3, Ch 00000008, intr 00000000. MMU Fault']);
  assert.deepEqual([second?.state, second?.reason], ['lost', 'Xid 79: pid=4711, name=python3, GPU has fallen off the bus.']);
  assert.deepEqual([third?.state, fourth?.state], ['draining', 'ok']);
  assert.deepEqual(broken, [`${gpu.uuids[1]} lost`, `${gpu.uuids[2]} draining`]);
  devices.mark(gpu.uuids[1] ?? '', null);
  assert.equal(devices.last()[1]?.state, 'ok');
});

test('nothing found says what was looked for', async (t) => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  t.after(() => (process.env['PATH'] = path));
  const devices = createDevices({ clock: systemClock, log });
  assert.deepEqual(await devices.list(), []);
  assert.deepEqual(
    devices.detection().lookedFor.map(({ program, found }) => [program, found]),
    [
      ['nvidia-smi', false],
      ['rocm-smi', false],
    ],
  );
});

test('one late answer changes nothing, a second one drains, and nobody waits longer than the limit', async (t) => {
  const gpu = fakeGpu(t, 'one-24gb');
  gpu.onPath();
  const clock = fakeClock();
  const devices = createDevices({ clock, log, kernelLogPath: gpu.kernelLog });
  t.after(() => devices.stop());
  await devices.list();
  gpu.hang();
  const late = async (): Promise<readonly Gpu[]> => {
    await clock.advance(2_000);
    const before = gpu.calls.length;
    const looked = new Promise<void>((resolve) => {
      const end = devices.onSample(() => (end(), resolve()));
    });
    const list = devices.list();
    // The program must be running before its time passes.
    while (gpu.calls.length < before + 2) await systemClock.sleep(5);
    await clock.advance(1_500);
    assert.deepEqual(await list, devices.last());
    await clock.advance(3_500);
    await looked;
    // What was killed is reaped before the next look.
    await systemClock.sleep(100);
    return devices.last();
  };
  assert.deepEqual(states(await late()), [[0, 'ok', null]]);
  assert.deepEqual(states(await late()), [[0, 'draining', 'nvidia-smi did not answer within 5000 ms']]);
  gpu.work();
  await clock.advance(2_000);
  assert.deepEqual(states(await devices.list()), [[0, 'ok', null]]);
});

test('devices are looked at every two seconds while used and rarely else', async (t) => {
  const gpu = fakeGpu(t, 'one-24gb');
  gpu.onPath();
  const clock = fakeClock();
  const devices = createDevices({ clock, log, kernelLogPath: gpu.kernelLog });
  t.after(() => devices.stop());
  let samples = 0;
  devices.onSample(() => (samples += 1));
  const sampled = async (count: number): Promise<void> => {
    while (samples < count) await systemClock.sleep(5);
    // The next look is planned once this one is over.
    await systemClock.sleep(5);
  };
  devices.start();
  await sampled(1);
  await clock.advance(29_000);
  assert.equal(samples, 1);
  await clock.advance(1_000);
  await sampled(2);
  await clock.advance(3_000);
  const end = devices.use();
  await sampled(3);
  await clock.advance(2_000);
  await sampled(4);
  end();
  await clock.advance(2_000);
  await sampled(5);
  await clock.advance(29_000);
  assert.equal(samples, 5);
});

test('while a driver hangs that was never heard of, nobody waits for it, and it is said that devices are still being asked for', async (t) => {
  const gpu = fakeGpu(t, 'one-24gb');
  gpu.onPath();
  gpu.hang();
  const clock = fakeClock();
  const devices = createDevices({ clock, log, kernelLogPath: gpu.kernelLog });
  t.after(() => devices.stop());
  const found = devices.found();
  const list = devices.list();
  while (gpu.calls.length < 2) await systemClock.sleep(5);
  await clock.advance(1_500);
  assert.deepEqual(await list, []);
  assert.equal(devices.detection().unknown, 'the devices are still being asked for');
  await clock.advance(3_500);
  assert.deepEqual(await found, []);
  assert.equal(devices.unknown(), 'nvidia-smi did not answer within 5000 ms');
  gpu.work();
  await systemClock.sleep(100);
  await clock.advance(2_000);
  assert.deepEqual(states(await devices.list()), [[0, 'ok', null]]);
  assert.equal(devices.unknown(), undefined);
});
