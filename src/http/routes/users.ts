/** One's own account. */
import { userEndpoints } from '../../contract/users.ts';
import type { Identity } from '../../identity/identity.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

export function userRoutes({ accounts }: Pick<Identity, 'accounts'>): readonly Route[] {
  return routesOf(userEndpoints, {
    'GET /api/v1/users/me': async (call) => ({ body: await accounts.me(call.caller) }),
    'PATCH /api/v1/users/me': async (call) => ({ body: await accounts.patch(call.caller, call.body, authorOf(call)) }),
    'POST /api/v1/users/me/password': async (call) => {
      await accounts.changePassword(call.caller, call.body, authorOf(call));
      return { body: undefined };
    },
  });
}
