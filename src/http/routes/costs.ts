/** What the machine costs, and whose work it was spent on. */
import { costEndpoints } from '../../contract/costs.ts';
import { hasRole } from '../../identity/policy.ts';
import type { MachineCost } from '../../ops/machine-cost.ts';
import { routesOf, type Route } from '../route.ts';

export function costRoutes(cost: MachineCost): readonly Route[] {
  return routesOf(costEndpoints, {
    'GET /api/v1/costs': async (call) => {
      const { orgId, role } = call.caller;
      return { body: await cost.read({ ...call.query, orgId, seesOrgs: hasRole(role, 'super_admin') }) };
    },
    'PUT /api/v1/costs/price': async (call) => {
      const { userId, orgId } = call.caller;
      return { body: await cost.setPrice(call.body.price, { actor: userId, orgId, address: call.address, requestId: call.requestId }) };
    },
  });
}
