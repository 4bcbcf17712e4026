/** Jobs: submitted, read, moved, ended, and their logs. */
import { Readable } from 'node:stream';
import { jobEndpoints } from '../../contract/jobs.ts';
import type { Job } from '../../contract/jobs.ts';
import { jobStatuses } from '../../contract/values.ts';
import { collapseLines } from '../../jobs/collapse.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { countOf, priorityOf } from '../../jobs/submit.ts';
import { parseRange } from '../../files/range.ts';
import { fail } from '../../kernel/fail.ts';
import { listDependencies } from '../../store/job-dependencies.ts';
import { readMetricSeries } from '../../store/job-metrics.ts';
import { listJobs, readJob, readJobSpec } from '../../store/jobs.ts';
import { labelOf, statusesOf } from '../filters.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export interface JobParts {
  readonly jobs: Pick<Jobs, 'submit' | 'cancel' | 'cancelJob' | 'retry' | 'setPriority' | 'explain' | 'followLog' | 'logBytes' | 'searchLog'>;
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
    'GET /api/v1/jobs/{id}/log': async (call) => {
      const job = await require(call, call.params.id);
      const { follow, from, collapse } = call.query;
      const read = { job, orgId: call.caller.orgId, signal: call.signal };
      if (collapse) return logResponse(collapseLines(jobs.followLog({ ...read, from, follow })));
      const size = follow ? 0 : await jobs.logBytes(job.id);
      // Nothing written yet is no fault of who asks for a part: a range may be passed over (RFC 9110, 14.2).
      const range = size === 0 ? undefined : parseRange(call.header('range'), size);
      if (range === 'unsatisfiable') return new Response(null, { status: 416, headers: { ...LOG_HEADERS, 'content-range': `bytes */${size}` } });
      if (range === undefined) return logResponse(jobs.followLog({ ...read, from, follow }));
      const part = firstBytes(jobs.followLog({ ...read, from: range.start, follow }), range.end - range.start + 1);
      return logResponse(part, { status: 206, headers: { 'content-range': `bytes ${range.start}-${range.end}/${size}` } });
    },
    'GET /api/v1/jobs/{id}/log/search': async (call) => {
      const { text, exact, from, limit } = call.query;
      const { id: jobId } = await require(call, call.params.id);
      return { body: await jobs.searchLog({ jobId, text, isExact: exact, from, limit, signal: call.signal }) };
    },
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
const LOG_HEADERS = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'accept-ranges': 'bytes' };

function logResponse(
  bytes: AsyncIterable<Buffer>,
  part: { readonly status: number; readonly headers: Readonly<Record<string, string>> } = { status: 200, headers: {} },
): Response {
  return new Response(Readable.toWeb(Readable.from(bytes, { objectMode: false })) as ReadableStream<Uint8Array>, {
    status: part.status,
    headers: { ...LOG_HEADERS, ...part.headers },
  });
}

async function* firstBytes(source: AsyncIterable<Buffer>, count: number): AsyncGenerator<Buffer> {
  let left = count;
  for await (const chunk of source) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}
