import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeClock } from '../test/fake-clock.ts';
import { coresOfQuota, createMachineLoad } from './machine-load.ts';

test('a quota is read as cores, and none is none', () => {
  assert.equal(coresOfQuota('200000 100000\n'), 2);
  assert.equal(coresOfQuota('50000 100000'), 0.5);
  assert.equal(coresOfQuota('max 100000'), undefined);
  assert.equal(coresOfQuota(''), undefined);
});

test('the share of a quota is what the container used of it since the reading before', async (t) => {
  const cgroupPath = mkdtempSync(join(tmpdir(), 'studio-cgroup-'));
  t.after(() => rmSync(cgroupPath, { recursive: true }));
  const clock = fakeClock(0);
  const used = (usec: number): void => writeFileSync(join(cgroupPath, 'cpu.stat'), `usage_usec ${usec}\nuser_usec 0\n`);
  writeFileSync(join(cgroupPath, 'cpu.max'), '200000 100000\n');
  const read = createMachineLoad({ clock, cgroupPath });
  used(0);
  const first = await read();
  assert.deepEqual([first.cpuShare, first.cores], [null, 2]);
  await clock.advance(10_000);
  used(5_000_000);
  assert.equal((await read()).cpuShare, 0.25);
});

test('two readings at once do not measure a share over nothing', async (t) => {
  const cgroupPath = mkdtempSync(join(tmpdir(), 'studio-cgroup-'));
  t.after(() => rmSync(cgroupPath, { recursive: true }));
  const clock = fakeClock(0);
  const read = createMachineLoad({ clock, cgroupPath });
  await read();
  await clock.advance(1);
  assert.equal((await read()).cpuShare, null);
});

test('memory in use is within what there is', async () => {
  const { memoryUsedBytes, memoryTotalBytes, processBytes } = await createMachineLoad({ clock: fakeClock(0) })();
  assert.ok(memoryUsedBytes > 0 && memoryUsedBytes <= memoryTotalBytes);
  assert.ok(processBytes > 0 && processBytes < memoryTotalBytes);
});
