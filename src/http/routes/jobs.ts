/** Jobs, their logs and what they left. */
import { Readable } from 'node:stream';
import { jobEndpoints } from '../../contract/jobs.ts';
import type { Job } from '../../contract/jobs.ts';
import { jobStatuses } from '../../contract/values.ts';
import type { Files } from '../../files/files.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { parseRange } from '../../files/range.ts';
import { fail } from '../../kernel/fail.ts';
import { listArtifacts, readArtifact } from '../../store/artifacts.ts';
import { listJobs, readJob } from '../../store/jobs.ts';
import { bytesResponse } from '../bytes.ts';
import { labelOf, statusesOf } from '../filters.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export interface JobParts {
  readonly jobs: Pick<Jobs, 'submit' | 'cancelJob' | 'retry' | 'explain' | 'followLog' | 'logBytes'>;
  readonly files: Pick<Files, 'open'>;
}

export function jobRoutes({ jobs, files }: JobParts): readonly Route[] {
  const require = async (call: Pick<Call, 'sql' | 'caller'>, id: string): Promise<Job> =>
    (await readJob(call.sql, { orgId: call.caller.orgId, id })) ?? fail('not_found', `There is no job ${id}.`);
  const explained = async (job: Job): Promise<Job> => (await jobs.explain([job]))[0] ?? job;
  return routesOf(jobEndpoints, {
    'POST /api/v1/jobs': async (call) => {
      const ids = Array.from({ length: call.body.array ?? 1 }, () => call.newId('job'));
      // A try before this one may have committed and died before it could say so.
      const made = call.isRepeat ? await readJob(call.sql, { orgId: call.caller.orgId, id: ids[0] ?? '' }) : undefined;
      const job = made ?? (await jobs.submit({ orgId: call.caller.orgId, caller: call.caller, body: call.body, ids, requestId: call.requestId })).job;
      return { body: { ids, job: await explained(job) }, headers: { location: `/api/v1/jobs/${job.id}` } };
    },
    'GET /api/v1/jobs': async (call) => {
      const { limit, after, status, queue, instanceId, label, since } = call.query;
      const cursor = await call.cursor();
      const found = await listJobs(call.sql, {
        orgId: call.caller.orgId,
        statuses: statusesOf(status, jobStatuses),
        queue,
        instanceId,
        label: labelOf(label),
        since,
        after,
        limit: limit + 1,
      });
      const shown = pageOf(found, { limit, after: (job) => job.id, cursor });
      return { body: { ...shown, items: await jobs.explain(shown.items) } };
    },
    'GET /api/v1/jobs/{id}': async (call) => ({ body: await explained(await require(call, call.params.id)) }),
    'POST /api/v1/jobs/{id}/cancel': async (call) => ({
      body: await jobs.cancelJob({ orgId: call.caller.orgId, id: call.params.id, reason: 'cancelled by hand' }),
    }),
    'POST /api/v1/jobs/{id}/retry': async (call) => ({
      body: await explained(await jobs.retry({ orgId: call.caller.orgId, id: call.params.id, requestId: call.requestId })),
    }),
    'GET /api/v1/jobs/{id}/log': async (call) => {
      const job = await require(call, call.params.id);
      const { follow, from } = call.query;
      const read = { job, orgId: call.caller.orgId, signal: call.signal };
      const size = follow ? 0 : await jobs.logBytes(job.id);
      const range = follow ? undefined : parseRange(call.header('range'), size);
      if (range === 'unsatisfiable') return new Response(null, { status: 416, headers: { ...LOG_HEADERS, 'content-range': `bytes */${size}` } });
      if (range === undefined) return logResponse(jobs.followLog({ ...read, from, follow }));
      const part = firstBytes(jobs.followLog({ ...read, from: range.start, follow }), range.end - range.start + 1);
      return logResponse(part, { status: 206, headers: { 'content-range': `bytes ${range.start}-${range.end}/${size}` } });
    },
    'GET /api/v1/jobs/{id}/artifacts': async (call) => {
      const { limit, after } = call.query;
      const cursor = await call.cursor();
      const { orgId } = call.caller;
      const { id } = await require(call, call.params.id);
      return {
        body: pageOf(await listArtifacts(call.sql, { orgId, jobId: id, after, limit: limit + 1 }), { limit, after: (artifact) => artifact.id, cursor }),
      };
    },
    'GET /api/v1/artifacts/{id}': async (call) => {
      const { orgId } = call.caller;
      const artifact = (await readArtifact(call.sql, { orgId, id: call.params.id })) ?? fail('not_found', `There is no artifact ${call.params.id}.`);
      if (call.query.meta) return Response.json(artifact);
      return bytesResponse(
        { ...artifact, name: artifact.name.split('/').at(-1) ?? artifact.name, open: (range) => files.open(orgId, artifact.sha256, range) },
        call.request,
      );
    },
  });
}

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
