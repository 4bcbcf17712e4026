/** Triggers: the list, and the switches of one, of a workflow's and of the org's. */
import { triggerEndpoints } from '../../contract/triggers.ts';
import type { Triggers } from '../../engine/triggers.ts';
import type { SettingsStore } from '../../identity/settings.ts';
import { listTriggers } from '../../store/triggers.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export interface TriggerParts {
  readonly triggers: Pick<Triggers, 'enable' | 'disable' | 'rotate' | 'switchAll' | 'nudge'>;
  readonly settings: Pick<SettingsStore, 'patch'>;
}

type AnyCall = Pick<Call, 'caller' | 'requestId' | 'address'>;

export function triggerRoutes({ triggers, settings }: TriggerParts): readonly Route[] {
  const ofWorkflow = (call: AnyCall & { readonly params: { readonly id: string } }) => ({
    caller: call.caller,
    address: call.address,
    workflowId: call.params.id,
    requestId: call.requestId,
  });
  const ofOne = (call: AnyCall & { readonly params: { readonly id: string; readonly key: string } }) => ({ ...ofWorkflow(call), key: call.params.key });
  const pause = async ({ caller, address, requestId }: AnyCall, triggersPaused: boolean) => {
    const author = { actor: caller.userId, orgId: caller.orgId, address, requestId };
    const changed = await settings.patch(caller, { triggersPaused }, author);
    triggers.nudge();
    return { body: { paused: changed.triggersPaused } };
  };
  return routesOf(triggerEndpoints, {
    'GET /api/v1/triggers': async (call) => {
      const cursor = await call.cursor();
      const { limit, after, type } = call.query;
      const found = await listTriggers(call.sql, { orgId: call.caller.orgId, type, after, limit: limit + 1 });
      return { body: pageOf(found, { limit, after: (row) => `${row.workflowId}/${row.key}`, cursor }) };
    },
    'POST /api/v1/triggers/pause': (call) => pause(call, true),
    'POST /api/v1/triggers/resume': (call) => pause(call, false),
    'POST /api/v1/workflows/{id}/triggers/enable': async (call) => ({ body: { triggers: await triggers.switchAll(ofWorkflow(call), true) } }),
    'POST /api/v1/workflows/{id}/triggers/disable': async (call) => ({ body: { triggers: await triggers.switchAll(ofWorkflow(call), false) } }),
    'POST /api/v1/workflows/{id}/triggers/{key}/enable': async (call) => ({ body: await triggers.enable(ofOne(call)) }),
    'POST /api/v1/workflows/{id}/triggers/{key}/disable': async (call) => ({ body: await triggers.disable(ofOne(call)) }),
    'POST /api/v1/workflows/{id}/triggers/{key}/rotate': async (call) => ({ body: await triggers.rotate(ofOne(call)) }),
  });
}
