import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { silentLog } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import type { ProbeFault } from './disk-probe.ts';
import { guardDisks, levelOf, reservesOf, type DiskLevel, type DiskRoom } from './disk-guard.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const room = (freeBytes: number, totalBytes = 100 * GIB, freeFiles: number | null = null): DiskRoom => ({ freeBytes, totalBytes, freeFiles });

test('a disk is low, full and spent by its free bytes, small ones by their share', () => {
  const levels = (rooms: readonly DiskRoom[]): DiskLevel[] => rooms.map((one) => levelOf(one, 'ok'));
  assert.deepEqual(levels([room(2 * GIB), room(GIB - 1), room(128 * MIB - 1), room(24 * MIB - 1)]), ['ok', 'low', 'full', 'spent']);
  assert.deepEqual(levels([room(60 * MIB, 500 * MIB), room(40 * MIB, 500 * MIB), room(19 * MIB, 500 * MIB), room(4 * MIB, 500 * MIB)]), [
    'ok',
    'low',
    'full',
    'spent',
  ]);
});

test('a disk without room for another file is full, one that does not count files is not', () => {
  assert.deepEqual([levelOf(room(50 * GIB, 100 * GIB, 400), 'ok'), levelOf(room(50 * GIB, 100 * GIB, null), 'ok')], ['full', 'ok']);
});

test('a level is left only when there is half as much again', () => {
  assert.deepEqual([levelOf(room(150 * MIB), 'full'), levelOf(room(193 * MIB), 'full'), levelOf(room(193 * MIB), 'spent')], ['full', 'low', 'low']);
});

test('the reserve of a disk never takes more than a twentieth of it', () => {
  for (const total of [0, 64 * MIB, GIB, 10 * GIB, 4_000 * GIB]) assert.ok(reservesOf(total).ballast <= total / 20 + 1);
});

async function watched(t: TestContext, first: DiskRoom) {
  const folder = mkdtempSync(join(tmpdir(), 'disk-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = fakeClock();
  const faults: (string | null)[] = [];
  const state = { room: first, woken: 0, downMs: 0, fault: undefined as ProbeFault | undefined, probes: [] as number[], isHung: false };
  const guard = await guardDisks({
    folders: [folder, folder],
    clock,
    log: silentLog,
    board: { report: (_part, fault) => void faults.push(fault), downMs: () => state.downMs },
    onRoom: () => void state.woken++,
    measure: () => (state.isHung ? new Promise(() => undefined) : Promise.resolve(state.room)),
    probe: (_folder, bytes) => (state.probes.push(bytes), Promise.resolve(state.fault)),
  });
  t.after(() => guard.stop());
  const lookAgain = async (next: DiskRoom): Promise<void> => {
    state.room = next;
    const told = faults.length;
    await clock.advance(1_000);
    while (faults.length === told) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, guard, faults, state, lookAgain, ballast: join(folder, '.ballast') };
}

/** It is written beside the looks. */
async function untilMade(ballast: string): Promise<void> {
  while (!existsSync(ballast)) await new Promise((resolve) => setImmediate(resolve));
}

test('the reserve is made while there is room, given away when there is none, and made again', async (t) => {
  const { clock, guard, faults, state, lookAgain, ballast } = await watched(t, room(300 * MIB, 600 * MIB));
  assert.equal(existsSync(ballast), false, 'the start is not slowed by it');
  await clock.advance(29_000);
  await lookAgain(room(300 * MIB, 600 * MIB));
  await untilMade(ballast);
  assert.equal(statSync(ballast).size, reservesOf(600 * MIB).ballast);
  assert.ok(statSync(ballast).blocks * 512 >= reservesOf(600 * MIB).ballast, 'it takes real room');
  assert.deepEqual([guard.isFull(), faults.at(-1)], [false, null]);

  await lookAgain(room(20 * MIB, 600 * MIB));
  assert.equal(guard.isFull(), true);
  assert.match(faults.at(-1) ?? '', /is full: new work, uploads and downloads are refused until there is room/);
  assert.ok(existsSync(ballast), 'kept for later');

  await lookAgain(room(MIB, 600 * MIB));
  assert.equal(existsSync(ballast), false);
  assert.equal(state.woken, 1, 'what waited for room is woken');

  await lookAgain(room(300 * MIB, 600 * MIB));
  await untilMade(ballast);
  assert.deepEqual([guard.isFull(), faults.at(-1), state.woken], [false, null, 2]);
});

test('a disk that is nearly full from the start gets no reserve', async (t) => {
  const { clock, ballast, lookAgain } = await watched(t, room(50 * MIB, 600 * MIB));
  await clock.advance(29_000);
  await lookAgain(room(50 * MIB, 600 * MIB));
  assert.equal(existsSync(ballast), false);
});

const QUOTA: ProbeFault = { kind: 'full', reason: 'EDQUOT: the quota is used up' };

test('a limit that the file system does not tell counts as full, the reserve is given away, and it ends when there is room for both again', async (t) => {
  const { clock, guard, faults, state, lookAgain, ballast } = await watched(t, room(300 * MIB, 600 * MIB));
  await clock.advance(29_000);
  await lookAgain(state.room);
  await untilMade(ballast);

  state.fault = QUOTA;
  state.downMs = 1_000;
  await lookAgain(state.room);
  assert.deepEqual([guard.isFull(), existsSync(ballast), state.woken], [true, false, 1]);
  assert.match(faults.at(-1) ?? '', /is full \(EDQUOT: the quota is used up, which its file system does not tell\).*The reserve is used up/);
  assert.equal(state.probes.at(-1), reservesOf(600 * MIB).spent, 'as much as the database needs to start');

  state.fault = undefined;
  state.downMs = 0;
  await lookAgain(state.room);
  await lookAgain(state.room);
  await untilMade(ballast);
  assert.deepEqual([guard.isFull(), faults.at(-1), state.woken], [false, null, 2]);
  const { ballast: reserve, full } = reservesOf(600 * MIB);
  assert.equal(state.probes.at(-1), reserve + full, 'less than both would only fill up again');
});

test('a disk that fails is named, and adds nothing to what is refused', async (t) => {
  const { guard, faults, state, lookAgain } = await watched(t, room(300 * MIB, 600 * MIB));
  state.fault = { kind: 'failing', reason: 'EIO: the device fails' };
  state.downMs = 1_000;
  await lookAgain(state.room);
  assert.match(faults.at(-1) ?? '', /can not be written \(EIO: the device fails\)/);
  assert.equal(guard.isFull(), false);
});

test('a disk that does not answer is named, and looked at only once', async (t) => {
  const { clock, faults, state } = await watched(t, room(300 * MIB, 600 * MIB));
  state.isHung = true;
  await clock.advance(1_000);
  while (!(faults.at(-1) ?? '').includes('does not answer')) {
    await clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(faults.at(-1) ?? '', /goes on by itself when the volume is back/);
});
