/** Who has the editor of a workflow open. */
import { EDITOR_LEASE_S, editorEndpoints } from '../../contract/editors.ts';
import type { Engine } from '../../engine/engine.ts';
import { routesOf, type Route } from '../route.ts';

export function editorRoutes({ engine }: { readonly engine: Pick<Engine, 'editorsOf' | 'keepEditor' | 'closeEditor'> }): readonly Route[] {
  return routesOf(editorEndpoints, {
    'GET /api/v1/workflows/{id}/editors': async (call) => {
      const cursor = await call.cursor();
      const editors = await engine.editorsOf({ orgId: call.caller.orgId, workflowId: call.params.id });
      return { body: { editors: [...editors], leaseS: EDITOR_LEASE_S, cursor } };
    },
    'PUT /api/v1/workflows/{id}/editors': async (call) => {
      const cursor = await call.cursor();
      const { orgId, userId } = call.caller;
      const editors = await engine.keepEditor({ ...call.body, orgId, userId, workflowId: call.params.id, requestId: call.requestId });
      return { body: { editors: [...editors], leaseS: EDITOR_LEASE_S, cursor } };
    },
    'DELETE /api/v1/workflows/{id}/editors': async (call) => {
      const { orgId, userId } = call.caller;
      await engine.closeEditor({ editor: call.query.editor, orgId, userId, workflowId: call.params.id, requestId: call.requestId });
      return { body: undefined };
    },
  });
}
