/** Where a backup may go to, beside the place it came from: a database elsewhere, and a newer Studio. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { systemClock as clock } from '../kernel/clock.ts';
import { openDatabase } from '../store/client.ts';
import { listMigrations } from '../store/migrations.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import { provisionManaged, type RoleConnections } from '../store/provision.ts';
import { createBackupFixture, type BackupFixture } from '../test/backup-fixture.ts';
import { silentLog, urlOf } from '../test/database.ts';
import { startTestServer } from '../test/postgres.ts';
import type { Manifest } from './manifest.ts';
import { rebuildServer } from './rebuild-server.ts';
import { preflight, restoreBackup, type RestoreOptions } from './restore.ts';

/** An older Studio's: what came after it has to be made again by migrations. */
const OLD_SCHEMA = 16;
const NEWEST = listMigrations().length;

let fixture: BackupFixture;
const made = new Map<Manifest['kind'], Manifest>();
before(async () => {
  fixture = await createBackupFixture({ canBePhysical: true, schemaVersion: OLD_SCHEMA });
  for (let n = 0; n < 5; n++) await tellEvent(fixture.db.roles);
  for (const kind of ['logical', 'physical'] as const) made.set(kind, await fixture.make(undefined, { kind }));
});
after(() => fixture.close());

/** As every change does. @returns where in the outbox it stands */
async function tellEvent({ engine, api }: RoleConnections): Promise<number> {
  const database = openDatabase({ engine: { ...engine, max: 1 }, api: { ...api, max: 1 }, log: silentLog });
  try {
    await database.engine.transaction(async (sql) => {
      const sequence = await nextSequence(sql, 'backup', 'bak_1');
      await writeEvents(sql, [{ kind: 'backup', id: 'bak_1', sequence, type: 'ops:backup:started', orgId: null, payload: {} }]);
    });
    const { rows } = await database.engine.query<{ position: number }>('select max(position)::int as position from outbox');
    return rows[0]?.position ?? 0;
  } finally {
    await database.close();
  }
}

async function schemaOf(engine: pg.ClientConfig): Promise<{ readonly version: number; readonly orgs: number }> {
  const client = new pg.Client(engine);
  await client.connect();
  const { rows } = await client.query<{ version: number; orgs: number }>(
    `select (select max(version)::int from public.schema_migrations) as version, (select count(*)::int from orgs) as orgs`,
  );
  await client.end();
  return rows[0] ?? { version: 0, orgs: 0 };
}

for (const kind of ['logical', 'physical'] as const) {
  test(`a ${kind} backup of an older schema comes back at the newest, and events go on where they were`, async () => {
    const { place, signal, progress, root } = fixture;
    const manifest = made.get(kind);
    assert.ok(manifest !== undefined && manifest.studio.schemaVersion === OLD_SCHEMA);
    const folder = mkdtempSync(join(root, 'restored-'));
    chmodSync(folder, 0o711);
    const { server } = await rebuildServer({ place, manifest, key: undefined, signal, progress, folder });
    try {
      assert.deepEqual(await schemaOf(server.roles.engine), { version: NEWEST, orgs: 1 });
      assert.equal(await tellEvent(server.roles), 6);
    } finally {
      await server.stop();
    }
  });
}

test('a logical backup is restored into an empty database of another server, and refused where there is something', async () => {
  const manifest = made.get('logical');
  assert.ok(manifest !== undefined);
  const elsewhere = await startTestServer();
  // As a person has it there: a login that may make roles, and a database of its own.
  const admin = new pg.Client(elsewhere.admin);
  await admin.connect();
  try {
    await admin.query(`create role app login createrole password 'secret'`);
    await admin.query(`create database app owner app`);
    const url = urlOf({ ...elsewhere.admin, user: 'app', password: 'secret', database: 'app' });
    const roles = await provisionManaged({ url, createRoles: true });
    const options: RestoreOptions = {
      ...{ place: fixture.place, manifest, key: undefined, signal: fixture.signal, progress: fixture.progress, clock, withoutSecrets: false },
      config: fixture.config,
      target: { kind: 'managed', roles },
    };
    await preflight(options);
    await restoreBackup(options);
    assert.deepEqual(await schemaOf(roles.engine), { version: NEWEST, orgs: 1 });
    assert.equal(await tellEvent(roles), 6);
    await assert.rejects(preflight(options), /holds tables, and a restore replaces nothing there/);
  } finally {
    await admin.end();
    await elsewhere.stop();
  }
});
