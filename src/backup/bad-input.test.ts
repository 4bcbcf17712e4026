import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packTar, type TarEntry } from 'modern-tar';
import type { CompleteConfig } from '../config/schema.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { createBackupFixture, type BackupFixture } from '../test/backup-fixture.ts';
import { harmBackups } from '../test/chaos/harm-backups.ts';
import { checkBackup } from './check.ts';
import { keyOf, newKey, type BackupKey } from './crypt.ts';
import { folderPlace } from './folder-place.ts';
import { manifestPath, parseManifest, partsOf, readManifest, requireSealedBy, sealManifest, type Manifest } from './manifest.ts';
import type { Place } from './place.ts';
import type { Progress } from '../kernel/progress.ts';
import { preflight, type RestoreOptions } from './restore.ts';
import { exportBackup, importBackup } from './single-file.ts';

const PASSPHRASE = 'several words that nobody guesses';
let fixture: BackupFixture;
let root: string;
let workspace: string;
let config: CompleteConfig;
let place: Place;
let signal: AbortSignal;
let progress: Progress;
let sealed: Manifest;
let plain: Manifest;
let key: BackupKey;

before(async () => {
  fixture = await createBackupFixture();
  ({ root, workspace, config, place, signal, progress } = fixture);
  key = await newKey(PASSPHRASE);
  plain = await fixture.make(undefined);
  sealed = await fixture.make(key);
});
after(() => fixture.close());

const options = (manifest: Manifest, more: Partial<RestoreOptions> = {}): RestoreOptions => ({
  ...{ place, manifest, config, clock, signal, progress, withoutSecrets: false },
  key: manifest.encryption === null ? undefined : key,
  target: { kind: 'embedded', database: { kind: 'embedded', name: 'studio' }, dataDir: join(workspace, 'pg'), otherDataDirs: [] },
  ...more,
});

test('a whole backup passes every look before a restore', async () => {
  for (const manifest of [plain, sealed])
    assert.deepEqual(
      (await preflight(options(manifest))).map(({ ok }) => ok),
      [true, true, true, true, true],
    );
});

test('a wrong passphrase is told before anything is read, and a manifest that another wrote is refused', async () => {
  const facts = sealed.encryption;
  assert.ok(facts);
  await assert.rejects(keyOf('another passphrase, quite long', facts), /not the passphrase that the backup was made with/);
  await assert.rejects(newKey('too short'), /needs 12/);
  const forged = sealManifest({ ...sealed, createdBy: 'somebody' }, await newKey(PASSPHRASE));
  await place.write(manifestPath(sealed.id), once(forged), signal);
  await assert.rejects(requireSealedBy(place, await readManifest(place, sealed.id), key), /not sealed with this passphrase/);
  await place.write(manifestPath(sealed.id), once(sealManifest(sealed, key)), signal);
});

test('every flipped bit, every cut and every missing part is found', async () => {
  // A few here; scripts/chaos --backups makes a thousand.
  const { faults, flips, cuts, removals } = await harmBackups(40);
  assert.deepEqual(faults, []);
  assert.deepEqual([flips, cuts, removals], [20, 19, 1]);
});

test('a backup of a newer format, of a newer schema, or of another line of Studio says what to install', async () => {
  const newer = Buffer.from(`${JSON.stringify({ ...plain, format: 3 })}\n`);
  const text = Buffer.concat([newer, Buffer.from(`sha256:${createHash('sha256').update(newer).digest('hex')}\n`)]);
  assert.throws(() => parseManifest(text, plain.id), /format 3; this Studio reads up to 2/);
  const studio = { ...plain.studio, version: '9.0.0', schemaVersion: 9_999 };
  await assert.rejects(preflight(options({ ...plain, studio })), /schema version 9999 .* Install Studio 9\.0\.0 or a newer one/);
  await assert.rejects(preflight(options({ ...plain, studio: { ...plain.studio, schemaName: 'other' } })), /another line of Studio/);
});

test('a backup that needs more room than there is says how much, where, and what is free', async () => {
  await assert.rejects(
    preflight(options({ ...plain, postgres: { ...plain.postgres, databaseBytes: 2 ** 52 } })),
    /needs 62914\S+ GiB at .*, where \S+ GiB are free/,
  );
});

test('stored secrets that would not open are told, unless that is wanted', async () => {
  const other = { ...config, credentialEncryptionKey: 'f'.repeat(64) };
  await assert.rejects(preflight(options(plain, { config: other })), /do not open with this workspace's CREDENTIAL_ENCRYPTION_KEY/);
  const findings = await preflight(options(plain, { config: other, withoutSecrets: true }));
  assert.equal(findings.find(({ name }) => name === 'secrets')?.ok, false);
  // The backup's own key opens them, whatever the workspace has.
  assert.equal((await preflight(options(sealed, { config: other }))).find(({ name }) => name === 'secrets')?.ok, true);
});

test('a workspace that can not be written is named', { skip: process.getuid?.() === 0 ? 'root writes everywhere' : false }, async () => {
  chmodSync(workspace, 0o500);
  try {
    await assert.rejects(preflight(options(plain)), /can't be written \(EACCES\)/);
  } finally {
    chmodSync(workspace, 0o700);
  }
});

test('a link in the place of a part is refused', async () => {
  const [part] = partsOf(plain);
  assert.ok(part);
  const path = join(root, 'backups', part.path);
  const bytes = readFileSync(path);
  rmSync(path);
  writeFileSync(join(root, 'elsewhere'), bytes);
  symlinkSync(join(root, 'elsewhere'), path);
  await assert.rejects(checkBackup(options(plain)), /is missing|is a link/);
  rmSync(path);
  writeFileSync(path, bytes);
});

test('no secret and no key stands in a backup in clear, sealed or not', async () => {
  const secrets = [config.credentialEncryptionKey, config.jwtSecretKey, config.postgresPassword];
  for await (const { path } of place.list('backups')) {
    const text = readFileSync(join(root, 'backups', path), 'latin1');
    for (const secret of secrets) assert.equal(text.includes(secret), false, path);
  }
  assert.equal(plain.keys, null);
  assert.ok(plain.leftOut.some(({ what }) => what === 'keys'));
});

test('one file holds a backup, and comes back whole', async () => {
  for (const manifest of [plain, sealed]) {
    const file = await tarFile(await bytesOf(exportBackup({ place, manifest, key: manifest === sealed ? key : undefined, signal })));
    const folder = mkdtempSync(join(root, 'import-'));
    assert.equal(await importBackup({ file, folder, signal }), manifest.id);
    await checkBackup({ ...options(manifest), place: folderPlace(folder) });
  }
});

const evil: Readonly<Record<string, () => TarEntry>> = {
  'a name that climbs out': () => ({ header: { name: '../../etc/evil', size: 1 }, body: 'x' }),
  'an absolute name': () => ({ header: { name: '/etc/evil', size: 1 }, body: 'x' }),
  'a symbolic link': () => ({ header: { name: `backups/${plain.id}/config.json.zst`, size: 0, type: 'symlink', linkname: '/etc/passwd' } }),
  'a hard link': () => ({ header: { name: `backups/${plain.id}/config.json.zst`, size: 0, type: 'link', linkname: '/etc/passwd' } }),
  'a device': () => ({ header: { name: `backups/${plain.id}/config.json.zst`, size: 0, type: 'block-device' } }),
  'a pipe': () => ({ header: { name: `backups/${plain.id}/config.json.zst`, size: 0, type: 'fifo' } }),
  'a part that its manifest does not know': () => ({ header: { name: `backups/${plain.id}/more.copy.zst`, size: 1 }, body: 'x' }),
  'a part of another size': () => ({ header: { name: `backups/${plain.id}/config.json.zst`, size: 1 }, body: 'x' }),
  'content of another workspace': () => ({ header: { name: `content/other/plain/aa/${'a'.repeat(64)}`, size: 1 }, body: 'x' }),
};
for (const [what, entry] of Object.entries(evil)) {
  test(`a file with ${what} is refused, and nothing of it is written outside`, async () => {
    const manifest = readFileSync(join(root, 'backups', manifestPath(plain.id)));
    const file = await tarFile(await packTar([{ header: { name: manifestPath(plain.id), size: manifest.length }, body: manifest }, entry()]));
    await assert.rejects(importBackup({ file, folder: mkdtempSync(join(root, 'import-')), signal }), { code: 'backup_unusable' });
  });
}

test('what is no backup at all says so: another tar, random bytes, an empty file, one that is cut off', async () => {
  const foreign = await packTar([{ header: { name: 'hello.txt', size: 5 }, body: 'hello' }]);
  const whole = await bytesOf(exportBackup({ place, manifest: plain, key: undefined, signal }));
  for (const bytes of [
    foreign,
    Buffer.from('no tar at all, but long enough to look at'.repeat(40)),
    Buffer.alloc(0),
    whole.subarray(0, Math.floor(whole.length / 2)),
  ]) {
    const folder = mkdtempSync(join(root, 'import-'));
    const file = await tarFile(bytes);
    await assert.rejects(
      async () => {
        const id = await importBackup({ file, folder, signal });
        const imported = folderPlace(folder);
        await checkBackup({ ...options(await readManifest(imported, id)), place: imported });
      },
      { code: 'backup_unusable' },
    );
  }
});

let files = 0;
async function tarFile(bytes: Uint8Array): Promise<string> {
  const path = join(root, `file-${files++}.tar`);
  writeFileSync(path, bytes);
  return path;
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  return Buffer.from(await new Response(stream).arrayBuffer());
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
