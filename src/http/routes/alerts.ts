/** Studio's own alerts, and from when on is told, and whom. */
import { alertEndpoints } from '../../contract/alerts.ts';
import type { Alerts } from '../../ops/alerts.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function alertRoutes(alerts: Alerts): readonly Route[] {
  return routesOf(alertEndpoints, {
    'GET /api/v1/alerts': async (call) => {
      const { status, after, limit } = call.query;
      const cursor = await call.cursor();
      return { body: pageOf(await alerts.list({ status, after, limit: limit + 1 }), { limit, after: (one) => one.id, cursor }) };
    },
    'GET /api/v1/alerts/settings': () => ({ body: alerts.settings }),
    'PUT /api/v1/alerts/settings': async (call) => {
      const { caller, address, requestId } = call;
      return { body: await alerts.setSettings(call.body, { actor: caller.userId, orgId: caller.orgId, address, requestId }) };
    },
    'POST /api/v1/alerts/test': async (call) => ({ body: await alerts.test(call.requestId) }),
  });
}
