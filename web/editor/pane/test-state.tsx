/** How the test stands: why it could not start, what runs, what stood for other nodes, and the way to stop it. */
import { Square } from 'lucide-preact';
import type { JSX } from 'preact';
import type { Answered } from '../../../src/contract/test-runs.ts';
import { href } from '../../route.ts';
import { Button } from '../../ui/button.tsx';
import { formatCount } from '../../ui/format.ts';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Duration } from '../../ui/time.tsx';
import { ErrorView } from '../../ui/views.tsx';
import type { LastRun } from '../last-run.ts';
import type { Tests } from '../tests.ts';

export function TestState(props: { readonly lastRun: LastRun; readonly tests: Tests }): JSX.Element | null {
  const { lastRun } = props;
  const error = lastRun.error.value;
  const instance = lastRun.instance.value;
  if (error !== undefined) {
    return (
      <div class="test-state">
        <ErrorView compact title="The test did not start" error={error} />
        <div class="row">
          {error.code === 'invalid_body' && (
            <Button size="small" onClick={() => props.tests.runWith({ kind: 'all' })}>
              Change the input…
            </Button>
          )}
          <Button size="small" kind="quiet" onClick={() => lastRun.clearError()}>
            Close
          </Button>
        </div>
      </div>
    );
  }
  if (instance === undefined) return null;
  const stood = lastRun.answered.value.filter((each) => each.by !== 'none');
  return (
    <div class="test-state" role="status">
      <div class="row">
        <StatusChip status={instance.status} />
        <Duration from={instance.startedAt} to={instance.endedAt} />
        <a class="truncate" href={href(`/instances/${instance.id}`)}>
          Test run
        </a>
        <span class="grow" />
        {lastRun.busy.value && (
          <Button size="small" icon={<Square size={12} />} onClick={() => void lastRun.stop()}>
            Stop
          </Button>
        )}
      </div>
      {stood.length > 0 && (
        <span class="faint" data-tip={stood.map((each) => `${each.key}: ${BY[each.by]}`).join('\n')}>
          {formatCount(stood.length, 'node')} did not run: {[...new Set(stood.map((each) => BY[each.by]))].join(', ')}
        </span>
      )}
    </div>
  );
}

const BY: Readonly<Record<Answered['by'], string>> = {
  pinned: 'pinned output',
  mock: 'pinned output',
  last: 'last output',
  skipped: 'skipped, as it was',
  none: 'not read',
};
