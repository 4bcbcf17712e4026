/** Settings kept in the database. */
import { settingsEndpoints } from '../../contract/settings.ts';
import type { Identity } from '../../identity/identity.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

export function settingsRoutes({ settings }: Pick<Identity, 'settings'>): readonly Route[] {
  return routesOf(settingsEndpoints, {
    'GET /api/v1/settings': async (call) => ({ body: await settings.of(call.caller.orgId) }),
    'PATCH /api/v1/settings': async (call) => ({ body: await settings.patch(call.caller, call.body, authorOf(call)) }),
  });
}
