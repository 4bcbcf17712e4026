/** Credentials of the caller's org: what is secret only comes in. */
import { credentialEndpoints } from '../../contract/credentials.ts';
import type { Credentials } from '../../credentials/credentials.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

export function credentialRoutes(credentials: Credentials): readonly Route[] {
  return routesOf(credentialEndpoints, {
    'GET /api/v1/credential-types': async () => ({ body: { items: credentials.types() } }),
    'GET /api/v1/credentials': async (call) => ({ body: { ...(await credentials.list(call.caller, call.query)), cursor: await call.cursor() } }),
    'POST /api/v1/credentials': async (call) => ({ body: await credentials.create(call.caller, call.body, authorOf(call)) }),
    'GET /api/v1/credentials/{id}': async (call) => ({ body: await credentials.read(call.caller, call.params.id) }),
    'PATCH /api/v1/credentials/{id}': async (call) => ({ body: await credentials.patch(call.caller, call.params.id, call.body, authorOf(call)) }),
    'DELETE /api/v1/credentials/{id}': async (call) => {
      await credentials.remove(call.caller, call.params.id, call.query, authorOf(call));
      return { body: undefined };
    },
    'POST /api/v1/credentials/{id}/test': async (call) => ({ body: await credentials.test(call.caller, call.params.id, call.body.url, authorOf(call)) }),
    'GET /api/v1/credentials/{id}/workflows': async (call) => ({ body: { items: await credentials.workflowsOf(call.caller, call.params.id) } }),
  });
}
