/** Jobs that were submitted together: read, ended and queued again as one. */
import { jobGroupEndpoints } from '../../contract/job-groups.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { fail } from '../../kernel/fail.ts';
import { readJobGroup } from '../../store/job-groups.ts';
import { routesOf, type Route } from '../route.ts';

export function jobGroupRoutes({ jobs }: { readonly jobs: Pick<Jobs, 'cancelGroup' | 'retryGroup'> }): readonly Route[] {
  return routesOf(jobGroupEndpoints, {
    'GET /api/v1/job-groups/{id}': async (call) => ({
      body:
        (await readJobGroup(call.sql, { orgId: call.caller.orgId, id: call.params.id })) ?? fail('not_found', `There is no group of jobs ${call.params.id}.`),
    }),
    'POST /api/v1/job-groups/{id}/cancel': async (call) => ({
      body: await jobs.cancelGroup({ orgId: call.caller.orgId, id: call.params.id, requestId: call.requestId }),
    }),
    'POST /api/v1/job-groups/{id}/retry': async (call) => ({
      body: await jobs.retryGroup({ orgId: call.caller.orgId, id: call.params.id, requestId: call.requestId }),
    }),
  });
}
