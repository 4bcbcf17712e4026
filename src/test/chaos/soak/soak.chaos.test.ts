import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { runSoak } from './campaign.ts';

test('mixed work leaves no process, descriptor or draft behind, and each run, job and log is whole', async (context) => {
  const { faults, facts } = await runSoak({ minutes: 0.15, sampleMs: 3_000, onLine: (line) => context.diagnostic(line) });
  deepEqual(faults, []);
  ok(Math.min(...['runs', 'jobs', 'uploads', 'sockets', 'reads'].map((name) => facts[name] ?? 0)) > 0, JSON.stringify(facts));
});
