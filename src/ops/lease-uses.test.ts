import { deepEqual, rejects } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HeldLease } from '../gpu/ledger-port.ts';
import { listMachineUses } from '../store/machine-uses.ts';
import { testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { createLeaseUses } from './lease-uses.ts';

let db: TestDatabase;
before(async () => {
  db = await testDatabase();
});
after(() => db.close());

const GIB = 1024 ** 3;

test('what models and services hold is noted with the time in which they were used; jobs have rows of their own', async () => {
  const clock = fakeClock();
  const startMs = clock.now();
  const lease = (id: string, more: Partial<HeldLease>): HeldLease => ({
    ...{
      id,
      tenantId: `mdl_${id}`,
      kind: 'model',
      orgId: null,
      devices: [{ uuid: 'GPU-1', index: 0, bytes: 6 * GIB }],
      isWhole: false,
      cpu: 0,
      memoryBytes: 2 * GIB,
    },
    ...{ priority: 50, queuedAtMs: startMs, grantedAtMs: startMs, endsByMs: undefined, isPreemptible: false, isPinned: false, idleSinceMs: null },
    ...{ isLeaving: false, isFenced: false, leaving: null, process: null },
    ...more,
  });
  let leases: readonly HeldLease[] = [];
  const ledger = {
    leases: () => leases,
    devices: () => [{ uuid: 'GPU-1', index: 0, totalBytes: 24 * GIB, reserveBytes: 0, externalBytes: 0, isUsable: true }],
    largest: () => ({ gpus: 1, vramBytes: 24 * GIB, cpu: 8, memoryBytes: 32 * GIB }),
  };
  const uses = createLeaseUses({ ledger, sql: db.database.engine, clock });
  uses.look();
  const model = lease('a', {});
  leases = [model, lease('b', { kind: 'service', tenantId: 'service:comfy', isWhole: true, cpu: 4 }), lease('c', { kind: 'job' })];
  await clock.advance(5_000);
  uses.look();
  await uses.write();
  leases = [{ ...model, idleSinceMs: startMs + 7_000 }];
  await clock.advance(5_000);
  uses.look();
  await clock.advance(5_000);
  uses.look();
  const { engine } = db.database;
  const broken = createLeaseUses({ ledger, clock, sql: { query: () => Promise.reject(new Error('away')) } });
  broken.look();
  await rejects(broken.write(), /away/);
  await uses.write();
  const rows = await listMachineUses(engine, { since: new Date(startMs), until: new Date(startMs + 60_000) });
  deepEqual(
    rows.map(({ kind, name, gpus, part, seenAt, busyMs }) => [kind, name, gpus, part, seenAt.getTime() - startMs, busyMs]),
    [
      ['model', 'mdl_a', 0.25, 0.0625, 15_000, 7_000],
      ['service', 'comfy', 1, 0.5, 5_000, 5_000],
    ],
  );
});
