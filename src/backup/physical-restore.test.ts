import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { packTar, type TarEntry } from 'modern-tar';
import pg from 'pg';
import { systemClock as clock } from '../kernel/clock.ts';
import { createBackupFixture, type BackupFixture } from '../test/backup-fixture.ts';
import { requireReplication } from './create-physical.ts';
import { partPath, readManifest, type Manifest, type PhysicalManifest } from './manifest.ts';
import { labelOf, writePart } from './part.ts';
import { preflight, restoreBackup, undoRestore, type RestoreOptions } from './restore.ts';
import { rebuildServer } from './rebuild-server.ts';
import { startScratchServer } from './scratch-server.ts';
import { listIds } from './store-files.ts';
import { unpackCluster } from './unpack-cluster.ts';

let fixture: BackupFixture;
let plain: PhysicalManifest;
before(async () => {
  fixture = await createBackupFixture({ canBePhysical: true });
  plain = physical(await fixture.make(undefined, { kind: 'physical' }));
});
after(() => fixture.close());

function physical(manifest: Manifest): PhysicalManifest {
  assert.ok(manifest.kind === 'physical');
  return manifest;
}

/** A workspace of another password and another name for the database, with something in it already. */
async function newWorkspace(): Promise<RestoreOptions & { readonly manifest: PhysicalManifest }> {
  const workspacePath = mkdtempSync(join(fixture.root, 'workspace-'));
  chmodSync(workspacePath, 0o711);
  mkdirSync(join(workspacePath, 'pg'));
  writeFileSync(join(workspacePath, 'pg', 'PG_VERSION'), 'what was there before');
  const { place, signal, progress } = fixture;
  return {
    ...{ place, manifest: plain, key: undefined, signal, progress, clock, withoutSecrets: false },
    config: { ...fixture.config, workspacePath, postgresPassword: 'another-password' },
    target: { kind: 'embedded', database: { kind: 'embedded', name: 'other_name' }, dataDir: join(workspacePath, 'pg'), otherDataDirs: [] },
  };
}

test('it is restored beside what is there, opens with the password and the name of the workspace it comes to, and can be taken back', async () => {
  const options = await newWorkspace();
  const { workspacePath } = options.config;
  const findings = await preflight(options);
  assert.deepEqual(
    findings.filter(({ ok }) => !ok).map(({ name }) => name),
    ['trust'],
    'one without a passphrase says that it is as good as a program',
  );
  await restoreBackup(options);
  assert.match(readFileSync(join(workspacePath, 'pg', 'pg_hba.conf'), 'utf8'), /scram-sha-256/);
  assert.equal(existsSync(join(workspacePath, 'pg', 'backup_label')), false, 'its log is replayed');
  const server = await startScratchServer({
    ...{ folder: workspacePath, signal: fixture.signal },
    keep: { password: 'another-password', database: 'other_name' },
  });
  const client = new pg.Client(server.roles.engine);
  await client.connect();
  assert.deepEqual((await client.query('select id from orgs')).rows, [{ id: 'org_1' }]);
  await client.end();
  await server.stop();
  assert.equal(readdirSync(join(workspacePath, 'files', 'org_1')).length, 1);
  undoRestore(workspacePath);
  assert.equal(readFileSync(join(workspacePath, 'pg', 'PG_VERSION'), 'utf8'), 'what was there before');
});

test('another PostgreSQL, another kind of machine, a database elsewhere: each is refused with the way that is left', async () => {
  const options = await newWorkspace();
  const ofMajor = { ...plain, cluster: { ...plain.cluster, major: 17 } };
  await assert.rejects(preflight({ ...options, manifest: ofMajor }), /files of PostgreSQL 17.* make a logical backup there/);
  const ofMachine = { ...plain, cluster: { ...plain.cluster, architecture: 's390x' } };
  await assert.rejects(preflight({ ...options, manifest: ofMachine }), /a machine with s390x.* make a logical backup there/);
  await assert.rejects(preflight({ ...options, target: { kind: 'managed', roles: fixture.db.roles } }), /DATABASE_URL names a database elsewhere/);
  assert.throws(() => requireReplication({ replication: undefined }), /Make a logical one/);
});

test('a table that lost a row on the way is found, though every byte is what was written', async () => {
  const tables = plain.tables.map((table) =>
    table.name === 'orgs' ? { ...table, parts: table.parts.map((part) => ({ ...part, rows: 2, witness: '12345' })) } : table,
  );
  const { place, signal, progress, root } = fixture;
  const folder = mkdtempSync(join(root, 'unpack-'));
  chmodSync(folder, 0o711);
  await assert.rejects(
    rebuildServer({ place, manifest: { ...plain, tables }, key: undefined, signal, progress, folder }),
    /The table orgs has 1 rows after the restore/,
  );
});

const LEADS_OUT = /leads out of its folder/;
const ONLY_FILES = /only files and folders are taken/;
const NONE_OF_OURS = /which no backup of Studio does/;
const hostile: Readonly<Record<string, readonly [RegExp, TarEntry]>> = {
  'a name that climbs out': [LEADS_OUT, { header: { name: '../evil', size: 1 }, body: 'x' }],
  'an absolute name': [LEADS_OUT, { header: { name: '/tmp/evil', size: 1 }, body: 'x' }],
  'a symbolic link': [ONLY_FILES, { header: { name: 'base/1', size: 0, type: 'symlink', linkname: '/etc' } }],
  'a hard link': [ONLY_FILES, { header: { name: 'base/1', size: 0, type: 'link', linkname: '/etc/passwd' } }],
  'a device': [ONLY_FILES, { header: { name: 'base/1', size: 0, type: 'block-device' } }],
  'a tablespace': [NONE_OF_OURS, { header: { name: 'pg_tblspc/16400', size: 0, type: 'symlink', linkname: '/etc' } }],
  'a map of tablespaces': [NONE_OF_OURS, { header: { name: 'tablespace_map', size: 1 }, body: 'x' }],
  'a signal that starts a recovery': [NONE_OF_OURS, { header: { name: 'recovery.signal', size: 0 }, body: '' }],
  'something else among the log': [NONE_OF_OURS, { header: { name: 'pg_wal/evil.so', size: 1 }, body: 'x' }],
};
for (const [what, [why, entry]] of Object.entries(hostile)) {
  test(`a base backup with ${what} is refused, and nothing is written outside`, async () => {
    const { place, signal, progress, root } = fixture;
    const name = 'hostile.tar.zst';
    const [path, label] = [partPath(plain.id, name), labelOf(plain.id, name)];
    const { stored, raw } = await writePart({ place, path, label, source: Readable.from([await packTar([entry])]), key: undefined, signal });
    const folder = mkdtempSync(join(root, 'unpack-'));
    const cluster = { ...plain.cluster, base: { name, ...stored }, rawBytes: raw.bytes, rawSha256: raw.sha256 };
    await assert.rejects(unpackCluster({ place, manifest: { ...plain, cluster }, key: undefined, signal, progress, folder }), {
      code: 'backup_unusable',
      message: why,
    });
    assert.deepEqual(readdirSync(folder), ['pg']);
    assert.equal(existsSync(join(folder, 'evil')) || existsSync('/tmp/evil'), false);
  });
}

test('one that is cancelled at any moment rejects, and leaves none that looks whole', async () => {
  const whole = (await listIds(fixture.place)).length;
  for (const moment of ['cluster', 'witness', 'files', 'finish']) {
    const ending = new AbortController();
    const enter = (phase: string): void => {
      if (phase === moment) ending.abort(new Error('cancelled'));
    };
    const progress = { ...fixture.progress, enter };
    await assert.rejects(fixture.make(undefined, { kind: 'physical', signal: ending.signal, progress }), /cancelled/, moment);
  }
  const left = (await listIds(fixture.place)).slice(0, -whole);
  for (const id of left) await assert.rejects(readManifest(fixture.place, id), { code: 'not_found' });
});

test('settings that lay in the directory are not brought back: they could name a program', async () => {
  const { place, signal, progress, root } = fixture;
  const folder = mkdtempSync(join(root, 'unpack-'));
  await unpackCluster({ place, manifest: plain, key: undefined, signal, progress, folder });
  const text = readFileSync(join(folder, 'pg', 'postgresql.conf'), 'utf8');
  assert.match(text, /^# Written by Studio when it restored a backup\./);
  assert.equal(readFileSync(join(folder, 'pg', 'postgresql.auto.conf'), 'utf8').split('\n').length, 2);
});
