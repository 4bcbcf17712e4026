/** What is shown of a job beyond its row: the devices it holds, and what its command took before, with what to ask for next. */
import type { Job } from '../contract/jobs.ts';
import type { GpuLedger } from '../gpu/ledger-port.ts';
import type { Sql } from '../store/client.ts';
import { findJobSizes, type JobSize } from '../store/job-sizes.ts';

export async function withSizes(jobs: readonly Job[], parts: { readonly sql: Sql; readonly ledger: Pick<GpuLedger, 'leaseOf'> }): Promise<Job[]> {
  if (jobs.length === 0) return [];
  const sizes = await findJobSizes(
    parts.sql,
    jobs.map((job) => job.id),
  );
  return jobs.map((job) => {
    const size = sizes.get(job.id);
    const held = job.status === 'running' ? parts.ledger.leaseOf(job.id) : undefined;
    const devices = held?.devices.map(({ uuid, index, bytes }) => ({ uuid, index, bytes }));
    return {
      ...job,
      ...(job.lease === undefined || devices === undefined || devices.length === 0 ? {} : { lease: { ...job.lease, devices } }),
      ...(size === undefined ? {} : { suggested: suggestionOf(size) }),
    };
  });
}

/** Above the highest peak by this much: the next run is never quite the same. */
const MARGIN = 1.1;
const STEP_BYTES = 256 * 1024 ** 2;

function suggestionOf(size: JobSize): NonNullable<Job['suggested']> {
  const { vramBytes: peakVramBytes, memoryBytes: peakMemoryBytes, attempts } = size;
  const rounded = (bytes: number): number => Math.ceil((bytes * MARGIN) / STEP_BYTES) * STEP_BYTES;
  return {
    ...(peakVramBytes === 0 ? {} : { vramBytes: rounded(peakVramBytes), peakVramBytes }),
    ...(peakMemoryBytes === 0 ? {} : { memoryBytes: rounded(peakMemoryBytes), peakMemoryBytes }),
    attempts,
  };
}
