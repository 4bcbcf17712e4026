/** A group of jobs, an array or a matrix: how far it is, and what can be done with all of it at once. */
import type { JSX } from 'preact';
import { jobStatuses } from '../../../src/contract/values.ts';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { formatCount } from '../../ui/format.ts';
import { StatusChip } from '../../ui/status-chip.tsx';
import { toastError } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';

const AGAIN_MS = 2_000;

export function GroupBar(props: { readonly id: string; readonly onChanged: () => void }): JSX.Element {
  const params = { id: props.id };
  const group = useResource(async (signal) => await call('GET /api/v1/job-groups/{id}', { params, signal }), [props.id], { everyMs: AGAIN_MS });
  const told = (what: string, work: Promise<boolean>): void => void work.then(props.onChanged, (error: unknown) => toastError(what, error));
  const cancel = useAction(async () => group.set(await call('POST /api/v1/job-groups/{id}/cancel', { params })));
  const retry = useAction(async () => group.set(await call('POST /api/v1/job-groups/{id}/retry', { params })));
  return (
    <View of={group} what="the group">
      {({ size, counts }) => (
        <div class="group-counts" role="group" aria-label="Group of jobs">
          <span class="small muted">{formatCount(size, 'job')}</span>
          {jobStatuses
            .filter((status) => counts[status] > 0)
            .map((status) => (
              <span key={status} class="row">
                <StatusChip status={status} />
                <span class="figures small">{counts[status]}</span>
              </span>
            ))}
          <span class="grow" />
          {counts.failed + counts.cancelled + counts.dead > 0 && (
            <Button size="small" busy={retry.busy} onClick={() => told('Retry', retry.run())}>
              Retry what did not complete
            </Button>
          )}
          {counts.queued + counts.running > 0 && (
            <Button size="small" busy={cancel.busy} onClick={() => told('Cancel', cancel.run())}>
              Cancel all
            </Button>
          )}
        </div>
      )}
    </View>
  );
}
