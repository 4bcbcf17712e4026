/** Tags of workflows. A change writes its event; call the writer in a transaction. */
import type { Sql } from './client.ts';
import { writeWorkflowEvent } from './workflows.ts';

/** @returns false when the org has no such workflow */
export async function tagWorkflow(
  sql: Sql,
  workflow: { readonly orgId: string; readonly workflowId: string; readonly tags: readonly string[]; readonly requestId: string },
): Promise<boolean> {
  const { rows } = await sql.query<{ seq: number }>(`update workflows set tags = $3::text[], seq = seq + 1 where org_id = $1 and id = $2 returning seq`, [
    workflow.orgId,
    workflow.workflowId,
    workflow.tags,
  ]);
  const [row] = rows;
  if (row === undefined) return false;
  await writeWorkflowEvent(sql, { ...workflow, sequence: row.seq, type: 'workflows:workflow:tagged', payload: { tags: [...workflow.tags] } });
  return true;
}

/** Tags of workflows that are not archived, by name. */
export async function listTags(
  sql: Sql,
  query: { readonly orgId: string; readonly after?: string | undefined; readonly limit: number },
): Promise<{ tag: string; workflows: number }[]> {
  const { rows } = await sql.query<{ tag: string; workflows: number }>(
    `select t.tag, count(*)::int as workflows from workflows w cross join lateral unnest(w.tags) as t (tag)
     where w.org_id = $1 and w.archived_at is null and ($2::text is null or t.tag > $2) group by t.tag order by t.tag limit $3`,
    [query.orgId, query.after ?? null, query.limit],
  );
  return rows;
}
