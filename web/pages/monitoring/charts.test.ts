import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chartPanels, momentOf } from './charts.ts';

type Points = Parameters<typeof chartPanels>[0];

const point = (minute: number, more: object = {}): Points[number] => ({
  at: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
  ...{ cpuShare: 0.25, memoryUsedBytes: 2 * 1024 ** 3, memoryTotalBytes: 4 * 1024 ** 3, diskUsedBytes: 10 * 1024 ** 3, diskTotalBytes: 40 * 1024 ** 3 },
  ...{ networkReceivedBytesPerS: null, networkSentBytesPerS: null, loopDelayMs: null, databaseConnections: null, queuedJobs: null, runningJobs: null },
  ...{ stepsPerS: null, requestsPerS: null, processBytes: null, gpus: [], ...more },
});

test('each resource has a panel with its lines and how it stands now; what is not known is a gap', () => {
  const panels = chartPanels([point(0), point(1, { cpuShare: null, queuedJobs: 3, runningJobs: 2 })]);
  assert.deepEqual(
    panels.map(({ title, now }) => `${title}: ${now}`),
    [
      'CPU: –',
      'Memory: 2.0 GiB of 4.0 GiB',
      'Disk: 30 GiB free',
      'Throughput: –',
      'Jobs: 3 waiting',
      'Event loop delay: –',
      'Database connections: –',
      'Network: –',
    ],
  );
  assert.deepEqual(
    panels[0]?.lines[0]?.points.map(({ y }) => y),
    [0.25, null],
  );
  assert.equal(momentOf(panels[4] ?? { lines: [], format: String }, Date.UTC(2026, 0, 1, 0, 1)), 'Running 2 · Waiting 3');
});

test('a card that came later has a line with a gap before', () => {
  const gpu = { uuid: 'GPU-1', index: 0, utilizationPercent: 50, memoryUsedBytes: 1024 ** 3, temperatureC: 61, powerW: 100 };
  const panels = chartPanels([point(0), point(1, { gpus: [gpu] })]);
  const use = panels.find(({ title }) => title === 'GPU utilisation');
  assert.equal(use?.now, '50 %');
  assert.deepEqual(
    use?.lines[0]?.points.map(({ y }) => y),
    [null, 0.5],
  );
});

test('nothing is drawn of nothing', () => {
  assert.deepEqual(chartPanels([]), []);
});
