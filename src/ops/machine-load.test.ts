import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeClock } from '../test/fake-clock.ts';
import { createMachineLoad } from './machine-load.ts';

const machine = { processors: 8, memoryBytes: 16e9 };

test('the share of a quota is what the container used of it since the reading before', async (t) => {
  const cgroupPath = mkdtempSync(join(tmpdir(), 'studio-cgroup-'));
  t.after(() => rmSync(cgroupPath, { recursive: true }));
  const clock = fakeClock(0);
  const used = (usec: number): void => writeFileSync(join(cgroupPath, 'cpu.stat'), `usage_usec ${usec}\nuser_usec 0\n`);
  writeFileSync(join(cgroupPath, 'cpu.max'), '200000 100000\n');
  const read = createMachineLoad({ clock, places: { cgroupPath, machine } });
  used(0);
  const first = await read();
  assert.deepEqual([first.cpuShare, first.cores], [null, 2]);
  await clock.advance(10_000);
  used(5_000_000);
  assert.equal((await read()).cpuShare, 0.25);
});

test('under control groups of version 1 it is that of the container, too', async (t) => {
  const cgroupPath = mkdtempSync(join(tmpdir(), 'studio-cgroup-'));
  t.after(() => rmSync(cgroupPath, { recursive: true }));
  for (const folder of ['cpu', 'cpuacct']) mkdirSync(join(cgroupPath, folder));
  writeFileSync(join(cgroupPath, 'cpu/cpu.cfs_quota_us'), '200000\n');
  writeFileSync(join(cgroupPath, 'cpu/cpu.cfs_period_us'), '100000\n');
  const used = (ms: number): void => writeFileSync(join(cgroupPath, 'cpuacct/cpuacct.usage'), `${ms * 1_000_000}\n`);
  const clock = fakeClock(0);
  const read = createMachineLoad({ clock, places: { cgroupPath, machine } });
  used(0);
  assert.equal((await read()).cores, 2);
  await clock.advance(10_000);
  used(10_000);
  assert.equal((await read()).cpuShare, 0.5);
});

test('two readings at once do not measure a share over nothing', async (t) => {
  const cgroupPath = mkdtempSync(join(tmpdir(), 'studio-cgroup-'));
  t.after(() => rmSync(cgroupPath, { recursive: true }));
  const clock = fakeClock(0);
  const read = createMachineLoad({ clock, places: { cgroupPath, machine } });
  await read();
  await clock.advance(1);
  assert.equal((await read()).cpuShare, null);
});

test('memory in use is within what there is', async () => {
  const { memoryUsedBytes, memoryTotalBytes, processBytes } = await createMachineLoad({ clock: fakeClock(0) })();
  assert.ok(memoryUsedBytes > 0 && memoryUsedBytes <= memoryTotalBytes);
  assert.ok(processBytes > 0 && processBytes < memoryTotalBytes);
});
