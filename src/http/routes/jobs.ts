/** Jobs: submitted, read, moved, ended. */
import { jobEndpoints } from '../../contract/jobs.ts';
import type { Job } from '../../contract/jobs.ts';
import { jobStatuses } from '../../contract/values.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { countOf, priorityOf } from '../../jobs/submit.ts';
import { fail } from '../../kernel/fail.ts';
import { listDependencies } from '../../store/job-dependencies.ts';
import { readMetricSeries } from '../../store/job-metrics.ts';
import { listJobs, readJob, readJobSpec } from '../../store/jobs.ts';
import { labelOf, statusesOf } from '../filters.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';
import { logResponse } from './job-logs.ts';

export interface JobParts {
  readonly jobs: Pick<Jobs, 'submit' | 'cancel' | 'cancelJob' | 'retry' | 'setPriority' | 'explain' | 'followLog'>;
}

export function jobRoutes({ jobs }: JobParts): readonly Route[] {
  const require = async (call: Pick<Call, 'sql' | 'caller'>, id: string): Promise<Job> =>
    (await readJob(call.sql, { orgId: call.caller.orgId, id })) ?? fail('not_found', `There is no job ${id}.`);
  const explained = async (job: Job): Promise<Job> => (await jobs.explain([job]))[0] ?? job;
  return routesOf(jobEndpoints, {
    'POST /api/v1/jobs': async (call) => {
      const { orgId } = call.caller;
      const ids = Array.from({ length: countOf(call.body) }, () => call.newId('job'));
      const groupId = call.newId('grp');
      // A try before this one may have committed and died before it could say so.
      const made = call.isRepeat ? await readJob(call.sql, { orgId, id: ids[0] ?? '' }) : undefined;
      const job = made ?? (await jobs.submit({ orgId, caller: call.caller, body: call.body, ids, groupId, requestId: call.requestId })).job;
      const body = { ids, ...(job.group === undefined ? {} : { groupId: job.group.id }), job: await explained(job) };
      return { body, headers: { location: `/api/v1/jobs/${job.id}` } };
    },
    'POST /api/v1/jobs/test': async (call) => {
      const { timeoutMs = TEST_MS, ...body } = call.body;
      const { orgId, userId } = call.caller;
      const test = { ...body, timeoutMs, name: 'test run', priority: 'critical', labels: { test: 'true' } } as const;
      const { job } = await jobs.submit({ orgId, caller: { userId }, body: test, ids: [call.newId('job')], requestId: call.requestId });
      return logResponse(testLog(job, { orgId, sql: call.sql, signal: call.signal }), { status: 200, headers: { location: `/api/v1/jobs/${job.id}` } });
    },
    'GET /api/v1/jobs': async (call) => {
      const { limit, after, status, queue, type, group, instanceId, label, name, since, order } = call.query;
      const cursor = await call.cursor();
      const found = await listJobs(call.sql, {
        orgId: call.caller.orgId,
        statuses: statusesOf(status, jobStatuses),
        queue,
        type,
        group,
        instanceId,
        name,
        label: labelOf(label),
        since,
        after: order === 'line' ? undefined : after,
        order,
        limit: limit + 1,
      });
      const page = pageOf(found, { limit, after: (job) => job.id, cursor });
      const shown = order === 'line' ? { ...page, next: null } : page;
      return { body: { ...shown, items: await jobs.explain(shown.items) } };
    },
    'GET /api/v1/jobs/{id}': async (call) => ({ body: await explained(await require(call, call.params.id)) }),
    'GET /api/v1/jobs/{id}/spec': async (call) => {
      const spec = await readJobSpec(call.sql, { orgId: call.caller.orgId, id: call.params.id });
      if (spec === undefined) fail('not_found', `There is no job ${call.params.id}.`);
      return { body: spec ?? fail('not_found', `Job ${call.params.id} belongs to a step; its command is made of the step's params where it runs.`) };
    },
    'GET /api/v1/jobs/{id}/dependencies': async (call) => {
      const { limit, after } = call.query;
      const cursor = await call.cursor();
      const { id } = await require(call, call.params.id);
      const found = await listDependencies(call.sql, { orgId: call.caller.orgId, jobId: id, after, limit: limit + 1 });
      return { body: pageOf(found, { limit, after: (one) => one.id, cursor }) };
    },
    'PATCH /api/v1/jobs/{id}': async (call) => ({
      body: await explained(
        await jobs.setPriority({ orgId: call.caller.orgId, id: call.params.id, priority: priorityOf(call.body.priority), requestId: call.requestId }),
      ),
    }),
    'POST /api/v1/jobs/{id}/cancel': async (call) => ({
      body: await jobs.cancelJob({ orgId: call.caller.orgId, id: call.params.id, reason: 'cancelled by hand' }),
    }),
    'POST /api/v1/jobs/{id}/retry': async (call) => ({
      body: await explained(await jobs.retry({ orgId: call.caller.orgId, id: call.params.id, requestId: call.requestId })),
    }),
    'GET /api/v1/jobs/{id}/metrics': async (call) => {
      const { id } = await require(call, call.params.id);
      return { body: { series: await readMetricSeries(call.sql, { orgId: call.caller.orgId, id }) } };
    },
  });

  /** The log until the job ends, then one line of how. Nobody left to read it: nobody needs the job. */
  async function* testLog(job: Job, reader: { readonly orgId: string; readonly sql: Call['sql']; readonly signal: AbortSignal }): AsyncGenerator<Buffer> {
    try {
      yield* jobs.followLog({ job, orgId: reader.orgId, from: 0, follow: true, signal: reader.signal });
      const ended = await readJob(reader.sql, { orgId: reader.orgId, id: job.id });
      const how = ended?.error?.message ?? (ended?.exitCode === undefined ? '' : `exit code ${ended.exitCode}`);
      yield Buffer.from(`[studio] ${ended?.status ?? 'gone'}${how === '' ? '' : `: ${how}`}\n`);
    } finally {
      // Does nothing when it has ended.
      await jobs.cancel(job.id, 'who ran the test went away');
    }
  }
}

/** Of a test run. */
const TEST_MS = 60_000;
