/** Brings the schema to a version, up or down: advisory lock, one transaction a migration, checksums. Runs as studio_owner.
 *  Never guesses: a database newer than this binary, or a migration whose text changed, is refused and left as it is.
 *  A process killed at any statement leaves whole migrations only. */
import pg from 'pg';
import { AppError } from '../kernel/fail.ts';
import { listMigrations, type Migration } from './migrations.ts';

export interface MigrationStatus {
  /** The newest applied; 0 for an empty database. */
  readonly version: number;
  /** The newest this binary knows. */
  readonly newest: number;
  readonly applied: readonly { readonly version: number; readonly name: string; readonly appliedAt: Date }[];
  readonly pending: readonly { readonly version: number; readonly name: string }[];
}

export interface MigrateOptions {
  /** Connection of studio_owner. */
  readonly owner: pg.ClientConfig;
  /** Default: the newest. 0 takes everything away. */
  readonly target?: number;
  readonly migrations?: readonly Migration[];
  /** How long to wait for another Studio that migrates. */
  readonly lockTimeoutMs?: number;
}

interface AppliedRow {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: Date;
}

const MIGRATE_LOCK = 0x57_75_64_02;
/** Half of the longest start a person waits for; a migration of another process takes seconds. */
const LOCK_TIMEOUT_MS = 60_000;

/** @returns what was applied or undone, in order
 *  @throws AppError `database_unavailable` when the database is newer than this binary, or an applied migration changed */
export async function migrate(options: MigrateOptions): Promise<{ readonly version: number; readonly ran: readonly string[] }> {
  const migrations = options.migrations ?? listMigrations();
  const target = options.target ?? migrations.length;
  if (!Number.isInteger(target) || target < 0 || target > migrations.length) {
    throw new AppError('database_unavailable', { message: `There is no schema version ${target}; this Studio knows 0 to ${migrations.length}.` });
  }
  return withOwner(options.owner, async (client) => {
    await client.query(`set lock_timeout = ${options.lockTimeoutMs ?? LOCK_TIMEOUT_MS}`);
    await client.query('select pg_advisory_lock($1)', [MIGRATE_LOCK]);
    const applied = await readApplied(client);
    refuseUnknown(applied, migrations);
    const ran: string[] = [];
    // One after the other: each builds on the schema that the one before it left.
    for (const migration of migrations.slice(applied.length, Math.max(target, applied.length))) {
      await apply(client, migration);
      ran.push(`up ${label(migration)}`);
    }
    for (const migration of migrations.slice(target, applied.length).toReversed()) {
      await undo(client, migration);
      ran.push(`down ${label(migration)}`);
    }
    return { version: target, ran };
  });
}

/** Where the schema stands. Changes nothing; also the check of `CREATE_TABLES=false`.
 *  @throws AppError as migrate does */
export async function migrationStatus(options: Pick<MigrateOptions, 'owner' | 'migrations'>): Promise<MigrationStatus> {
  const migrations = options.migrations ?? listMigrations();
  return withOwner(options.owner, async (client) => {
    const applied = await readApplied(client);
    refuseUnknown(applied, migrations);
    return {
      version: applied.length,
      newest: migrations.length,
      applied: applied.map(({ version, name, appliedAt }) => ({ version, name, appliedAt })),
      pending: migrations.slice(applied.length).map(({ version, name }) => ({ version, name })),
    };
  });
}

/** Refuses a start while migrations are pending.
 *  @throws AppError `database_unavailable` with the list of them */
export async function requireMigrated(options: Pick<MigrateOptions, 'owner' | 'migrations'>): Promise<MigrationStatus> {
  const status = await migrationStatus(options);
  if (status.pending.length > 0) {
    const list = status.pending.map(label).join(', ');
    throw new AppError('database_unavailable', {
      message: `The database lacks ${status.pending.length} migration(s): ${list}. CREATE_TABLES is false, so run \`studio db migrate\` first.`,
      details: { pending: status.pending.map(label) },
    });
  }
  return status;
}

async function withOwner<T>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config);
  await client.connect();
  // A server that goes away also rejects the running query; without a listener it would end the process.
  client.on('error', () => {});
  try {
    return await work(client);
  } finally {
    // Ends the session, and with it the advisory lock.
    await client.end();
  }
}

async function readApplied(client: pg.Client): Promise<AppliedRow[]> {
  const { rows: present } = await client.query<{ present: boolean }>(`select to_regclass('public.schema_migrations') is not null as present`);
  if (present[0]?.present !== true) return [];
  const { rows } = await client.query<AppliedRow>(`select version, name, checksum, applied_at as "appliedAt" from public.schema_migrations order by version`);
  return rows;
}

function refuseUnknown(applied: readonly AppliedRow[], migrations: readonly Migration[]): void {
  const newest = applied.at(-1);
  if (newest !== undefined && newest.version > migrations.length) {
    throw new AppError('database_unavailable', {
      message: `The database is at schema version ${newest.version} (${newest.name}), this Studio knows ${migrations.length}. Start a newer Studio, or roll back with the newer one: \`studio db rollback ${migrations.length}\`.`,
    });
  }
  applied.forEach((row, index) => {
    const known = migrations[index];
    if (known === undefined || known.version !== row.version || known.checksum !== row.checksum) {
      throw new AppError('database_unavailable', {
        message: `Migration ${label(row)} was applied with another text (checksum ${row.checksum.slice(0, 12)}, here ${known?.checksum.slice(0, 12) ?? 'none'}). Start the Studio that applied it.`,
      });
    }
  });
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await inTransaction(client, migration, async () => {
    await client.query(`create table if not exists public.schema_migrations (
      version int primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`);
    await client.query(migration.up);
    await client.query('insert into public.schema_migrations (version, name, checksum) values ($1, $2, $3)', [
      migration.version,
      migration.name,
      migration.checksum,
    ]);
    await client.query('grant select on public.schema_migrations to studio_engine');
  });
}

async function undo(client: pg.Client, migration: Migration): Promise<void> {
  await inTransaction(client, migration, async () => {
    await client.query(migration.down);
    await client.query('delete from public.schema_migrations where version = $1', [migration.version]);
  });
}

async function inTransaction(client: pg.Client, migration: Migration, work: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await work();
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('database_unavailable', { message: `Migration ${label(migration)} failed and was rolled back: ${reason}`, cause });
  }
}

function label(migration: { readonly version: number; readonly name: string }): string {
  return `${String(migration.version).padStart(4, '0')}_${migration.name}`;
}
