/** Maintenance of the machine, and who it is: what anybody is told. */
import { maintenanceEndpoints } from '../../contract/maintenance.ts';
import type { MaintenanceControl } from '../../ops/maintenance.ts';
import { routesOf, type Route } from '../route.ts';

/** What Cloudflare adds to each request that passes its edge. */
const EDGE_HEADER = 'cf-ray';

/** @param prove the answer to a challenge that this Studio alone can give */
export function maintenanceRoutes(maintenance: Pick<MaintenanceControl, 'state' | 'set'>, prove: (challenge: string) => string): readonly Route[] {
  return routesOf(maintenanceEndpoints, {
    'GET /api/v1/system/maintenance': (call) => {
      const { challenge } = call.query;
      if (challenge === undefined) return { body: maintenance.state() };
      return { body: { ...maintenance.state(), identity: { proof: prove(challenge), isTunnelled: call.header(EDGE_HEADER) !== undefined } } };
    },
    'PUT /api/v1/system/maintenance': async (call) => ({
      body: await maintenance.set(call.body, { actor: call.caller.userId, orgId: call.caller.orgId, address: call.address }),
    }),
  });
}
