/** The audit trail of the caller's org. */
import { auditEndpoints } from '../../contract/audit.ts';
import type { Identity } from '../../identity/identity.ts';
import { routesOf, type Route } from '../route.ts';

export function auditRoutes({ audit }: Pick<Identity, 'audit'>): readonly Route[] {
  return routesOf(auditEndpoints, {
    'GET /api/v1/audit': async (call) => ({ body: { ...(await audit(call.caller, call.query)), cursor: await call.cursor() } }),
  });
}
