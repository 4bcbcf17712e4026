/** Settings kept in the database. */
import { settingsEndpoints } from '../../contract/settings.ts';
import type { Identity } from '../../identity/identity.ts';
import { fail } from '../../kernel/fail.ts';
import type { Notify } from '../../notify/notify.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

export function settingsRoutes({ settings, notify }: Pick<Identity, 'settings'> & { readonly notify: Pick<Notify, 'faultOf'> }): readonly Route[] {
  return routesOf(settingsEndpoints, {
    'GET /api/v1/settings': async (call) => ({ body: await settings.of(call.caller.orgId) }),
    'PATCH /api/v1/settings': async (call) => {
      for (const [index, { on: _on, ...target }] of (call.body.notifications ?? []).entries()) {
        const fault = notify.faultOf(target);
        if (fault !== undefined) fail('invalid_body', `notifications[${index}].${fault.field}: ${fault.message}.`);
      }
      return { body: await settings.patch(call.caller, call.body, authorOf(call)) };
    },
  });
}
