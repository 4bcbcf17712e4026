/** Joins what tells of old work and removes it: run data by age and by size, the classes that are kept for a time, and what each org takes. Part of wire.ts. */
import { join } from 'node:path';
import type { CompleteConfig } from './config/schema.ts';
import type { Files } from './files/files.ts';
import type { Clock } from './kernel/clock.ts';
import type { Logger } from './kernel/log.ts';
import type { HealthBoard } from './ops/health.ts';
import { createOrgStorage, type OrgStorageControl } from './ops/org-storage.ts';
import { createRetention, type Retention } from './ops/retention.ts';
import { createRunData, type RunData } from './ops/run-data.ts';
import type { RunDataSettings } from './ops/run-data-sweep.ts';
import type { Database } from './store/client.ts';
import type { StorageVerdict } from './supervise/storage.ts';

interface RunDataWireParts {
  readonly config: CompleteConfig;
  readonly storage: StorageVerdict;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: HealthBoard;
  readonly files: Files;
}

export function wireRunData({ config, storage, database, clock, log, board, files }: RunDataWireParts): {
  readonly runData: RunData;
  readonly retention: Retention;
  readonly orgStorage: OrgStorageControl;
} {
  return {
    runData: createRunData({ database, clock, log, board, settings: settingsOf(config, storage) }),
    retention: createRetention({ database, clock, log, files }),
    orgStorage: createOrgStorage({ sql: database.engine, clock, jobsPath: join(config.workspacePath, 'jobs') }),
  };
}

/** Half of the volume is the budget where nobody set one; how large the disk of a managed server is nobody knows. */
function settingsOf(config: CompleteConfig, storage: StorageVerdict): RunDataSettings {
  return {
    get retentionDays() {
      return config.runRetentionDays;
    },
    periodDays: config.runPartitionDays,
    get budgetBytes() {
      const budget = config.runDataBudgetBytes ?? (config.database.kind === 'embedded' ? Math.floor(storage.facts.totalBytes / 2) : 0);
      return budget === 0 ? null : budget;
    },
    get overBudget() {
      return config.runDataOverBudget;
    },
  };
}
