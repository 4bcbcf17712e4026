/** Jobs of steps, in memory. */
import { isTerminalStep } from '../../contract/values.ts';
import { byId, type Part } from './answers.ts';
import type { JobEntry, Rows } from './rows.ts';

export function jobAnswers(rows: Rows): Part<'readJobResult' | 'listEndedJobs' | 'listStrayJobs'> {
  return {
    readJobResult(id) {
      const job = rows.jobs.get(id);
      return job === undefined ? undefined : { status: job.status, result: job.result, error: job.error, reason: job.reason };
    },
    listEndedJobs: (ids) => ids.filter((id) => !['queued', 'running', undefined].includes(rows.jobs.get(id)?.status)),
    listStrayJobs(limit) {
      const isStray = (job: JobEntry): boolean => {
        const step = rows.steps.get(job.instanceId)?.get(`${job.stepPath} ${job.stepGeneration}`);
        return (
          (job.status === 'queued' || job.status === 'running') &&
          (step === undefined || step.jobId !== job.id || isTerminalStep(step.status) || step.status === 'pending')
        );
      };
      return [...rows.jobs.values()]
        .filter(isStray)
        .toSorted(byId)
        .slice(0, limit)
        .map(({ id, status }) => ({ id, status }));
    },
  };
}
