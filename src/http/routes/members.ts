/** The people of the caller's org. */
import { memberEndpoints } from '../../contract/members.ts';
import type { Identity } from '../../identity/identity.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

export function memberRoutes({ members }: Pick<Identity, 'members'>): readonly Route[] {
  return routesOf(memberEndpoints, {
    'GET /api/v1/orgs/current/members': async (call) => ({ body: { ...(await members.list(call.caller, call.query)), cursor: await call.cursor() } }),
    'POST /api/v1/orgs/current/members': async (call) => ({ body: await members.add(call.caller, call.body, authorOf(call)) }),
    'PATCH /api/v1/orgs/current/members/{userId}': async (call) => ({ body: await members.patch(call.caller, call.params.userId, call.body, authorOf(call)) }),
    'DELETE /api/v1/orgs/current/members/{userId}': async (call) => {
      await members.remove(call.caller, call.params.userId, authorOf(call));
      return { body: undefined };
    },
  });
}
