/** The schema of a database as text, for tests that compare one with another. Never its rows, nor the table of migrations. */
import pg from 'pg';

/** Everything that a schema consists of, as text that can be compared. */
export async function dumpSchema(config: pg.ClientConfig): Promise<string> {
  const client = new pg.Client(config);
  await client.connect();
  const { rows } = await client.query<{ line: string }>(`
    select 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') as line
      from information_schema.columns where table_schema = 'public' and table_name <> 'schema_migrations'
    union all select 'index ' || indexdef from pg_indexes where schemaname = 'public' and tablename <> 'schema_migrations'
    union all select 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint
      where connamespace = 'public'::regnamespace and conrelid <> coalesce(to_regclass('public.schema_migrations')::oid, 0)
    union all select 'policy ' || tablename || ' ' || policyname || ' ' || roles::text || ' ' || coalesce(qual, '') || ' ' || coalesce(with_check, '') from pg_policies
    union all select 'grant ' || table_name || ' ' || grantee || ' ' || privilege_type from information_schema.role_table_grants
      where table_schema = 'public' and table_name <> 'schema_migrations'
    union all select 'rls ' || relname || ' ' || relrowsecurity || ' ' || relforcerowsecurity from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
      and relname <> 'schema_migrations'
    union all select 'routine ' || oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace
    order by 1`);
  await client.end();
  return rows.map((row) => row.line).join('\n');
}
