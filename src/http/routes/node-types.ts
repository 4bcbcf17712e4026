/** The catalogue of node types. Made once: it changes with the program only. */
import { nodeTypeEndpoints, type NodeTypeView } from '../../contract/node-types.ts';
import { catalogueOf } from '../../engine/catalogue.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function nodeTypeRoutes(types: Parameters<typeof catalogueOf>[0]): readonly Route[] {
  let views: readonly NodeTypeView[] | undefined;
  return routesOf(nodeTypeEndpoints, {
    'GET /api/v1/node-types': async (call) => {
      views ??= catalogueOf(types);
      return { body: pageOfAll(views, { limit: call.query.limit, after: call.query.after, nameOf: (view) => view.type, cursor: await call.cursor() }) };
    },
  });
}
