import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { ensureServiceAccount } from '../supervise/account.ts';
import { startPostgres } from '../supervise/postgres.ts';
import { startTestServer, type TestServer } from '../test/postgres.ts';
import { takeBaseBackup, type BaseBackupOptions } from './base-backup.ts';
import { readBase, requireManifest, type BaseContents } from './base-contents.ts';
import { provisionEmbedded, type RoleConnections } from './provision.ts';
import { segmentName, segmentStart } from './wal-position.ts';

let server: TestServer;
let roles: RoleConnections;
before(async () => {
  server = await startTestServer();
  roles = await provisionEmbedded({ admin: server.admin, database: 'selfhost_studio', password: 'first' });
});
after(() => server.stop());

async function ask<Row extends pg.QueryResultRow>(config: pg.ClientConfig, text: string): Promise<Row[]> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

function optionsOf(rest: Partial<BaseBackupOptions> = {}): BaseBackupOptions {
  ok(roles.replication);
  return { connection: roles.replication, label: "studio's test", wal: 'none', ...rest };
}

async function collect(options: BaseBackupOptions): Promise<{ manifest: Buffer; contents: BaseContents }> {
  const { tar, facts } = await takeBaseBackup(options);
  const contents = await readBase(tar);
  return { manifest: (await facts).manifest, contents };
}

test('a base backup with its log opens by itself and holds what was committed before it', async () => {
  await ask(server.admin, 'create table kept (n int)');
  await ask(server.admin, 'insert into kept select generate_series(1, 1000)');
  const folder = mkdtempSync(join(tmpdir(), 'studio-base-'));
  chmodSync(folder, 0o711);
  const account = await ensureServiceAccount();
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const told: number[] = [];
  const { tar, facts } = await takeBaseBackup(optionsOf({ wal: 'included', onProgress: (done) => told.push(done) }));
  const contents = await readBase(tar, { folder: dataDir, account });
  const { manifest, startLsn, endLsn, timeline, systemId } = await facts;
  requireManifest(manifest, contents);
  ok(endLsn >= startLsn && timeline === 1 && told.length > 0);
  ok(contents.has(`pg_wal/${segmentName(timeline, segmentStart(startLsn))}`));
  const restored = await startPostgres({
    dataDir,
    socketDir: join(folder, 'socket'),
    superuser: server.admin.user,
    password: server.admin.password,
    clusterName: `studio-test-${process.pid}`,
    settings: { fsync: 'off' },
  });
  try {
    const admin = { ...server.admin, host: restored.socketDir, port: restored.port };
    deepEqual(await ask(admin, 'select count(*)::int as n from kept'), [{ n: 1000 }]);
    deepEqual(await ask(admin, 'select system_identifier::text as id from pg_control_system()'), [{ id: systemId }]);
  } finally {
    await restored.stop({ graceMs: 2_000 });
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a file that was changed, lost or added is found by the manifest, and so is a change of the manifest', async () => {
  const { manifest, contents } = await collect(optionsOf());
  requireManifest(manifest, contents);
  const changed = new Map(contents).set('PG_VERSION', { size: 3, sha256: '0'.repeat(64) });
  throws(() => requireManifest(manifest, changed), /PG_VERSION is damaged/);
  const lost = new Map(contents);
  lost.delete('PG_VERSION');
  throws(() => requireManifest(manifest, lost), /PG_VERSION is missing/);
  throws(() => requireManifest(manifest, new Map(contents).set('mine.so', { size: 1, sha256: '' })), /mine\.so is in the base backup, but not/);
  const flipped = Buffer.from(manifest);
  flipped[200] = (flipped[200] ?? 0) ^ 1;
  throws(() => requireManifest(flipped, contents), /manifest of the base backup is damaged/);
});

test('a backup that is stopped half-way ends with the reason, and leaves no connection', async () => {
  const stop = new AbortController();
  const { tar, facts } = await takeBaseBackup(optionsOf({ maxRateKib: 1_024, signal: stop.signal }));
  const read = readBase(tar);
  stop.abort(new Error('enough'));
  await rejects(read, /enough/);
  await rejects(facts, /enough/);
  for (;;) {
    const [left] = await ask<{ n: number }>(server.admin, `select count(*)::int as n from pg_stat_activity where application_name = 'studio_base_backup'`);
    if (left?.n === 0) break;
  }
});

test('a role that may not replicate takes no base backup', async () => {
  await rejects(takeBaseBackup(optionsOf({ connection: { ...roles.engine } as pg.ClientConfig })), /permission denied/);
  equal((await ask(server.admin, `select 1 from pg_roles where rolreplication and rolname like 'studio\\_%' and not rolsuper`)).length, 1);
});
