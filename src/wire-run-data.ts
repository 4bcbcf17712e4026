/** Joins what removes old work: run data by age and by size, and the classes that an organisation keeps for a time. Part of wire.ts. */
import type { CompleteConfig } from './config/schema.ts';
import type { Files } from './files/files.ts';
import type { Clock } from './kernel/clock.ts';
import type { Logger } from './kernel/log.ts';
import type { HealthBoard } from './ops/health.ts';
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
} {
  return {
    runData: createRunData({ database, clock, log, board, settings: settingsOf(config, storage) }),
    retention: createRetention({ database, clock, log, files }),
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
