/** Queues: listed, made and changed. */
import { queueEndpoints } from '../../contract/queues.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { fail } from '../../kernel/fail.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function queueRoutes({ jobs }: { readonly jobs: Pick<Jobs, 'listQueues' | 'patchQueue'> }): readonly Route[] {
  return routesOf(queueEndpoints, {
    'GET /api/v1/queues': async (call) => {
      const { limit, after } = call.query;
      const cursor = await call.cursor();
      return { body: pageOfAll(await jobs.listQueues(), { limit, after, nameOf: (queue) => queue.name, cursor }) };
    },
    'PATCH /api/v1/queues/{name}': async (call) => {
      if (!/^[a-z][a-z0-9_.-]{0,63}$/.test(call.params.name))
        fail('invalid_query', `"${call.params.name}" can't name a queue: a to z, then up to 63 of a to z, 0 to 9, ".", "_" and "-".`);
      return { body: await jobs.patchQueue({ name: call.params.name, patch: call.body, requestId: call.requestId }) };
    },
  });
}
