/** What belongs to the machine: queues, workers, devices. */
import { machineEndpoints } from '../../contract/jobs.ts';
import { fail } from '../../kernel/fail.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export interface MachineParts {
  readonly jobs: Pick<Jobs, 'listQueues' | 'listWorkers' | 'patchQueue'>;
}

export function machineRoutes({ jobs }: MachineParts): readonly Route[] {
  return routesOf(machineEndpoints, {
    'GET /api/v1/queues': async (call) => {
      const cursor = await call.cursor();
      return { body: pageOfAll(await jobs.listQueues(), { ...pageQuery(call.query), nameOf: (queue) => queue.name, cursor }) };
    },
    'PATCH /api/v1/queues/{name}': async (call) => {
      if (!/^[a-z][a-z0-9_.-]{0,63}$/.test(call.params.name))
        fail('invalid_query', `"${call.params.name}" can't name a queue: a to z, then up to 63 of a to z, 0 to 9, ".", "_" and "-".`);
      return { body: await jobs.patchQueue({ name: call.params.name, patch: call.body, requestId: call.requestId }) };
    },
    'GET /api/v1/workers': async (call) => {
      const cursor = await call.cursor();
      return { body: pageOfAll(await jobs.listWorkers(), { ...pageQuery(call.query), nameOf: (worker) => worker.id, cursor }) };
    },
  });
}

function pageQuery(query: { readonly limit: number; readonly after?: string | undefined }): { readonly limit: number; readonly after: string | undefined } {
  return { limit: query.limit, after: query.after };
}
