/** Test runs of drafts, and what nodes gave last. */
import { testRunEndpoints } from '../../contract/test-runs.ts';
import type { Engine } from '../../engine/engine.ts';
import { routesOf, type Route } from '../route.ts';
import { publisherOf } from './workflows.ts';

export function testRunRoutes({ engine }: { readonly engine: Pick<Engine, 'startTestRun' | 'lastOutputs'> }): readonly Route[] {
  return routesOf(testRunEndpoints, {
    'POST /api/v1/workflows/{id}/test-runs': async (call) => {
      const instanceId = call.newId('inst');
      const { answered } = await engine.startTestRun({ ...publisherOf(call), ...call.body, id: instanceId, isNew: !call.isRepeat, workflowId: call.params.id });
      return { body: { instanceId, answered: [...answered] }, headers: { location: `/api/v1/instances/${instanceId}` } };
    },
    'GET /api/v1/workflows/{id}/last-outputs': async (call) => {
      const cursor = await call.cursor();
      const { items, input } = await engine.lastOutputs({ orgId: call.caller.orgId, workflowId: call.params.id });
      return { body: { items: [...items], input, cursor } };
    },
  });
}
