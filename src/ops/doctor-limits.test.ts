import { deepEqual, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { examine } from './doctor.ts';

test('in a small pod the doctor tells its limits, what a start makes of them, and what is too little', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'studio-pod-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of ['cgroup', 'self', 'workspace']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'cgroup/cpu.max'), '100000 100000\n');
  writeFileSync(join(root, 'cgroup/memory.max'), `${512 * 1024 ** 2}\n`);
  writeFileSync(join(root, 'cgroup/pids.max'), '128\n');
  writeFileSync(join(root, 'self/cgroup'), '0::/\n');
  writeFileSync(join(root, 'self/limits'), 'Max open files            1024                 4096                 files\n');
  const { config } = await loadConfig({ env: { WORKSPACE_PATH: join(root, 'workspace') }, file: {} });
  const machine = { processors: 8, memoryBytes: 64 * 1024 ** 3 };
  const findings = await examine(config, root, { cgroupPath: join(root, 'cgroup'), processPath: join(root, 'self'), machine });
  const found = (name: string) => findings.find((finding) => finding.name === name);
  deepEqual([found('hardware')?.verdict, found('hardware')?.about], ['warning', '1 CPUs, 0.5 GiB of memory, 128 tasks: by control groups of version 2']);
  match(found('hardware')?.remedy ?? '', /--pids-limit 4096.*4 GiB and 2 CPUs/);
  deepEqual(
    [found('pools')?.verdict, found('pools')?.about],
    ['ok', '6 + 4 connections to the database, PostgreSQL 60 connections and 16 MiB, Redis 16 MiB, slots for jobs: 1'],
  );
  deepEqual([found('open files')?.verdict, found('open files')?.about], ['warning', '1024 open files']);
});
