/** Saved views of the caller and of their org. */
import { savedViewEndpoints } from '../../contract/saved-views.ts';
import type { Identity } from '../../identity/identity.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf } from './auth.ts';

export function savedViewRoutes({ savedViews }: Pick<Identity, 'savedViews'>): readonly Route[] {
  return routesOf(savedViewEndpoints, {
    'GET /api/v1/views': async (call) => {
      const cursor = await call.cursor();
      const { limit, after, page } = call.query;
      return { body: pageOf(await savedViews.list(call.caller, { page, after, limit: limit + 1 }), { limit, after: (view) => view.id, cursor }) };
    },
    'POST /api/v1/views': async (call) => ({ body: await savedViews.add(call.caller, { id: call.newId('view'), ...call.body }, authorOf(call)) }),
    'PATCH /api/v1/views/{id}': async (call) => {
      const { name, filter, isShared } = call.body;
      const wanted = { ...(name === undefined ? {} : { name }), ...(filter === undefined ? {} : { filter }), ...(isShared === undefined ? {} : { isShared }) };
      return { body: await savedViews.change(call.caller, { id: call.params.id, ...wanted }, authorOf(call)) };
    },
    'DELETE /api/v1/views/{id}': async (call) => {
      await savedViews.remove(call.caller, call.params.id, authorOf(call));
      return { body: undefined };
    },
  });
}
