/** Where the embedded database's directory is and how it comes to be there: moved between plans, restored from its shadow, or as it stands.
 *  For Studio itself and for the command line when Studio does not run. Never starts the server (database-start.ts does). */
import { join } from 'node:path';
import type { CompleteConfig, EmbeddedDatabase } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import { shadowFolder } from '../shadow/layout.ts';
import { prepareDatabase, restoreAgain, type PrepareOptions } from '../shadow/prepare.ts';
import { createShadow, type Shadow } from '../shadow/shadow.ts';
import type { ServiceAccount } from '../supervise/account.ts';
import type { WorkspaceLock } from '../supervise/lock.ts';
import { placesOf, type StorageVerdict } from '../supervise/storage.ts';
import { embeddedOptions } from './database-start.ts';
import type { HealthBoard } from './health.ts';

const WATCH_MS = 1_000;

export interface PlaceParts {
  readonly config: CompleteConfig;
  readonly storage: StorageVerdict;
  readonly account: ServiceAccount | undefined;
  readonly socketDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lock: Pick<WorkspaceLock, 'isHeld'>;
  readonly say: (line: string) => void;
  /** Another machine has taken the database over: end at once. */
  readonly onFenced: (holder: string) => void;
}

export interface DatabasePlace {
  /** Of a database that is not on the volume. */
  readonly shadow: Shadow | undefined;
  /** Brings the newest copy to its place; its server is down. What a restore found damaged is among `faults` from then on.
   *  @throws Refusal when a person must decide; Error when another try may do */
  prepare(): Promise<void>;
  /** Makes the directory anew from the shadow; its server is down. */
  restoreAgain(): Promise<void>;
  /** Once the database is safe where it is: sets aside what a move has left. */
  finish(): Promise<void>;
  readonly faults: readonly string[];
}

/** @returns undefined where there is no choice: nothing outlives this machine anyway */
export function placeDatabase(parts: PlaceParts, database: EmbeddedDatabase): DatabasePlace | undefined {
  const { config, storage, clock, log, say } = parts;
  const volumeDir = join(config.workspacePath, 'pg');
  if (storage.plan === 'ephemeral' && storage.dataDir !== volumeDir) return undefined;
  const shadow = shadowFolder(config.workspacePath);
  const server = { ...embeddedOptions({ config, dataDir: storage.dataDir, socketDir: parts.socketDir }, database), tcpPort: undefined };
  const options: PrepareOptions = {
    plan: storage.plan === 'shadow' ? 'shadow' : 'direct',
    localDir: join(placesOf(config).localPath, 'pg'),
    volumeDir,
    shadow,
    account: parts.account,
    server,
    clock,
    say,
  };
  let faults: readonly string[] = [];
  let finish = (): Promise<void> => Promise.resolve();
  const tell = (found: readonly string[]): void => {
    faults = found;
    for (const reason of found) log.error({ reason }, 'the restore of the shadow found damage');
  };
  return {
    shadow:
      storage.plan === 'shadow'
        ? createShadow({ ...parts, ...settingsOf(config), shadow, dataDir: storage.dataDir, mayWrite: () => parts.lock.isHeld() })
        : undefined,
    get faults() {
      return faults;
    },
    async prepare() {
      const prepared = await prepareDatabase(options);
      finish = prepared.finish;
      tell(prepared.faults);
    },
    restoreAgain: async () => tell(await restoreAgain(options)),
    finish: () => finish(),
  };
}

function settingsOf({ shadowMode, shadowBaseHours, shadowBaseWalBytes, shadowBases }: CompleteConfig) {
  return { mode: shadowMode, baseHours: shadowBaseHours, baseWalBytes: shadowBaseWalBytes, keepBases: shadowBases };
}

/** Reports the shadow to the board, and lets health and metrics read it. @returns a function that ends it */
export function watchShadow({ board, clock, place }: { readonly board: HealthBoard; readonly clock: Clock; readonly place: DatabasePlace }): () => void {
  const { shadow } = place;
  if (shadow === undefined) return () => undefined;
  let cancel = (): void => undefined;
  const look = (): void => {
    const status = shadow.status();
    const isSync = status?.mode === 'sync';
    const fault = status?.fault ?? null;
    board.report(
      'shadow',
      fault === null ? null : `${isSync ? 'commits wait until they are on the volume' : 'commits are not on the volume'}: ${fault}`,
      isSync,
    );
    board.report('shadow base backup', status?.baseFault ?? null, false);
    board.report('shadow restore', place.faults.length === 0 ? null : place.faults.join('; '), false);
    cancel = clock.after(WATCH_MS, look);
  };
  board.shadow = () => {
    const status = shadow.status();
    if (status === null) return null;
    const { fault, baseFault, ...facts } = status;
    return { ...facts, faults: [fault, baseFault, ...place.faults].filter((one) => one !== null) };
  };
  look();
  return () => cancel();
}
