/** The logs of the machine, and the level they are written from. */
import { logEndpoints } from '../../contract/logs.ts';
import type { MachineLogs } from '../../ops/machine-logs.ts';
import { routesOf, type Route } from '../route.ts';

export interface LogRouteParts {
  readonly logs: MachineLogs;
  /** Writes down who changed what. */
  readonly audit: (
    call: { readonly actor: string; readonly orgId: string; readonly address: string },
    details: { readonly level: string | null; readonly forMs: number | null },
  ) => Promise<void>;
}

export function logRoutes({ logs, audit }: LogRouteParts): readonly Route[] {
  return routesOf(logEndpoints, {
    'GET /api/v1/logs': async (call) => ({ body: await logs.page(call.query) }),
    'GET /api/v1/logs/level': () => ({ body: logs.level() }),
    'PUT /api/v1/logs/level': async (call) => {
      const { level, forMs } = call.body;
      const body = await logs.setLevel(level, forMs);
      await audit({ actor: call.caller.userId, orgId: call.caller.orgId, address: call.address }, { level, forMs });
      return { body };
    },
  });
}
