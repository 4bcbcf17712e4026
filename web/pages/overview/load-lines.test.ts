import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadLines } from './load-lines.ts';

const point = {
  at: '2026-01-01T00:00:00.000Z',
  cpuShare: 0.5,
  memoryUsedBytes: 2 ** 30,
  memoryTotalBytes: 4 * 2 ** 30,
  diskUsedBytes: 3 * 2 ** 30,
  diskTotalBytes: 4 * 2 ** 30,
  networkReceivedBytesPerS: 1024,
  networkSentBytesPerS: 1024,
  ...{ loopDelayMs: 1, databaseConnections: 5, queuedJobs: 0, runningJobs: 0, stepsPerS: 0, requestsPerS: 1, processBytes: 1 },
  gpus: [],
};

test('each resource is a line with how it stands now; what is not known is a gap', () => {
  const lines = loadLines([{ ...point, cpuShare: null, networkSentBytesPerS: null }, point]);
  assert.deepEqual(
    lines.map(({ name, values, figure }) => [name, values, figure]),
    [
      ['CPU', [null, 0.5], '50 %'],
      ['Memory', [0.25, 0.25], '1.0 GiB of 4.0 GiB'],
      ['Disk', [0.75, 0.75], '1.0 GiB free'],
      ['Network', [null, 2048], '2.0 KiB/s'],
    ],
  );
});

test('without a point there is no line', () => {
  assert.deepEqual(loadLines([]), []);
});
