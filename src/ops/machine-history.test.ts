import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import type { Gpu } from '../gpu/device.ts';
import { systemClock } from '../kernel/clock.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import { createMachineHistory, type MachineHistory } from './machine-history.ts';

const GIB = 1024 ** 3;
let db: TestDatabase;
before(async () => {
  db = await testDatabase();
});
after(() => db.close());

function gpu(patch: Partial<Gpu>): Gpu {
  return {
    index: 0,
    uuid: 'GPU-1',
    name: 'Card',
    vendor: 'nvidia',
    driver: null,
    busId: '0000:01:00.0',
    memoryTotalBytes: 24 * GIB,
    memoryUsedBytes: 0,
    sharesMemory: false,
    utilizationPercent: 0,
    temperatureC: 40,
    powerW: null,
    powerLimitW: null,
    partOf: null,
    processes: [],
    state: 'ok',
    reason: null,
    since: '2026-01-01T00:00:00.000Z',
    lastError: null,
    sampledAt: '2026-01-01T00:00:00.000Z',
    ...patch,
  };
}

interface Stage {
  readonly history: MachineHistory;
  readonly sample: (gpus: readonly Gpu[]) => void;
  /** Until so many points are written. */
  points(count: number): Promise<void>;
}

function stage(clock: FakeClock, isAway: () => boolean = () => false): Stage {
  let sample: (gpus: readonly Gpu[]) => void = () => undefined;
  const engine = db.database.engine;
  const sql: typeof engine = { ...engine, transaction: (work) => (isAway() ? Promise.reject(new Error('away')) : engine.transaction(work)) };
  const history = createMachineHistory({
    sql,
    clock,
    log: silentLog,
    devices: { onSample: (listener) => ((sample = listener), () => undefined) },
    tenantsOn: (uuid) => (uuid === 'GPU-1' ? [{ kind: 'job', id: 'job_1', orgId: 'org_1', name: 'train', bytes: 10 * GIB }] : []),
    workspacePath: tmpdir(),
  });
  return {
    history,
    sample: (gpus) => sample(gpus),
    async points(count) {
      while ((await history.system(1_440)).points.length < count) await systemClock.sleep(10);
    },
  };
}

test('a minute is the mean of its samples and the most of its memory, and outlives a restart', async () => {
  const clock = fakeClock(Date.UTC(2026, 0, 1, 12, 0, 10));
  const { history, sample, points } = stage(clock);
  history.start();
  await clock.advance(3_000);
  await points(1);
  sample([gpu({ utilizationPercent: 100, memoryUsedBytes: 20 * GIB, temperatureC: 60, powerW: 300 })]);
  sample([gpu({ utilizationPercent: 50, memoryUsedBytes: 2 * GIB, temperatureC: null }), gpu({ uuid: 'GPU-2', index: 1, state: 'lost' })]);
  await clock.advance(47_000);
  await points(2);
  await history.stop();
  const later = stage(clock).history;
  const { items, stepMs } = await later.gpus(60, 'org_1');
  assert.deepEqual(items, [
    {
      uuid: 'GPU-1',
      index: 0,
      name: 'Card',
      memoryTotalBytes: 24 * GIB,
      points: [{ at: '2026-01-01T12:01:00.000Z', utilizationPercent: 75, memoryUsedBytes: 20 * GIB, temperatureC: 60, powerW: 300 }],
      tenants: [{ kind: 'job', id: 'job_1', name: 'train', points: [{ at: '2026-01-01T12:01:00.000Z', grantedBytes: 10 * GIB, usedBytes: 2 * GIB }] }],
    },
  ]);
  assert.equal(stepMs, 60_000);
  const { points: system } = await later.system(60);
  assert.deepEqual(
    system.map((one) => [one.at, one.gpus.length]),
    [
      ['2026-01-01T12:00:00.000Z', 0],
      ['2026-01-01T12:01:00.000Z', 1],
    ],
  );
  const [first, second] = system;
  assert.deepEqual([first?.cpuShare, first?.networkReceivedBytesPerS], [null, null]);
  assert.ok(second !== undefined && second.cpuShare !== null && second.memoryUsedBytes > 0 && second.memoryUsedBytes < second.memoryTotalBytes);
  assert.ok(second.diskUsedBytes > 0 && second.diskUsedBytes <= second.diskTotalBytes && second.networkReceivedBytesPerS !== null);
});

test('points wait while the database is away, and what is older than a day is dropped', async () => {
  const clock = fakeClock(Date.UTC(2026, 0, 3));
  let isAway = true;
  const { history, sample, points } = stage(clock, () => isAway);
  history.start();
  await clock.advance(3_000);
  sample([gpu({ memoryUsedBytes: GIB })]);
  await clock.advance(57_000);
  sample([gpu({ memoryUsedBytes: 2 * GIB })]);
  await clock.advance(60_000);
  assert.deepEqual((await history.system(60)).points, []);
  isAway = false;
  await clock.advance(60_000);
  await points(4);
  const { items } = await history.gpus(60, 'org_1');
  assert.deepEqual(
    items[0]?.points.map((one) => one.memoryUsedBytes / GIB),
    [1, 2],
  );
  const day = await history.gpus(1_440, 'org_1');
  assert.deepEqual([day.stepMs, day.items[0]?.points.map((one) => [one.at, one.memoryUsedBytes / GIB])], [300_000, [['2026-01-03T00:00:00.000Z', 2]]]);
  await history.stop();
  const { rows } = await db.database.engine.query<{ count: number }>('select count(*)::int as count from system_samples');
  assert.equal(rows[0]?.count, 4);
  assert.deepEqual((await history.gpus(1, 'org_1')).items[0]?.points.length ?? 0, 1);
});
