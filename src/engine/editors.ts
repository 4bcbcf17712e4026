/** Who edits a workflow: open editors, each until it is closed or does not come back, and the one pen among them. Never protects a draft: its ETag does. */
import { EDITOR_LEASE_S, type Editor } from '../contract/editors.ts';
import { fail } from '../kernel/fail.ts';
import type { Sql } from '../store/client.ts';
import { deleteEditor, deleteGoneEditors, listEditors, lockWorkflow, movePen, tellEditors, writeEditor } from '../store/editors.ts';
import { readRunnableHead } from '../store/workflows.ts';
import type { Core } from './core.ts';

interface Of {
  readonly orgId: string;
  readonly workflowId: string;
}

interface EditorRequest extends Of {
  /** Of the open page. */
  readonly editor: string;
  readonly userId: string;
  readonly requestId: string;
}

export interface KeepEditorRequest extends EditorRequest {
  readonly pen: 'keep' | 'take' | 'give';
}

/** More than ever look at one workflow; an event names them all. */
const MAX_EDITORS = 50;

/** @throws AppError not_found */
export async function editorsOf(core: Core, { orgId, workflowId }: Of): Promise<readonly Editor[]> {
  const sql = core.parts.database.engine;
  if ((await readRunnableHead(sql, { orgId, id: workflowId })) === undefined) fail('not_found', `there is no workflow ${workflowId}`);
  return listEditors(sql, { orgId, workflowId, at: new Date(core.clock.now()) });
}

/** Opens an editor or keeps it open. @throws AppError not_found; conflict when the id is another person's or too many are open */
export function keepEditor(core: Core, request: KeepEditorRequest): Promise<readonly Editor[]> {
  const { orgId, workflowId, editor: id, userId, pen } = request;
  return changing(core, request, async (sql, before, at) => {
    const mine = before.find((one) => one.id === id);
    if (mine !== undefined && mine.userId !== userId) fail('conflict', `the editor "${id}" of ${workflowId} is somebody else's; make up another id`);
    if (mine === undefined && before.length >= MAX_EDITORS)
      fail('conflict', `${MAX_EDITORS} editors of ${workflowId} are open, which is the limit; close some, or wait ${EDITOR_LEASE_S} s for those that are gone`);
    await writeEditor(sql, { orgId, workflowId, id, userId, at, expiresAt: new Date(at.getTime() + EDITOR_LEASE_S * 1_000) });
    const isFree = before.every((one) => !one.hasPen);
    if (pen === 'take' || (pen === 'keep' && mine === undefined && isFree)) await movePen(sql, { workflowId, orgId, to: id });
    if (pen === 'give' && mine?.hasPen === true) await movePen(sql, { workflowId, orgId, to: undefined });
  });
}

/** Closes an editor; one that is not open is closed. */
export async function closeEditor(core: Core, request: EditorRequest): Promise<void> {
  const { orgId, workflowId, editor: id, userId } = request;
  await changing(core, request, async (sql, before) => {
    const had = before.find((one) => one.id === id)?.hasPen === true;
    const isClosed = await deleteEditor(sql, { orgId, workflowId, id, userId });
    if (isClosed && had) await movePen(sql, { orgId, workflowId, to: before.find((one) => one.id !== id)?.id });
  });
}

/** Runs one change under the workflow's lock, first without those that are gone, and tells what came of it. */
async function changing(
  core: Core,
  { orgId, workflowId, requestId }: EditorRequest,
  change: (sql: Sql, before: readonly Editor[], at: Date) => Promise<void>,
): Promise<readonly Editor[]> {
  const of = { orgId, workflowId, at: new Date(core.clock.now()) };
  const { editors, isTold } = await core.parts.database.engine.transaction(async (sql) => {
    if (!(await lockWorkflow(sql, of))) fail('not_found', `there is no workflow ${workflowId}`);
    const gone = await deleteGoneEditors(sql, of);
    // Whoever held it did not come back: it goes to who came first, as when an editor is closed. After `give` it stays free.
    const left = await listEditors(sql, of);
    if (gone > 0 && left[0] !== undefined && left.every((one) => !one.hasPen)) await movePen(sql, { ...of, to: left[0].id });
    const before = gone === 0 ? left : await listEditors(sql, of);
    await change(sql, before, of.at);
    const after = await listEditors(sql, of);
    const isChanged = gone > 0 || JSON.stringify(after) !== JSON.stringify(before);
    const [was, is] = [before.find((one) => one.hasPen), after.find((one) => one.hasPen)];
    const isTaken = was !== undefined && is !== undefined && was.id !== is.id && after.some((one) => one.id === was.id);
    if (isChanged) await tellEditors(sql, { ...of, payload: { editors: after, ...(isTaken ? { takenFrom: was.id } : {}) }, requestId });
    return { editors: after, isTold: isChanged };
  });
  if (isTold) core.parts.database.announce();
  return editors;
}
