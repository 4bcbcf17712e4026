import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createBackupFixture, type BackupFixture } from '../test/backup-fixture.ts';
import { newKey } from './crypt.ts';
import { readManifest } from './manifest.ts';
import { listIds } from './store-files.ts';

let fixture: BackupFixture;
before(async () => {
  fixture = await createBackupFixture();
});
after(() => fixture.close());

test('a backup that is cancelled at any moment rejects, leaves none that looks whole, and nothing that fails later', async () => {
  const key = await newKey('several words that nobody guesses');
  for (const withKey of [undefined, key]) {
    for (const moment of [0, 1, 20, 45, 60]) {
      const ending = new AbortController();
      let told = 0;
      const progress = { ...fixture.progress, enter: () => undefined, add: () => void (told++ === moment && ending.abort(new Error('cancelled'))) };
      await assert.rejects(fixture.make(withKey, { signal: ending.signal, progress }), /cancelled/);
    }
  }
  for (const id of await listIds(fixture.place)) await assert.rejects(readManifest(fixture.place, id), { code: 'not_found' });
});

test('content that lies there already is not written again', async () => {
  const first = await fixture.make(undefined);
  await fixture.addFile('more', Buffer.from('other bytes'));
  const second = await fixture.make(undefined);
  assert.equal(first.files.count, 1);
  assert.equal(second.files.count, 2);
  assert.ok(second.files.newBytes > 0 && second.files.newBytes < first.files.newBytes + second.files.bytes);
  assert.equal((await fixture.make(undefined)).files.newBytes, 0);
});
