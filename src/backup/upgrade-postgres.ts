/** Takes the database of an older PostgreSQL over into the directory of this one's: every table read as text from the old server and loaded into the new one,
 *  compared byte for byte, then put in its place by one journalled swap. The old directory is read and kept beside. Never runs beside a Studio. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CompleteConfig, EmbeddedDatabase } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { embeddedOptions } from '../ops/database-start.ts';
import { openSnapshot, type Snapshot } from '../store/backup-export.ts';
import { loadTables, settleLoaded } from '../store/backup-load.ts';
import { migrate } from '../store/migrate.ts';
import { listMigrations } from '../store/migrations.ts';
import { provisionEmbedded, type RoleConnections } from '../store/provision.ts';
import type { PostgresBinaries } from '../supervise/postgres-binaries.ts';
import { startPostgres } from '../supervise/postgres.ts';
import { swap } from '../supervise/swap.ts';
import { startScratchServer } from './scratch-server.ts';

export interface UpgradeOptions {
  readonly config: CompleteConfig;
  readonly database: EmbeddedDatabase;
  readonly dataDir: string;
  /** Of the old server: private, and short enough for a socket. */
  readonly socketDir: string;
  readonly old: { readonly binaries: PostgresBinaries; readonly major: number };
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Upgraded {
  readonly tables: number;
  readonly rows: number;
  /** Where the old directory lies now. */
  readonly keptIn: string;
}

/** Call it under the workspace's lock. A failure or a kill before the swap leaves everything as it was. @throws AppError, Error, Refusal */
export async function upgradePostgres(options: UpgradeOptions): Promise<Upgraded> {
  const { dataDir, config, clock } = options;
  const stamp = new Date(clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const folder = join(dirname(dataDir), `.upgrade-pg-${stamp}`);
  mkdirSync(folder, { recursive: true });
  // The server runs as another account, which has to pass.
  chmodSync(folder, 0o711);
  let isMade = false;
  try {
    const counts = await carryOver(options, folder);
    options.signal.throwIfAborted();
    isMade = true;
    const aside = join(dirname(dataDir), `before-upgrade-${stamp}`, `pg-${options.old.major}`);
    swap(config.workspacePath, {
      id: `PostgreSQL ${options.old.major}`,
      at: new Date(clock.now()).toISOString(),
      moves: [{ path: dataDir, aside, fresh: join(folder, 'pg') }],
    });
    rmSync(folder, { recursive: true, force: true });
    return { ...counts, keptIn: aside };
  } catch (error) {
    if (!isMade) rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function carryOver(options: UpgradeOptions, folder: string): Promise<Pick<Upgraded, 'tables' | 'rows'>> {
  const { config, database, dataDir, socketDir, old, signal, say } = options;
  say(`Starting PostgreSQL ${old.binaries.version} on ${dataDir}`);
  const from = await startPostgres({ ...embeddedOptions({ config, dataDir, socketDir }, database), tcpPort: undefined, old, signal });
  try {
    const admin = { host: from.socketDir, port: from.port, user: from.superuser, password: config.postgresPassword, database: 'postgres' };
    const roles = await provisionEmbedded({ admin, database: database.name, password: config.postgresPassword });
    const snapshot = await openSnapshot(roles.engine, 1);
    try {
      const to = await startScratchServer({ folder, signal, keep: { password: config.postgresPassword, database: database.name } });
      try {
        return await copy(options, snapshot, to.roles);
      } finally {
        await to.stop();
      }
    } finally {
      await snapshot.close();
    }
  } finally {
    await from.stop();
  }
}

async function copy({ signal, say }: UpgradeOptions, snapshot: Snapshot, to: RoleConnections): Promise<Pick<Upgraded, 'tables' | 'rows'>> {
  const { schemaVersion, schemaName, postgresVersion } = snapshot.facts;
  if (listMigrations()[schemaVersion - 1]?.name !== schemaName)
    fail(
      'conflict',
      `The database has schema version ${schemaVersion} (${schemaName}), which this Studio does not know. Install the Studio that made it, or a newer one.`,
    );
  await migrate({ owner: to.owner, target: schemaVersion });
  const [reader] = snapshot.readers;
  say(`Copying ${snapshot.tables.length} tables from PostgreSQL ${postgresVersion}`);
  const loaded = await loadTables({
    owner: to.owner,
    periods: snapshot.periods,
    sequences: snapshot.sequences,
    tables: snapshot.tables.map((table) => ({ name: table.name, open: async () => reader.copy(table).stream })),
    signal,
  });
  say('Comparing what was copied');
  await compare(snapshot, to, signal);
  await settleLoaded(to.engine);
  await migrate({ owner: to.owner });
  return { tables: loaded.size, rows: [...loaded.values()].reduce((sum, rows) => sum + rows, 0) };
}

async function compare(old: Snapshot, to: RoleConnections, signal: AbortSignal): Promise<void> {
  const fresh = await openSnapshot(to.engine, 1);
  try {
    for (const table of old.tables) {
      const twin = fresh.tables.find(({ name }) => name === table.name);
      // Serial: one connection a side.
      const [was, is] = [await hashOf(old, table, signal), twin === undefined ? '' : await hashOf(fresh, twin, signal)];
      if (was !== is)
        fail('internal', `The table ${table.name} reads differently in the new PostgreSQL. Nothing was changed; report this, and keep the old Studio.`);
    }
  } finally {
    await fresh.close();
  }
}

async function hashOf(snapshot: Snapshot, table: Snapshot['tables'][number], signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of snapshot.readers[0].copy(table).stream as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}
