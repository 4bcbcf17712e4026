/** Expressions and schedules, tried while somebody writes them. */
import { expressionEndpoints } from '../../contract/expressions.ts';
import { cronFault, nextFire } from '../../engine/cron.ts';
import type { Previewer } from '../../engine/preview.ts';
import type { Clock } from '../../kernel/clock.ts';
import { routesOf, type Route } from '../route.ts';

export function expressionRoutes({ previewer, clock }: { readonly previewer: Pick<Previewer, 'preview'>; readonly clock: Clock }): readonly Route[] {
  return routesOf(expressionEndpoints, {
    'POST /api/v1/expressions/preview': async ({ body }) => ({ body: await previewer.preview(body) }),
    'GET /api/v1/triggers/next-times': async ({ query }) => {
      const fault = cronFault(query, clock.now());
      if (fault !== undefined) return { body: { times: [], problem: { field: fault.field, message: fault.message } } };
      const times: string[] = [];
      let at = nextFire(query, clock.now());
      while (at !== undefined && times.length < query.count) {
        times.push(new Date(at).toISOString());
        at = nextFire(query, at);
      }
      return { body: { times, problem: null } };
    },
  });
}
