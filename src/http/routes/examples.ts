/** The example workflows. */
import { exampleEndpoints, type ShownExample } from '../../contract/examples.ts';
import { fail } from '../../kernel/fail.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function exampleRoutes(examples: readonly ShownExample[]): readonly Route[] {
  return routesOf(exampleEndpoints, {
    'GET /api/v1/examples': async (call) => {
      const all = examples.map(({ id, group, title, summary, needs, uses }) => ({ id, group, title, summary, needs, uses }));
      const { limit, after } = call.query;
      return { body: pageOfAll(all, { limit, after, nameOf: (one) => one.id, cursor: await call.cursor() }) };
    },
    'GET /api/v1/examples/{id}': (call) => ({
      body: examples.find((one) => one.id === call.params.id) ?? fail('not_found', `there is no example "${call.params.id}"; GET /api/v1/examples lists them`),
    }),
  });
}
