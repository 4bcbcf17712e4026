import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { noDisks, smallDisk } from '../test/chaos/disk/devices.ts';
import { probeDisk } from './disk-probe.ts';

test('a disk that takes what is written has no fault, and nothing is left there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'probe-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  assert.equal(await probeDisk(folder, 3_000_000), undefined);
  assert.deepEqual(readdirSync(folder), []);
});

test('a folder that is gone fails, with the word of the system', async () => {
  assert.equal((await probeDisk('/nowhere/at/all', 1_000))?.kind, 'failing');
});

test('more than there is room for is found full', { skip: noDisks('small') }, async (t) => {
  const disk = await smallDisk(16 * 2 ** 20);
  t.after(() => disk.detach());
  assert.deepEqual([(await probeDisk(disk.path, 64 * 2 ** 20))?.kind, await probeDisk(disk.path, 65_536)], ['full', undefined]);
});
