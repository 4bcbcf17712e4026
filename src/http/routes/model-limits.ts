/** What API keys use of the models, beside what they may. */
import { modelLimitEndpoints } from '../../contract/model-limits.ts';
import type { Identity } from '../../identity/identity.ts';
import { fail } from '../../kernel/fail.ts';
import type { GatewayLimits } from '../../models/gateway-limits.ts';
import { routesOf, type Route } from '../route.ts';

export interface ModelLimitParts extends Pick<Identity, 'apiKeys'> {
  readonly limits: Pick<GatewayLimits, 'used'>;
}

export function modelLimitRoutes({ apiKeys, limits }: ModelLimitParts): readonly Route[] {
  return routesOf(modelLimitEndpoints, {
    'GET /api/v1/api-keys/{id}/model-use': async (call) => {
      const key = (await apiKeys.read(call.caller, call.params.id)) ?? fail('not_found', `You have no API key "${call.params.id}".`);
      return { body: { limits: key.modelLimits, used: key.modelLimits === null ? {} : await limits.used({ id: key.id, limits: key.modelLimits }) } };
    },
  });
}
