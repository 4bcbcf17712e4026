/** Why the job of a queued step waits, as the queue knows it now: asked again while it waits. */
import type { JSX } from 'preact';
import { call } from '../../api.ts';
import { localTimes } from '../../state/local-times.ts';
import { useResource } from '../../state/resource.ts';
import { now } from '../../ui/clock.ts';

// The reason depends on other jobs and on the queue, which tell nobody else.
const ASK_MS = 3_000;

export function QueuedWhy(props: { readonly jobId: string; readonly before: string }): JSX.Element {
  const job = useResource(async (signal) => await call('GET /api/v1/jobs/{id}', { params: { id: props.jobId }, signal }), [props.jobId], { everyMs: ASK_MS });
  return <>{localTimes(job.value?.waitReason?.message ?? props.before, now.value)}</>;
}
