import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryParts } from './memory-parts.ts';

const process = (memoryBytes: number | null, tenant: { kind: 'job' | 'model'; id: string | null } | null) => ({ pid: 1, name: 'x', memoryBytes, tenant });

test('the parts of a device add up to its memory, tenants by what their processes use', () => {
  const parts = memoryParts({
    memoryTotalBytes: 100,
    memoryUsedBytes: 70,
    memoryExternalBytes: 15,
    processes: [
      process(10, { kind: 'job', id: 'job_1' }),
      process(20, { kind: 'model', id: null }),
      process(20, { kind: 'job', id: 'job_1' }),
      process(15, null),
    ],
  });
  assert.deepEqual(
    parts.map(({ name, bytes, href }) => [name, bytes, href]),
    [
      ['job job_1', 30, '/jobs/job_1'],
      ['Another organisation’s model', 20, undefined],
      ['Other work of Studio', 5, undefined],
      ['Not Studio’s', 15, undefined],
      ['Free', 30, undefined],
    ],
  );
});

test('a device that nobody uses is free, and one whose driver reckons oddly never has more than it has', () => {
  assert.deepEqual(
    memoryParts({ memoryTotalBytes: 10, memoryUsedBytes: 0, memoryExternalBytes: 0, processes: [] }).map(({ name, bytes }) => [name, bytes]),
    [['Free', 10]],
  );
  assert.deepEqual(
    memoryParts({ memoryTotalBytes: 10, memoryUsedBytes: 12, memoryExternalBytes: 12, processes: [process(null, null)] }).map(({ name, bytes }) => [
      name,
      bytes,
    ]),
    [['Not Studio’s', 10]],
  );
});
