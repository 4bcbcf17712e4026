import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryParts, memoryWords } from './memory-parts.ts';

const lease = (id: string, bytes: number, more: object = {}) => ({
  id: `lease_${id}`,
  kind: 'job' as const,
  holder: id,
  tenantId: id,
  devices: [{ uuid: 'GPU-1', index: 0, bytes }],
  usedBytes: null,
  idleSince: null,
  leaving: null,
  ...more,
});

test('the parts of a device add up to its memory: what tenants use, what they were granted beyond, others, free', () => {
  const parts = memoryParts(
    {
      uuid: 'GPU-1',
      memoryTotalBytes: 100,
      memoryUsedBytes: 60,
      memoryExternalBytes: 15,
      processes: [
        { pid: 1, name: 'a', memoryBytes: 10, tenant: { kind: 'job', id: 'job_1' } },
        { pid: 2, name: 'b', memoryBytes: 15, tenant: { kind: 'job', id: 'job_1' } },
        { pid: 3, name: 'c', memoryBytes: 15, tenant: null },
      ],
    },
    [
      lease('job_1', 40),
      lease('llama', 20, { kind: 'model', usedBytes: 20, idleSince: '2026-01-01T00:00:00.000Z' }),
      lease('another organisation’s job', 5, { tenantId: null }),
      lease('elsewhere', 50, { devices: [{ uuid: 'GPU-2', index: 1, bytes: 50 }] }),
    ],
  );
  assert.deepEqual(
    parts.map(({ name, bytes, heldBytes, about, href }) => [name, bytes, heldBytes, about, href]),
    [
      ['job_1', 25, 15, undefined, '/jobs/job_1'],
      ['llama', 20, 0, 'idle', '/models?model=llama'],
      ['another organisation’s job', 0, 5, undefined, undefined],
      ['Not Studio’s', 15, 0, undefined, undefined],
      ['Free', 20, 0, undefined, undefined],
    ],
  );
});

test('a device that nobody uses is free but for its driver, and never has more than it has', () => {
  const bare = { uuid: 'GPU-1', memoryTotalBytes: 1_000, memoryUsedBytes: 5, memoryExternalBytes: 5, processes: [] };
  assert.deepEqual(
    memoryParts(bare, []).map(({ name, bytes }) => [name, bytes]),
    [
      ['Driver', 5],
      ['Free', 995],
    ],
  );
  assert.deepEqual(
    memoryParts({ ...bare, memoryUsedBytes: 1_200, memoryExternalBytes: 1_200 }, [lease('job_1', 2_000)]).map(({ name, bytes, heldBytes }) => [
      name,
      bytes,
      heldBytes,
    ]),
    [
      ['job_1', 0, 2_000],
      ['Not Studio’s', 1_000, 0],
    ],
  );
});

test('the memory in words keeps what is in use apart from what is promised beyond', () => {
  const card = { uuid: 'GPU-1', memoryTotalBytes: 80 * 2 ** 30, memoryUsedBytes: 4 * 2 ** 20, memoryExternalBytes: 0, processes: [] };
  assert.equal(memoryWords(card, memoryParts(card, [])), '4.0 MiB of 80 GiB in use');
  assert.equal(memoryWords(card, memoryParts(card, [lease('job_1', 20 * 2 ** 30)])), '4.0 MiB in use, 20 GiB more reserved, of 80 GiB');
});
