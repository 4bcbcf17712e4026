/** Logs of jobs: parts of them, live, searched, by time. */
import { Readable } from 'node:stream';
import { jobLogEndpoints } from '../../contract/job-logs.ts';
import type { Job } from '../../contract/jobs.ts';
import { parseRange } from '../../files/range.ts';
import { collapseLines } from '../../jobs/collapse.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { fail } from '../../kernel/fail.ts';
import { readJob } from '../../store/jobs.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export interface JobLogParts {
  readonly jobs: Pick<Jobs, 'followLog' | 'logBytes' | 'logTimes' | 'searchLog'>;
}

export function jobLogRoutes({ jobs }: JobLogParts): readonly Route[] {
  const require = async (call: Pick<Call, 'sql' | 'caller'>, id: string): Promise<Job> =>
    (await readJob(call.sql, { orgId: call.caller.orgId, id })) ?? fail('not_found', `There is no job ${id}.`);
  return routesOf(jobLogEndpoints, {
    'GET /api/v1/jobs/{id}/log': async (call) => {
      const job = await require(call, call.params.id);
      const { follow, collapse, at } = call.query;
      const from = at === undefined ? call.query.from : await byteAt(job.id, at);
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
    'GET /api/v1/jobs/{id}/log/times': async (call) => {
      const { from, to, limit, at } = call.query;
      const { id: jobId } = await require(call, call.params.id);
      const body = await jobs.logTimes({ jobId, from, to, limit, atMs: at === undefined ? undefined : Date.parse(at) });
      return { body: { ...body, times: [...body.times] } };
    },
  });

  async function byteAt(jobId: string, at: string): Promise<number> {
    const { byteAt: byte } = await jobs.logTimes({ jobId, from: 0, to: 0, limit: 1, atMs: Date.parse(at) });
    return byte ?? 0;
  }
}

const LOG_HEADERS = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'accept-ranges': 'bytes' };

/** A log as it comes. */
export function logResponse(
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
