/** Joins backups to the machine: their place, their schedule, what they show to health and metrics. Part of wire.ts. */
import { createBackups, type Backups } from './backup/backups.ts';
import { openPlace } from './backup/open-place.ts';
import { explainConfig } from './config/explain.ts';
import type { LoadedConfig } from './config/load.ts';
import type { CompleteConfig } from './config/schema.ts';
import type { Clock } from './kernel/clock.ts';
import type { Logger } from './kernel/log.ts';
import type { HealthBoard } from './ops/health.ts';
import type { Watched } from './ops/watched.ts';
import type { Database } from './store/client.ts';
import type { RoleConnections } from './store/provision.ts';
import type { StudioProgram } from './supervise/own-program.ts';

export interface BackupWireParts {
  readonly config: CompleteConfig;
  readonly loaded: LoadedConfig;
  readonly database: Database;
  readonly connections: RoleConnections;
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: Pick<HealthBoard, 'report'>;
  readonly watched: Watched;
  readonly studioVersion: string;
  /** How to start this very program. */
  readonly program: StudioProgram;
}

export function wireBackups(parts: BackupWireParts): Backups {
  const { config, loaded, database, clock, log, board, studioVersion } = parts;
  const { keys } = explainConfig(loaded, {});
  const backups = createBackups({
    ...{ config, database, clock, log, board, studioVersion },
    place: openPlace(config),
    engine: parts.connections.engine,
    replication: config.database.kind === 'embedded' ? parts.connections.replication : undefined,
    settingsText: JSON.stringify(
      keys.filter(({ from }) => from !== 'default').map(({ key, value, from }) => ({ key, value, from })),
      undefined,
      2,
    ),
    studio: parts.program,
  });
  parts.watched.offerBackup(backups.figures);
  return backups;
}
