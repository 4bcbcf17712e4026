/** Drafts of workflows: what is edited and not yet published. A change writes its event; call the writer in a transaction. */
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';
import { writeWorkflowEvent } from './workflows.ts';

/** The ETag of a draft: changes with every save. */
export function draftEtag(revision: number): string {
  return `"d${revision}"`;
}

export async function saveDraft(
  sql: Sql,
  draft: { readonly orgId: string; readonly workflowId: string; readonly draft: Json; readonly requestId: string },
): Promise<{ readonly revision: number; readonly savedAt: Date }> {
  const { rows } = await sql.query<{ draft_revision: number; draft_saved_at: Date; seq: number }>(
    `update workflows set draft = $3::jsonb, draft_saved_at = now(), draft_revision = draft_revision + 1, seq = seq + 1 where org_id = $1 and id = $2 returning draft_revision, draft_saved_at, seq`,
    [draft.orgId, draft.workflowId, JSON.stringify(draft.draft)],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('the draft found no workflow to belong to');
  await writeWorkflowEvent(sql, { ...draft, sequence: row.seq, type: 'workflows:workflow:draft_saved', payload: { revision: row.draft_revision } });
  return { revision: row.draft_revision, savedAt: row.draft_saved_at };
}
