/** Workers: the processes that run jobs. */
import { workerEndpoints } from '../../contract/workers.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function workerRoutes({ jobs }: { readonly jobs: Pick<Jobs, 'listWorkers' | 'shutOutWorker' | 'letWorkerIn'> }): readonly Route[] {
  return routesOf(workerEndpoints, {
    'GET /api/v1/workers': async (call) => {
      const { limit, after } = call.query;
      const cursor = await call.cursor();
      return { body: pageOfAll(await jobs.listWorkers(), { limit, after, nameOf: (worker) => worker.id, cursor }) };
    },
    'POST /api/v1/workers/{id}/deregister': async (call) => ({
      body: await jobs.shutOutWorker({
        id: call.params.id,
        reason: call.body.reason,
        actor: call.caller.userId,
        orgId: call.caller.orgId,
        address: call.address,
      }),
    }),
    'POST /api/v1/workers/{id}/admit': async (call) => ({
      body: await jobs.letWorkerIn({ id: call.params.id, actor: call.caller.userId, orgId: call.caller.orgId, address: call.address }),
    }),
  });
}
