/** API keys of the caller. */
import { apiKeyEndpoints } from '../../contract/api-keys.ts';
import type { Identity } from '../../identity/identity.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

export function apiKeyRoutes({ apiKeys }: Pick<Identity, 'apiKeys'>): readonly Route[] {
  return routesOf(apiKeyEndpoints, {
    'GET /api/v1/api-keys': async (call) => ({ body: { ...(await apiKeys.list(call.caller, call.query)), cursor: await call.cursor() } }),
    'POST /api/v1/api-keys': async (call) => ({ body: await apiKeys.create(call.caller, call.body, authorOf(call)) }),
    'PATCH /api/v1/api-keys/{id}': async (call) => ({ body: await apiKeys.update(call.caller, call.params.id, call.body, authorOf(call)) }),
    'DELETE /api/v1/api-keys/{id}': async (call) => {
      await apiKeys.remove(call.caller, call.params.id, authorOf(call));
      return { body: undefined };
    },
  });
}
