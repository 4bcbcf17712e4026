/** Brings the schema to a version, up or down: advisory lock, one transaction a migration, checksums. Runs as studio_owner.
 *  Never guesses: a database newer than this binary, or a migration whose text changed, is refused and left as it is.
 *  A process killed at any statement leaves whole migrations only. What a way down would lose is told by migrate-plan.ts. */
import pg from 'pg';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { failpoint } from '../kernel/failpoint.ts';
import { listMigrations, type Migration } from './migrations.ts';
import { splitStatements } from './sql-statements.ts';

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
  /** How long to wait for another Studio that migrates, and for others that hold tables. */
  readonly lockTimeoutMs?: number;
  readonly clock?: Clock;
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
/** Whoever waits for a table stops everybody behind it: give up soon, let them pass, come again. */
const TABLE_WAIT_MS = 3_000;
const TABLE_PAUSE_MS = 500;

/** @returns what was applied or undone, in order
 *  @throws AppError `database_unavailable` when the database is newer than this binary, an applied migration changed, or others hold what is needed */
export async function migrate(options: MigrateOptions): Promise<{ readonly version: number; readonly ran: readonly string[] }> {
  const migrations = options.migrations ?? listMigrations();
  const target = requireTarget(options.target ?? migrations.length, migrations);
  return withOwner(options.owner, async (client) => {
    const applied = await lockSchema(client, options);
    const ran: string[] = [];
    for (const { direction, migration } of stepsBetween(migrations, applied, target)) {
      // One after the other: each builds on the schema that the one before it left.
      await patiently(client, options, migration, () => (direction === 'up' ? apply(client, migration) : undo(client, migration)));
      ran.push(`${direction} ${label(migration)}`);
    }
    return { version: target, ran };
  });
}

/** @throws AppError for a version that is none */
export function requireTarget(target: number, migrations: readonly Migration[]): number {
  if (!Number.isInteger(target) || target < 0 || target > migrations.length) {
    throw new AppError('database_unavailable', { message: `There is no schema version ${target}; this Studio knows 0 to ${migrations.length}.` });
  }
  return target;
}

/** What leads from `applied` migrations to `target`, in order. */
export function stepsBetween(
  migrations: readonly Migration[],
  applied: number,
  target: number,
): readonly { readonly direction: 'up' | 'down'; readonly migration: Migration }[] {
  return [
    ...migrations.slice(applied, Math.max(target, applied)).map((migration) => ({ direction: 'up' as const, migration })),
    ...migrations
      .slice(target, applied)
      .toReversed()
      .map((migration) => ({ direction: 'down' as const, migration })),
  ];
}

/** Takes the schema for this connection alone, for as long as it lives. @returns how many migrations are applied
 *  @throws AppError when another keeps it too long, or what is applied is not what this binary knows */
export async function lockSchema(client: pg.Client, options: Pick<MigrateOptions, 'migrations' | 'lockTimeoutMs'>): Promise<number> {
  const waitMs = options.lockTimeoutMs ?? LOCK_TIMEOUT_MS;
  await client.query(`set lock_timeout = ${waitMs}`);
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATE_LOCK]);
  } catch (cause) {
    if (!isLockTimeout(cause)) throw cause;
    throw new AppError('database_unavailable', {
      message: `Another process has been migrating this database for ${waitMs} ms and is not done. Wait for it to end, then try again.`,
      cause,
    });
  }
  const applied = await readApplied(client);
  refuseUnknown(applied, options.migrations ?? listMigrations());
  return applied.length;
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

/** A connection of the schema's owner, for one piece of work. */
export async function withOwner<T>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
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
    await runStatements(client, migration.up);
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
    await runStatements(client, migration.down);
    await client.query('delete from public.schema_migrations where version = $1', [migration.version]);
  });
}

/** One by one, so that a death can be put between any two (tests do). */
export async function runStatements(client: pg.Client, text: string): Promise<void> {
  for (const statement of splitStatements(text)) {
    await failpoint('migrate.statement');
    await client.query(statement);
  }
}

/** Tries again while others hold the tables, until the time is over. */
async function patiently(client: pg.Client, options: MigrateOptions, migration: Migration, work: () => Promise<void>): Promise<void> {
  const clock = options.clock ?? systemClock;
  const waitMs = options.lockTimeoutMs ?? LOCK_TIMEOUT_MS;
  const deadline = clock.monotonic() + waitMs;
  await client.query(`set lock_timeout = ${Math.min(TABLE_WAIT_MS, waitMs)}`);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError && isLockTimeout(error.cause))) throw error;
      if (clock.monotonic() >= deadline) throw await heldByOthers(client, migration, waitMs, error);
      await clock.sleep(TABLE_PAUSE_MS);
    }
  }
}

/** Lock timeouts, and a deadlock with somebody who holds what this needs. */
function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '40P01');
}

async function heldByOthers(client: pg.Client, migration: Migration, waitMs: number, cause: unknown): Promise<AppError> {
  const { rows } = await client.query<{ holder: string }>(
    `select distinct 'pid ' || a.pid || ' (' || coalesce(nullif(a.application_name, ''), 'no name') || ', ' || coalesce(a.state, 'state unknown') || ')' as holder
     from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'relation' and l.granted and a.datname = current_database() and a.pid <> pg_backend_pid() order by 1 limit 5`,
  );
  const holders = rows.length === 0 ? 'They are free now' : `Held by ${rows.map(({ holder }) => holder).join(', ')}`;
  return new AppError('database_unavailable', {
    message: `Migration ${label(migration)} needs tables that other connections kept for ${waitMs} ms; nothing of it was done. ${holders}: end those and try again.`,
    cause,
  });
}

async function inTransaction(client: pg.Client, migration: Migration, work: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await work();
    await failpoint('migrate.statement');
    await client.query('commit');
    await failpoint('migrate.statement');
  } catch (cause) {
    await client.query('rollback').catch(() => undefined);
    throw new AppError('database_unavailable', { message: `Migration ${label(migration)} failed and was rolled back: ${messageOf(cause)}`, cause });
  }
}

/** `0007_add_gpu_history`: as its file is called. */
export function label(migration: { readonly version: number; readonly name: string }): string {
  return `${String(migration.version).padStart(4, '0')}_${migration.name}`;
}
