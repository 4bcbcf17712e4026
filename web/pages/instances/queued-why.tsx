/** Why the job of a queued step waits, as the queue knows it now: read again when jobs, queues or leases changed. */
import type { JSX } from 'preact';
import type { Envelope } from '../../../src/contract/events.ts';
import type { WaitReason } from '../../../src/contract/instances.ts';
import { call } from '../../api.ts';
import { me } from '../../session.ts';
import { localTimes } from '../../state/local-times.ts';
import { useResource } from '../../state/resource.ts';
import { now } from '../../ui/clock.ts';

// The line moves with every job: more often nobody can read the words.
const LEAST_MS = 1_000;

const moves = (event: Envelope): boolean => event.event_type.startsWith('jobs:') || event.event_type.startsWith('gpu:');

export function QueuedWhy(props: { readonly instanceId: string; readonly path: string; readonly before: string }): JSX.Element {
  const { instanceId, path } = props;
  const found = useResource<{ readonly reason: WaitReason | undefined; readonly cursor: string }>(
    async (signal) => {
      const { items, cursor } = await call('GET /api/v1/instances/{id}/steps', { params: { id: instanceId }, query: { path, limit: 50 }, signal });
      return { reason: items.at(-1)?.waitReason, cursor };
    },
    [instanceId, path],
    {
      follow: {
        rooms: ['system', `org:${me.value?.orgId ?? ''}`],
        apply: (value, event) => (moves(event) ? 'reload' : value),
        reloadAfterMs: LEAST_MS,
      },
    },
  );
  return <>{localTimes(found.value?.reason?.message ?? props.before, now.value)}</>;
}
