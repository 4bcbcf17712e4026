/** What a change of the schema would do, found by doing it in a transaction that is rolled back: the migrations in order, and on the way down every row and
 *  every value that would be gone afterwards. Changes nothing. Holds the tables while it looks: for a Studio that does not run. */
import pg from 'pg';
import { listMigrations, type Migration } from './migrations.ts';
import { label, lockSchema, requireTarget, runStatements, stepsBetween, withOwner, type MigrateOptions } from './migrate.ts';

export interface Loss {
  readonly table: string;
  /** Null: whole rows. */
  readonly column: string | null;
  /** Rows that go, or whose value in `column` goes although it is not the column's default. */
  readonly rows: number;
}

export interface MigrationPlan {
  readonly from: number;
  readonly to: number;
  /** `up 0003_…`, in order. */
  readonly steps: readonly string[];
  readonly losses: readonly Loss[];
}

/** @throws AppError as migrate does; what PostgreSQL says of a way down that can't be gone */
export async function planMigration(options: MigrateOptions): Promise<MigrationPlan> {
  const migrations = options.migrations ?? listMigrations();
  return withOwner(options.owner, async (client) => {
    const from = await lockSchema(client, options);
    const to = requireTarget(options.target ?? migrations.length, migrations);
    const steps = stepsBetween(migrations, from, to);
    const losses =
      to < from
        ? await lossesOf(
            client,
            steps.map((step) => step.migration),
          )
        : [];
    return { from, to, steps: steps.map(({ direction, migration }) => `${direction} ${label(migration)}`), losses };
  });
}

/** One line a loss, as people read it. */
export function lossLine({ table, column, rows }: Loss): string {
  return column === null ? `${rows} row${rows === 1 ? '' : 's'} of ${table}` : `${table}.${column} of ${rows} row${rows === 1 ? '' : 's'}`;
}

async function lossesOf(client: pg.Client, downward: readonly Migration[]): Promise<readonly Loss[]> {
  await client.query('begin');
  try {
    const before = await takeStock(client);
    for (const { down } of downward) await runStatements(client, down); // Serial: each undoes what stands on the next.
    const after = await takeStock(client);
    return before.flatMap((table) =>
      lossOf(
        table,
        after.find(({ name }) => name === table.name),
      ),
    );
  } finally {
    await client.query('rollback');
  }
}

function lossOf(before: Stock, after: Stock | undefined): readonly Loss[] {
  const rows = before.rows - (after?.rows ?? 0);
  const columns = after === undefined ? [] : [...before.values].filter(([column, values]) => values > 0 && !after.values.has(column));
  return [
    ...(rows > 0 ? [{ table: before.name, column: null, rows }] : []),
    ...columns.map(([column, values]) => ({ table: before.name, column, rows: values })),
  ];
}

interface Stock {
  readonly name: string;
  readonly rows: number;
  /** By column: in how many rows it holds something else than its default. */
  readonly values: ReadonlyMap<string, number>;
}

/** Every table with its rows. The owner is under row-level security, too, but may lift it: within this transaction only. */
async function takeStock(client: pg.Client): Promise<readonly Stock[]> {
  const { rows: tables } = await client.query<{ name: string; columns: { name: string; fallback: string | null }[] }>(
    `select c.relname as name, jsonb_agg(jsonb_build_object('name', a.attname, 'fallback', pg_get_expr(d.adbin, d.adrelid)) order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace and c.relname <> 'schema_migrations'
     group by c.relname order by c.relname`,
  );
  const stock: Stock[] = [];
  for (const { name, columns } of tables) {
    const table = pg.escapeIdentifier(name);
    const counts = columns.map(
      (column) =>
        `count(*) filter (where ${pg.escapeIdentifier(column.name)} is not null and ${pg.escapeIdentifier(column.name)} is distinct from ${defaultOf(column.fallback)})`,
    );
    await client.query(`alter table ${table} no force row level security`);
    // Serial: one connection.
    const { rows } = await client.query<{ total: number; counts: number[] }>(
      `select count(*)::int8 as total, array[${counts.join(', ')}]::float8[] as counts from ${table}`,
    );
    const counted = rows[0]?.counts ?? [];
    stock.push({ name, rows: Number(rows[0]?.total ?? 0), values: new Map(columns.map((column, index) => [column.name, counted[index] ?? 0])) });
  }
  return stock;
}

/** A default that is made anew each time (now(), a sequence) is nobody's value; asking a sequence would also move it. */
function defaultOf(fallback: string | null): string {
  return fallback === null || fallback.includes('(') ? 'null' : fallback;
}
