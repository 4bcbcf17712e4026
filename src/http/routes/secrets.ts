/** Secrets of the caller's org: names go out, values only come in. */
import { secretEndpoints } from '../../contract/secrets.ts';
import type { Identity } from '../../identity/identity.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

export function secretRoutes({ secrets }: Pick<Identity, 'secrets'>): readonly Route[] {
  return routesOf(secretEndpoints, {
    'GET /api/v1/secrets': async (call) => ({ body: { ...(await secrets.list(call.caller, call.query)), cursor: await call.cursor() } }),
    'PUT /api/v1/secrets/{name}': async (call) => ({
      body: await secrets.put(call.caller, { name: call.params.name, value: call.body.value }, authorOf(call)),
    }),
    'DELETE /api/v1/secrets/{name}': async (call) => {
      await secrets.remove(call.caller, call.params.name, authorOf(call));
      return { body: undefined };
    },
  });
}
