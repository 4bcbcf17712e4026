import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runToEnd } from '../kernel/child.ts';
import { ensureServiceAccount } from './account.ts';
import { decidePlan, findMount, probeStorage, type StorageFacts } from './storage.ts';

const GIB = 2 ** 30;
const good: StorageFacts = {
  path: '/workspace',
  mountType: 'ext4',
  mountPoint: '/workspace',
  freeBytes: 50 * GIB,
  totalBytes: 100 * GIB,
  keepsOwner: true,
  keepsMode: true,
  renames: true,
  locks: true,
  fsyncMs: 2,
  faults: [],
};
const places = { workspacePath: '/workspace', localPath: '/var/lib/studio/x' };

test('an ordinary disk holds the database itself', () => {
  const verdict = decidePlan(good, places);
  deepEqual([verdict.wanted, verdict.plan, verdict.dataDir, verdict.banner], ['direct', 'direct', '/workspace/pg', null]);
});

test("an ordinary user's workspace is direct without a trial of chown", () => {
  equal(decidePlan({ ...good, keepsOwner: null }, places).plan, 'direct');
});

const unfit: readonly (readonly [string, Partial<StorageFacts>, RegExp])[] = [
  ['a network volume that forgets owners', { mountType: 'fuse.mfs', keepsOwner: false }, /chown/],
  ['one that forgets modes', { mountType: 'fuse.bindfs', keepsMode: false }, /modes are not kept/],
];
for (const [name, change, reason] of unfit) {
  test(`${name} has the database on the local disk and its shadow on the volume, and says why`, () => {
    const verdict = decidePlan({ ...good, ...change }, places);
    deepEqual([verdict.wanted, verdict.plan, verdict.dataDir, verdict.banner], ['shadow', 'shadow', '/var/lib/studio/x/pg', null]);
    match(verdict.reasons.join(), reason);
  });
}

const useless: readonly (readonly [string, Partial<StorageFacts>, RegExp])[] = [
  ['one that does not replace on rename', { renames: false }, /rename/],
  ['one whose fsync does not come back', { fsyncMs: null }, /fsync/],
];
for (const [name, change, reason] of useless) {
  test(`${name} can't even hold a copy: ephemeral, and it is said what would be lost`, () => {
    const verdict = decidePlan({ ...good, ...change }, places);
    deepEqual([verdict.wanted, verdict.plan, verdict.dataDir], ['ephemeral', 'ephemeral', '/var/lib/studio/x/pg']);
    match(verdict.banner ?? '', /LOST/);
    match(verdict.reasons.join(), reason);
  });
}

test('a person may choose another plan than the file system asks for, and that is said', () => {
  const shadow = decidePlan(good, { ...places, plan: 'shadow' });
  deepEqual([shadow.wanted, shadow.plan, shadow.dataDir, shadow.banner], ['direct', 'shadow', '/var/lib/studio/x/pg', null]);
  match(shadow.reasons.join(), /STUDIO_STORAGE_PLAN asks for shadow/);
  const ephemeral = decidePlan({ ...good, keepsOwner: false }, { ...places, plan: 'ephemeral' });
  deepEqual([ephemeral.plan, ephemeral.dataDir], ['ephemeral', '/var/lib/studio/x/pg']);
  match(ephemeral.banner ?? '', /LOST/);
});

test('no volume: works where it is, with the banner', () => {
  const verdict = decidePlan({ ...good, mountType: 'overlay', mountPoint: '/' }, places);
  deepEqual([verdict.wanted, verdict.plan, verdict.dataDir], ['ephemeral', 'ephemeral', '/workspace/pg']);
  match(verdict.banner ?? '', /is no volume \(overlay\).*LOST/);
});

test('slow and nearly full are said, not refused', () => {
  const verdict = decidePlan({ ...good, fsyncMs: 250, freeBytes: 100 * 2 ** 20 }, places);
  equal(verdict.plan, 'direct');
  match(verdict.reasons.join(), /fsync takes 250 ms.*only 100 MiB/);
});

test('the mount of a path is the longest above it, and the last of equals', () => {
  const mounts = [
    { point: '/', type: 'overlay' },
    { point: '/workspace', type: 'ext4' },
    { point: '/workspace', type: 'fuse.mfs' },
    { point: '/work', type: 'tmpfs' },
  ];
  equal(findMount('/workspace/pg', mounts).type, 'fuse.mfs');
  equal(findMount('/workspaces', mounts).type, 'overlay');
  equal(findMount('/work', mounts).type, 'tmpfs');
});

test('a real folder is probed and left as it was', async () => {
  const path = mkdtempSync(join(tmpdir(), 'studio-storage-'));
  const { facts } = await probeStorage({ workspacePath: path, account: await ensureServiceAccount(), localPath: '/var/lib/studio/x' });
  deepEqual([facts.keepsMode, facts.renames, facts.faults], [true, true, []]);
  equal(facts.keepsOwner, process.getuid?.() === 0 ? true : null);
  ok(facts.freeBytes > 0 && facts.totalBytes >= facts.freeBytes && facts.fsyncMs !== null);
  deepEqual(readdirSync(path), []);
  rmSync(path, { recursive: true });
});

const canMount = process.getuid?.() === 0 && existsSync('/usr/bin/bindfs') && existsSync('/dev/fuse');
test('a mount that forces owners and modes, as network volumes do, wants shadow', { skip: canMount ? false : 'needs root, bindfs and /dev/fuse' }, async () => {
  const [real, mounted] = [mkdtempSync(join(tmpdir(), 'studio-real-')), mkdtempSync(join(tmpdir(), 'studio-mounted-'))];
  const mount = await runToEnd({
    command: '/usr/bin/bindfs',
    args: ['--force-user=root', '--force-group=root', '--chown-deny', '--perms=a=rwX', real, mounted],
    timeoutMs: 10_000,
  });
  equal(mount.code, 0, mount.lines.join(' '));
  try {
    const verdict = await probeStorage({ workspacePath: mounted, account: await ensureServiceAccount(), localPath: '/var/lib/studio/x' });
    deepEqual(
      [verdict.wanted, verdict.plan, verdict.facts.keepsOwner, verdict.facts.keepsMode, verdict.facts.mountType.startsWith('fuse')],
      ['shadow', 'shadow', false, false, true],
    );
    equal(verdict.dataDir, '/var/lib/studio/x/pg');
  } finally {
    await runToEnd({ command: '/bin/umount', args: [mounted], timeoutMs: 10_000 });
    rmSync(real, { recursive: true });
    rmSync(mounted, { recursive: true });
  }
});

test('a folder that takes nothing is told, not thrown', async () => {
  const { facts, plan } = await probeStorage({ workspacePath: '/proc/self', account: undefined, localPath: '/var/lib/studio/x' });
  equal(plan, 'ephemeral');
  ok(facts.faults.length > 0);
});
