/** What an idle machine does. */
import { idleEndpoints } from '../../contract/idle.ts';
import type { IdleAuthor, IdleWatch } from '../../ops/idle-watch.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export function idleRoutes(idle: IdleWatch): readonly Route[] {
  return routesOf(idleEndpoints, {
    'GET /api/v1/idle': async () => ({ body: await idle.read() }),
    'PUT /api/v1/idle': async (call) => ({ body: await idle.setPolicy(call.body, authorOf(call)) }),
    'POST /api/v1/idle/keep-awake': async (call) => ({ body: await idle.keepAwake(call.body.ms, authorOf(call)) }),
  });
}

function authorOf(call: Call): IdleAuthor {
  return { actor: call.caller.userId, orgId: call.caller.orgId, address: call.address, requestId: call.requestId };
}
