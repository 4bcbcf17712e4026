/** A ledger for tests that need one and no devices; or with those of a fake card. */
import { createLedger, type LedgerParts } from '../gpu/ledger.ts';
import type { GpuLedger } from '../gpu/ledger-port.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Database } from '../store/client.ts';
import { silentLog } from './database.ts';

const nothing = (): void => undefined;

/** A machine without devices. */
const NO_DEVICES: LedgerParts['devices'] = {
  unknown: () => undefined,
  last: () => [],
  use: () => nothing,
  onSample: () => nothing,
  onChange: () => nothing,
};

export function testLedger(database: Database, devices: LedgerParts['devices'] = NO_DEVICES): GpuLedger {
  return createLedger({
    ...{ database, clock: systemClock, log: silentLog, devices },
    ...{ machine: 'worker_test', reserveBytes: 1024 ** 3, cpu: 8, memoryBytes: 32 * 1024 ** 3 },
  });
}
