import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { createCipher } from '../identity/cipher.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { createBackupFixture, type BackupFixture } from '../test/backup-fixture.ts';
import { root as repository } from '../test/source-files.ts';
import { newKey } from './crypt.ts';
import { proveBackup } from './proof.ts';

let fixture: BackupFixture;
before(async () => {
  fixture = await createBackupFixture({ canBePhysical: true });
});
after(() => fixture.close());

/** Writes a row to the audit trail. */
const write = (id: string): Promise<unknown> =>
  fixture.db.database.engine.query(`insert into audit (id, at, actor, action, target, address, details) values ($1, now(), 'a', 'b', 'c', '', '{}')`, [id]);

test('a physical backup is made while rows are written, and proved: unpacked, replayed, compared, a workflow run on it', { timeout: 170_000 }, async () => {
  const { place, signal, progress, config, db } = fixture;
  // One that writes all the while, and one whose transaction is open from before to after.
  const slow = new pg.Client(db.roles.engine);
  await slow.connect();
  await slow.query('begin');
  await slow.query(`insert into orgs (id, name) values ('org_slow', 's')`);
  let isOver = false;
  const writing = (async () => {
    for (let n = 0; !isOver; n++) await write(`aud_${n}`);
  })();
  const key = await newKey('several words that nobody guesses');
  const manifest = await fixture.make(key, { kind: 'physical' });
  assert.ok(manifest.kind === 'physical');
  isOver = true;
  await writing;
  await slow.query('commit');
  await slow.end();
  const witnessOf = (name: string) => manifest.tables.flatMap(({ parts }) => parts).find((part) => part.name === name)?.witness;
  assert.equal(witnessOf('orgs'), null, 'somebody wrote to it');
  assert.equal(typeof witnessOf('files'), 'string', 'nobody wrote to it');
  const proof = await proveBackup({
    ...{ place, manifest, key, signal, progress },
    scratchPath: fixture.root,
    cipher: createCipher(config.credentialEncryptionKey),
    studio: { command: process.execPath, args: [join(repository, 'src/cli.ts')] },
    studioVersion: '0.1.0',
    nowMs: () => clock.now(),
  });
  assert.equal(proof.message, 'Restored, compared, and a workflow ran on it.');
  assert.deepEqual([proof.opensSecrets, proof.files], [true, 1]);
});
