/** Rows of open editors: who has a workflow open, and which of them holds the pen. Call the writers in a transaction that holds the workflow's row
 *  (lockWorkflow): so at most one has the pen, and every change is told once, in order. */
import type { Editor, EditorsPayload } from '../contract/editors.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';
import { writeEvents } from './outbox.ts';

interface Of {
  readonly orgId: string;
  readonly workflowId: string;
}

/** @returns false when the org has no such workflow */
export async function lockWorkflow(sql: Sql, { orgId, workflowId }: Of): Promise<boolean> {
  const { rowCount } = await sql.query('select 1 from workflows where org_id = $1 and id = $2 for update', [orgId, workflowId]);
  return rowCount === 1;
}

/** Who came first stands first. */
export async function listEditors(sql: Sql, { orgId, workflowId, at }: Of & { readonly at: Date }): Promise<Editor[]> {
  const { rows } = await sql.query<{ id: string; userId: string; name: string; hasPen: boolean; openedAt: Date }>(
    `select e.editor_id as id, e.user_id as "userId", u.name, e.has_pen as "hasPen", e.opened_at as "openedAt" from workflow_editors e join users u on u.id = e.user_id
     where e.org_id = $1 and e.workflow_id = $2 and e.expires_at > $3 order by e.opened_at, e.editor_id`,
    [orgId, workflowId, at],
  );
  return rows.map((row) => ({ ...row, openedAt: row.openedAt.toISOString() }));
}

/** @returns how many had not come back in time */
export async function deleteGoneEditors(sql: Sql, { orgId, workflowId, at }: Of & { readonly at: Date }): Promise<number> {
  const { rowCount } = await sql.query('delete from workflow_editors where org_id = $1 and workflow_id = $2 and expires_at <= $3', [orgId, workflowId, at]);
  return rowCount;
}

/** Opens an editor, or keeps it open. */
export async function writeEditor(
  sql: Sql,
  editor: Of & { readonly id: string; readonly userId: string; readonly at: Date; readonly expiresAt: Date },
): Promise<void> {
  await sql.query(
    `insert into workflow_editors (workflow_id, editor_id, org_id, user_id, has_pen, opened_at, expires_at) values ($1, $2, $3, $4, false, $5, $6)
     on conflict (workflow_id, editor_id) do update set expires_at = excluded.expires_at`,
    [editor.workflowId, editor.id, editor.orgId, editor.userId, editor.at, editor.expiresAt],
  );
}

/** Only a person's own. @returns false when it was not open */
export async function deleteEditor(sql: Sql, editor: Of & { readonly id: string; readonly userId: string }): Promise<boolean> {
  const { rowCount } = await sql.query('delete from workflow_editors where org_id = $1 and workflow_id = $2 and editor_id = $3 and user_id = $4', [
    editor.orgId,
    editor.workflowId,
    editor.id,
    editor.userId,
  ]);
  return rowCount === 1;
}

/** @param to undefined: nobody has it */
export async function movePen(sql: Sql, pen: Of & { readonly to: string | undefined }): Promise<void> {
  // Two statements: at no moment have two editors the pen, which the index would refuse.
  await sql.query('update workflow_editors set has_pen = false where workflow_id = $1 and has_pen and editor_id is distinct from $2', [
    pen.workflowId,
    pen.to ?? null,
  ]);
  if (pen.to !== undefined) await sql.query('update workflow_editors set has_pen = true where workflow_id = $1 and editor_id = $2', [pen.workflowId, pen.to]);
}

/** Tells the room of the workflow who is there now. */
export async function tellEditors(sql: Sql, told: Of & { readonly payload: EditorsPayload; readonly requestId: string }): Promise<void> {
  const { rows } = await sql.query<{ seq: number }>('update workflows set seq = seq + 1 where org_id = $1 and id = $2 returning seq', [
    told.orgId,
    told.workflowId,
  ]);
  await writeEvents(sql, [
    {
      kind: 'workflow',
      id: told.workflowId,
      sequence: rows[0]?.seq ?? 0,
      type: 'workflows:editors:changed',
      orgId: told.orgId,
      payload: told.payload as unknown as Record<string, Json>,
      requestId: told.requestId,
    },
  ]);
}
