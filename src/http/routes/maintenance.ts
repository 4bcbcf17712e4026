/** Maintenance of the machine. */
import { maintenanceEndpoints } from '../../contract/maintenance.ts';
import type { MaintenanceControl } from '../../ops/maintenance.ts';
import { routesOf, type Route } from '../route.ts';

export function maintenanceRoutes(maintenance: Pick<MaintenanceControl, 'state' | 'set'>): readonly Route[] {
  return routesOf(maintenanceEndpoints, {
    'GET /api/v1/system/maintenance': () => ({ body: maintenance.state() }),
    'PUT /api/v1/system/maintenance': async (call) => ({
      body: await maintenance.set(call.body, { actor: call.caller.userId, orgId: call.caller.orgId, address: call.address }),
    }),
  });
}
