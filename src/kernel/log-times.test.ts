/** Times of a log: kept beside it, bounded, and found again. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { byteAtTime, openLogTimes, readLogTimes, timesBetween } from './log-times.ts';

const folder = mkdtempSync(join(tmpdir(), 'studio-log-times-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a log is entered at a time: where something was written then, else where it goes on', async () => {
  const path = join(folder, 'entered');
  let now = 10_000;
  const times = await openLogTimes(path, { bytes: 0, now: () => now });
  times.mark(0);
  now += 50;
  times.mark(30);
  now += 60_000;
  times.mark(100);
  await times.flush();
  const kept = await readLogTimes(path);
  assert.deepEqual(kept, [
    { atMs: 10_000, byte: 0 },
    { atMs: 70_050, byte: 100 },
  ]);
  const at = (atMs: number): number => byteAtTime(kept, atMs, 250);
  assert.deepEqual([9_000, 10_000, 10_099, 10_100, 70_050, 70_149, 70_150].map(at), [0, 0, 0, 100, 100, 100, 250]);
  assert.deepEqual(timesBetween(kept, { from: 40, to: 60, limit: 10 }), [{ atMs: 10_000, byte: 0 }]);
});

test('a Studio that comes back goes on with the times of what is still in the log', async () => {
  const path = join(folder, 'resumed');
  let now = 1_000;
  const before = await openLogTimes(path, { bytes: 0, now: () => now });
  for (const byte of [0, 100, 200]) {
    before.mark(byte);
    now += 1_000;
  }
  await before.flush();
  const later = await openLogTimes(path, { bytes: 150, now: () => now });
  later.mark(150);
  await later.flush();
  assert.deepEqual(
    (await readLogTimes(path)).map(({ byte }) => byte),
    [0, 100, 150],
  );
  await later.restart();
  later.mark(0);
  await later.flush();
  assert.deepEqual(await readLogTimes(path), [{ atMs: 4_000, byte: 0 }]);
});

test('however long a job writes, its times stay below their bound and reach from its beginning to its end', async () => {
  const path = join(folder, 'bounded');
  let now = 0;
  const times = await openLogTimes(path, { bytes: 0, now: () => now, maxPairs: 64 });
  for (let index = 0; index < 5_000; index += 1) {
    times.mark(index * 10);
    now += 100;
    if (index % 7 === 0) await times.flush();
  }
  await times.flush();
  const kept = await readLogTimes(path);
  assert.ok(statSync(path).size <= 64 * 16 && kept.length >= 32, `${kept.length} pairs`);
  assert.deepEqual(kept[0], { atMs: 0, byte: 0 });
  const stepMs = (kept[1]?.atMs ?? 0) - (kept[0]?.atMs ?? 0);
  assert.ok((kept.at(-1)?.byte ?? 0) >= 50_000 - stepMs / 10 - 10, `the last is ${kept.at(-1)?.byte}`);
  // Within a step of what was asked for, never after it.
  for (const atMs of [12_300, 250_000, 400_000]) {
    const byte = byteAtTime(kept, atMs, 50_000, 64);
    assert.ok(byte <= atMs / 10 && byte > (atMs - 2 * stepMs) / 10, `${atMs}: ${byte}`);
  }
  assert.equal(timesBetween(kept, { from: 0, to: 50_000, limit: 5 }).length <= 5, true);
});
