/** Why queued steps wait: their jobs know, and only the queues can say it. */
import type { Step } from '../contract/instances.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { readJobs } from '../store/jobs.ts';
import type { Call } from './route.ts';

type Waiting = Pick<Step, 'status' | 'jobId' | 'waitReason'>;

/** A queued step waits for what its job waits for. */
export async function withReasons<One extends Waiting>(
  call: Pick<Call, 'caller' | 'sql'>,
  jobs: Pick<Jobs, 'explain'>,
  steps: readonly One[],
): Promise<readonly One[]> {
  const ids = steps.flatMap((step) => (step.status === 'queued' ? (step.jobId ?? []) : []));
  if (ids.length === 0) return steps;
  const explained = await jobs.explain(await readJobs(call.sql, { orgId: call.caller.orgId, ids }));
  const reasons = new Map(explained.map((job) => [job.id, job.waitReason]));
  return steps.map((step) => {
    const waitReason = step.status === 'queued' && step.jobId !== undefined ? reasons.get(step.jobId) : undefined;
    if (waitReason === undefined) return step;
    const own = step.waitReason;
    // That it had begun and gave way is told as long as it waits.
    return own?.kind === 'preempted'
      ? { ...step, waitReason: { ...waitReason, kind: own.kind, message: `${own.message}; ${waitReason.message}` } }
      : { ...step, waitReason };
  });
}
