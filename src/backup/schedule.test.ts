import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackupSettings } from '../contract/backups.ts';
import { silentLog } from '../test/database.ts';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import type { Listed } from './catalogue.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import { defaultSettings } from './settings.ts';

const HOUR_MS = 3_600_000;
const START = Date.parse('2026-11-22T12:00:00.000Z');

interface Rig {
  readonly clock: FakeClock;
  readonly schedule: Schedule;
  readonly begun: string[];
  newest: Listed | undefined;
}

/** @param makes whether what is begun comes to something */
function rig(settings: Partial<BackupSettings>, makes = true): Rig {
  const clock = fakeClock(START);
  const begun: string[] = [];
  const wanted = { ...defaultSettings, enabled: true, verifyEveryDays: 0, ...settings };
  const listed = (isProven: boolean): Listed =>
    ({
      id: 'bak_1',
      fault: null,
      manifest: { createdAt: new Date(clock.now()).toISOString() },
      proof: isProven ? { at: new Date(clock.now()).toISOString() } : undefined,
    }) as Listed;
  const at = (what: string): void => void begun.push(`${what} ${new Date(clock.now()).toISOString().slice(5, 16)}`);
  const parts: Rig = {
    clock,
    begun,
    newest: undefined,
    schedule: createSchedule({
      clock,
      log: silentLog,
      settings: () => wanted,
      newest: () => parts.newest,
      isBusy: () => false,
      async create() {
        at('create');
        if (makes) parts.newest = listed(true);
      },
      async verify() {
        at('verify');
        parts.newest = listed(true);
      },
    }),
  };
  parts.newest = listed(true);
  return parts;
}

/** Its first look is over when this resolves. */
async function begin({ schedule, clock }: Rig): Promise<void> {
  schedule.start();
  await clock.advance(0);
}

test('a backup is made at its time, once, by the clock of its zone', async () => {
  const scheduled = rig({ cron: '0 3 * * *', timezone: 'Europe/Berlin' });
  const { clock, schedule, begun } = scheduled;
  assert.equal(schedule.nextAt(), '2026-11-23T02:00:00.000Z');
  await begin(scheduled);
  await clock.advance(40 * HOUR_MS);
  schedule.stop();
  assert.deepEqual(begun, ['create 11-23T02:00', 'create 11-24T02:00']);
  assert.equal(clock.pending, 0);
});

test('a time that passed while Studio was off is made up for, and what failed is tried again each hour', async () => {
  const late = rig({ cron: '0 3 * * *' }, false);
  await late.clock.advance(20 * HOUR_MS);
  await begin(late);
  await late.clock.advance(2.5 * HOUR_MS);
  late.schedule.stop();
  assert.deepEqual(late.begun, ['create 11-23T08:00', 'create 11-23T09:00', 'create 11-23T10:00']);
});

test('the newest is proved again when its proof is old, and nothing happens while the schedule is off', async () => {
  const again = rig({ cron: '0 0 1 1 *', verifyEveryDays: 2 });
  await begin(again);
  await again.clock.advance(49 * HOUR_MS);
  again.schedule.stop();
  assert.deepEqual(again.begun, ['verify 11-24T12:00']);
  const off = rig({ enabled: false });
  await begin(off);
  await off.clock.advance(100 * HOUR_MS);
  off.schedule.stop();
  assert.deepEqual([off.begun, off.schedule.nextAt()], [[], null]);
});

test('a schedule that can not be read, or never comes, is refused', () => {
  const { schedule } = rig({});
  for (const wrong of [{ cron: 'sometimes' }, { cron: '0 0 30 2 *' }, { timezone: 'Nowhere/Land' }])
    assert.throws(() => schedule.require({ ...defaultSettings, ...wrong }), { code: 'invalid_body' });
  schedule.require(defaultSettings);
});
