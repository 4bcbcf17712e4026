/** Definitions of test runs. Numbered below zero beside the versions of their workflow, kept as long as an instance names them. */
import type { Definition } from '../contract/graph.ts';
import { hot, type Sql } from './client.ts';

/** @returns its number, below zero */
export async function insertTestDefinition(
  sql: Sql,
  test: { readonly orgId: string; readonly workflowId: string; readonly definition: Definition; readonly runBy: string; readonly at: Date },
): Promise<number> {
  const { rows } = await sql.query<{ version: number }>(
    `insert into test_definitions (version, workflow_id, org_id, definition, run_by, created_at)
     values (-nextval('test_definition_numbers'), $1, $2, $3, (select id from users where id = $4), $5) returning version`,
    [test.workflowId, test.orgId, JSON.stringify(test.definition), test.runBy, test.at],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a test definition was not written');
  return row.version;
}

/** @returns undefined when the workflow has no test run of that number */
export async function readTestDefinition(
  sql: Sql,
  query: { readonly orgId: string; readonly workflowId: string; readonly version: number },
): Promise<{ readonly definition: Definition; readonly runBy: string | null; readonly createdAt: Date } | undefined> {
  const { rows } = await sql.query<{ definition: string; run_by: string | null; created_at: Date }>(
    hot('select definition, run_by, created_at from test_definitions where org_id = $1 and workflow_id = $2 and version = $3'),
    [query.orgId, query.workflowId, query.version],
  );
  const [row] = rows;
  return row === undefined ? undefined : { definition: JSON.parse(row.definition) as Definition, runBy: row.run_by, createdAt: row.created_at };
}

/** Deletes those that no instance names any more. @param before only older ones: a younger one's instance may be on its way  @returns how many; fewer than `limit`: all */
export async function deleteUnusedTestDefinitions(sql: Sql, before: Date, limit: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from test_definitions where version in (
       select d.version from test_definitions d where d.created_at < $1
         and not exists (select 1 from instances i where i.is_test and i.workflow_id = d.workflow_id and i.version = d.version)
       order by d.created_at limit $2
     )`,
    [before, limit],
  );
  return rowCount;
}
