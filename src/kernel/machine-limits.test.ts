import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { coresOfQuota, readLimits, type MachineLimits } from './machine-limits.ts';

const GIB = 1024 ** 3;
const machine = { processors: 16, memoryBytes: 64 * GIB };

/** What a process sees whose kernel shows these files: below `cgroup/` and `self/`. */
function seen(t: TestContext, files: Readonly<Record<string, string>>): MachineLimits {
  const root = mkdtempSync(join(tmpdir(), 'studio-limits-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return readLimits({ cgroupPath: join(root, 'cgroup'), processPath: join(root, 'self'), machine });
}

test('without control groups the machine is the limit', (t) => {
  deepEqual(seen(t, {}), { cgroup: null, ...machine, hasQuota: false, tasks: null, openFiles: null });
});

test('a pod with control groups of version 2 is told by the files at the root', (t) => {
  const limits = seen(t, {
    'self/cgroup': '0::/',
    'self/limits':
      'Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 524288               files',
    'cgroup/cpu.max': '150000 100000',
    'cgroup/memory.max': String(2 * GIB),
    'cgroup/pids.max': '512',
  });
  deepEqual(limits, { cgroup: 2, processors: 1.5, hasQuota: true, memoryBytes: 2 * GIB, tasks: 512, openFiles: 1024 });
});

test('a container with version 1 sees its limits at the roots of the controllers, whatever path the host calls it by', (t) => {
  const limits = seen(t, {
    'self/cgroup': '12:pids:/docker/4f2a\n4:cpu,cpuacct:/docker/4f2a\n3:memory:/docker/4f2a',
    'cgroup/cpu/cpu.cfs_quota_us': '400000',
    'cgroup/cpu/cpu.cfs_period_us': '100000',
    'cgroup/memory/memory.limit_in_bytes': String(8 * GIB),
    'cgroup/pids/pids.max': '4096',
  });
  deepEqual(limits, { cgroup: 1, processors: 4, hasQuota: true, memoryBytes: 8 * GIB, tasks: 4096, openFiles: null });
});

test('on a host the group of a unit and every group around it count, and the least holds', (t) => {
  const limits = seen(t, {
    'self/cgroup': '0::/system.slice/studio.service',
    'cgroup/system.slice/memory.max': String(4 * GIB),
    'cgroup/system.slice/studio.service/memory.max': 'max',
    'cgroup/system.slice/cpu.max': 'max 100000',
    'cgroup/system.slice/studio.service/cpu.max': '300000 100000',
    'cgroup/pids.max': 'max',
  });
  deepEqual([limits.processors, limits.memoryBytes, limits.tasks, limits.cgroup], [3, 4 * GIB, null, 2]);
});

test('a machine with both versions is limited by whichever limits', (t) => {
  const limits = seen(t, {
    'self/cgroup': '4:memory:/box\n0::/',
    'cgroup/memory/box/memory.limit_in_bytes': String(3 * GIB),
    'cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    'cgroup/cpu/cpu.cfs_quota_us': '-1',
    'cgroup/cpu/cpu.cfs_period_us': '100000',
  });
  deepEqual([limits.cgroup, limits.memoryBytes, limits.processors], [1, 3 * GIB, 16]);
});

test('limits beyond the machine, and files that hold nonsense, limit nothing', (t) => {
  const limits = seen(t, {
    'self/cgroup': 'nonsense',
    'cgroup/memory.max': String(640 * GIB),
    'cgroup/cpu.max': 'fast',
    'cgroup/pids.max': '',
    'self/limits': 'none',
  });
  deepEqual(limits, { cgroup: 2, ...machine, hasQuota: false, tasks: null, openFiles: null });
});

test('this machine has some of everything', () => {
  const { processors, memoryBytes, openFiles } = readLimits();
  ok(processors > 0 && memoryBytes > 2 ** 26 && (openFiles === null || openFiles > 0));
});

test('a quota is read as cores, and none is none', () => {
  equal(coresOfQuota('200000 100000\n'), 2);
  equal(coresOfQuota('50000 100000'), 0.5);
  equal(coresOfQuota('max 100000'), undefined);
  equal(coresOfQuota(''), undefined);
});
