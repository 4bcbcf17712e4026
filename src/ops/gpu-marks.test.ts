import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createDevices } from '../gpu/device.ts';
import { systemClock } from '../kernel/clock.ts';
import { listGpuMarks, writeGpuMark } from '../store/gpu-marks.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { fakeGpu } from '../test/fake-gpu.ts';
import { createGpuMarks } from './gpu-marks.ts';

let db: TestDatabase;
before(async () => {
  db = await testDatabase();
});
after(() => db.close());

test('what is held against devices outlives Studio; what broke is tried again after a restart of the machine', async (t) => {
  const gpu = fakeGpu(t, 'eight-80gb');
  gpu.onPath();
  const sql = db.database.engine;
  const [broken = '', drained = '', older = ''] = gpu.uuids;
  await writeGpuMark(sql, { uuid: older, state: 'lost', reason: 'Xid 79', bootId: 'of the boot before', markedAt: new Date(0) });
  const clock = fakeClock();
  const start = async () => {
    const devices = createDevices({ clock, log: silentLog, kernelLogPath: gpu.kernelLog });
    const marks = createGpuMarks({ sql, clock, log: silentLog, devices });
    await marks.start();
    await devices.list();
    return { devices, marks };
  };
  const first = await start();
  await first.marks.drain(drained, 'for a new fan');
  gpu.xid({ busId: '0000:1b:00', number: 79, text: 'GPU has fallen off the bus.' });
  await clock.advance(2_000);
  await first.devices.list();
  while ((await listGpuMarks(sql)).length < 2) await systemClock.sleep(10);
  first.marks.stop();
  await first.devices.stop();

  const second = await start();
  assert.deepEqual(
    second.devices.last().map(({ state }) => state),
    ['lost', 'draining', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok'],
  );
  assert.equal((await second.marks.resume(broken)).state, 'ok');
  assert.deepEqual(
    (await listGpuMarks(sql)).map(({ uuid, reason }) => [uuid, reason]),
    [[drained, 'for a new fan']],
  );
  gpu.lose(drained);
  await clock.advance(2_000);
  await assert.rejects(second.marks.resume(drained), { code: 'conflict', message: /can't be used yet: GPU is lost/ });
  await second.devices.stop();
});
