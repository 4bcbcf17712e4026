import assert from 'node:assert/strict';
import { test } from 'node:test';
import { areasAt, memoryAreas } from './memory-history.ts';

const at = (minute: number): string => new Date(minute * 60_000).toISOString();
const point = (minute: number, memoryUsedBytes: number) => ({ at: at(minute), memoryUsedBytes, utilizationPercent: 0, temperatureC: null, powerW: null });
const tenant = (id: string, uses: readonly (readonly [minute: number, bytes: number])[]) => ({
  kind: 'job' as const,
  id,
  name: `name of ${id}`,
  points: uses.map(([minute, usedBytes]) => ({ at: at(minute), usedBytes, grantedBytes: 100 })),
});

test('tenants lie upon each other, the largest first; what they do not use is of others', () => {
  const areas = memoryAreas({ points: [point(0, 10), point(1, 30)], tenants: [tenant('small', [[1, 5]]), tenant('large', [[1, 20]])] });
  assert.deepEqual(
    areas.map(({ name, points }) => [name, points.map(({ y }) => y)]),
    [
      ['name of large', [20]],
      ['name of small', [5]],
      ['Driver and others', [10, 5]],
    ],
  );
  assert.deepEqual(areasAt(areas, 0), [{ name: 'Driver and others', bytes: 10 }]);
});

test('of many tenants the smallest are one area, and nothing is lost', () => {
  const tenants = Array.from({ length: 9 }, (_, index) => tenant(`job_${index}`, [[0, index + 1]]));
  const areas = memoryAreas({ points: [point(0, 45)], tenants });
  assert.deepEqual(
    areas.map(({ name, points }) => [name, points[0]?.y]),
    [
      ['name of job_8', 9],
      ['name of job_7', 8],
      ['name of job_6', 7],
      ['name of job_5', 6],
      ['5 more', 15],
      ['Driver and others', 0],
    ],
  );
});
