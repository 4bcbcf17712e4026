/** Who has the editor of a workflow open, and who holds the pen. Advisory: what protects a draft is its ETag. */
import * as z from 'zod';
import { endpoint, noReply, timestamp } from './endpoint.ts';

const id = z.strictObject({ id: z.string().max(64) });
/** Made up by the page that is open, one a tab. */
const editorId = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/, 'the id of an editor is 8 to 64 letters, digits, _ and -');

export const editor = z.strictObject({
  id: editorId,
  userId: z.string(),
  name: z.string(),
  /** At most one of a workflow. */
  hasPen: z.boolean(),
  openedAt: timestamp,
});
export type Editor = z.infer<typeof editor>;

/** Payload of `workflows:editors:changed`, in the room of the workflow. */
export interface EditorsPayload {
  readonly editors: readonly Editor[];
  /** Id of the editor whose pen was taken. */
  readonly takenFrom?: string;
}

/** An editor that does not come back within so many seconds is gone; come back after a third of it. */
export const EDITOR_LEASE_S = 30;

const present = z.strictObject({ editors: z.array(editor), leaseS: z.int(), cursor: z.string() });

export const editorEndpoints = [
  endpoint({
    key: 'GET /api/v1/workflows/{id}/editors',
    tag: 'workflows',
    summary: 'Who has the editor of a workflow open',
    params: id,
    status: 200,
    reply: present,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'PUT /api/v1/workflows/{id}/editors',
    tag: 'workflows',
    summary: 'Open the editor of a workflow, and stay in it',
    description:
      'Call it again every leaseS / 3 seconds. Who comes first holds the pen; `pen: take` takes it over, `pen: give` lets go of it, and it stays free until somebody takes it or opens the editor. Changes are told as workflows:editors:changed in the room of the workflow.',
    params: id,
    body: z.strictObject({ editor: editorId, pen: z.enum(['keep', 'take', 'give']).default('keep') }),
    status: 200,
    reply: present,
    errors: ['invalid_body', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'DELETE /api/v1/workflows/{id}/editors',
    tag: 'workflows',
    summary: 'Close the editor of a workflow',
    description: 'The pen goes to whoever of the others came first.',
    params: id,
    query: z.strictObject({ editor: editorId }),
    status: 204,
    reply: noReply,
    errors: ['invalid_query', 'not_found'],
  }),
] as const;
