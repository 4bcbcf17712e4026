import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gpu } from '../gpu/device.ts';
import { tenantHistory, tenantSamplesOf } from './tenant-history.ts';

const GIB = 1024 ** 3;
const at = new Date('2026-01-01T12:00:00.000Z');
const card = (patch: Partial<Gpu>): Gpu => ({ uuid: 'GPU-1', memoryUsedBytes: 9 * GIB, processes: [], ...patch }) as Gpu;
const tenant = (id: string, patch: object = {}) => ({ kind: 'job' as const, id, orgId: 'org_1', bytes: 10 * GIB, ...patch });

test('a tenant used what its processes use; where the driver does not tell, what it was granted, up to what is in use', () => {
  const processes = [{ pid: process.pid, name: 'python', memoryBytes: 4 * GIB }];
  const samples = tenantSamplesOf(at, card({ processes }), () => [tenant('job_1', { name: 'train', pid: process.pid }), tenant('job_2', { orgId: null })]);
  assert.deepEqual(
    samples.map(({ tenantId, name, orgId, grantedBytes, usedBytes }) => [tenantId, name, orgId, grantedBytes / GIB, usedBytes / GIB]),
    [
      ['job_1', 'train', 'org_1', 10, 4],
      ['job_2', null, null, 10, 9],
    ],
  );
});

test('a device that nobody holds has nobody in its history', () => {
  assert.deepEqual(
    tenantSamplesOf(at, card({}), () => []),
    [],
  );
});

test('tenants of others are one without a name, those of the asker and of the machine have theirs; a step is the most of it', () => {
  const sample = (minute: number, tenantId: string, orgId: string | null, usedBytes: number) => {
    const when = new Date(at.getTime() + minute * 60_000);
    return { at: when, uuid: 'GPU-1', tenantId, kind: 'job' as const, orgId, name: `name of ${tenantId}`, grantedBytes: 10, usedBytes };
  };
  const history = tenantHistory(
    [
      sample(0, 'job_1', 'org_1', 3),
      sample(0, 'job_2', 'org_2', 4),
      sample(0, 'job_3', 'org_3', 5),
      sample(1, 'job_1', 'org_1', 7),
      sample(6, 'job_4', null, 1),
    ],
    300_000,
    'org_1',
  );
  const first = at.toISOString();
  assert.deepEqual(history, [
    { kind: 'job', id: 'job_1', name: 'name of job_1', points: [{ at: first, grantedBytes: 10, usedBytes: 7 }] },
    { kind: 'job', id: null, name: "another organisation's job", points: [{ at: first, grantedBytes: 20, usedBytes: 9 }] },
    { kind: 'job', id: 'job_4', name: 'name of job_4', points: [{ at: '2026-01-01T12:05:00.000Z', grantedBytes: 10, usedBytes: 1 }] },
  ]);
});
