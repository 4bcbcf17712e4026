import assert from 'node:assert/strict';
import { test } from 'node:test';
import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { testDatabase } from '../test/database.ts';
import type { Sql } from './client.ts';
import * as gpu from './schema-gpu.ts';
import * as jobs from './schema-jobs.ts';
import * as models from './schema-models.ts';
import * as notifications from './schema-notifications.ts';
import * as people from './schema-people.ts';
import * as runs from './schema-runs.ts';
import * as services from './schema-services.ts';
import * as usage from './schema-usage.ts';
import * as watching from './schema-watching.ts';

/** What drizzle believes, one line a fact. */
function declared(): string[] {
  const tables = [people, runs, jobs, gpu, notifications, models, services, usage, watching]
    .flatMap((part) => Object.values(part))
    .filter((value) => is(value, PgTable));
  return tables
    .map((table) => getTableConfig(table))
    .flatMap(({ name, columns, primaryKeys, foreignKeys }) => [
      ...columns.map(
        (column) =>
          `column ${name}.${column.name} ${column.getSQLType()} ${column.notNull ? 'not null' : 'null'} ${column.hasDefault ? 'default' : 'no default'}`,
      ),
      ...columns.filter((column) => column.primary).map((column) => `primary key ${name} (${column.name})`),
      ...primaryKeys.map((key) => `primary key ${name} (${key.columns.map((column) => column.name).join(', ')})`),
      ...foreignKeys.map((key) => {
        const reference = key.reference();
        const names = (list: readonly { readonly name: string }[]): string => list.map((column) => column.name).join(', ');
        return `foreign key ${name} (${names(reference.columns)}) to ${getTableConfig(reference.foreignTable).name} (${names(reference.foreignColumns)}) on delete ${key.onDelete ?? 'no action'}`;
      }),
    ])
    .toSorted();
}

/** The same of the migrated database. */
async function migrated(sql: Sql): Promise<string[]> {
  const { rows } = await sql.query<{ line: string }>(`
    with tables as (select oid, relname as name from pg_class where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace and relname <> 'schema_migrations'),
      keys as (
        select t.name, c.contype, c.confdeltype, c.confrelid::regclass::text as target,
          (select string_agg(a.attname, ', ' order by k.place) from unnest(c.conkey) with ordinality k(number, place) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number) as columns,
          (select string_agg(a.attname, ', ' order by k.place) from unnest(c.confkey) with ordinality k(number, place) join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number) as target_columns
        from pg_constraint c join tables t on t.oid = c.conrelid where c.contype in ('p', 'f'))
    select 'column ' || t.name || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else ' null' end
        || case when d.oid is null and a.attidentity = '' then ' no default' else ' default' end as line
      from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
    union all select 'primary key ' || name || ' (' || columns || ')' from keys where contype = 'p'
    union all select 'foreign key ' || name || ' (' || columns || ') to ' || target || ' (' || target_columns || ') on delete '
        || case confdeltype when 'c' then 'cascade' when 'n' then 'set null' else 'no action' end from keys where contype = 'f'`);
  return rows.map((row) => row.line).toSorted();
}

test('the migrations make the schema that the types of rows are taken from', async () => {
  const db = await testDatabase();
  assert.deepEqual(declared(), await migrated(db.database.engine));
  await db.close();
});
