/** A migrating process dies at statement boundaries (the failpoint migrate.statement). Here a few of them; all: scripts/chaos --migrations. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killMigrations } from '../test/migrate-kill.ts';

/** A prime, so that over the migrations it comes by first, last and middle statements alike. */
const EVERY = 97;

test('a process killed at a statement of a migration leaves whole migrations, and the next run finishes', async () => {
  const { killed, faults } = await killMigrations({ wants: (boundary) => boundary % EVERY === EVERY - 1 });
  assert.deepEqual(faults, []);
  assert.ok(killed > 3);
});
