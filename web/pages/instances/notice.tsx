/** Why an instance does not go on, and what to do: its error, what it waits for, what its steps wait for. */
import { CircleAlert, Clock, Pause } from 'lucide-preact';
import type { JSX } from 'preact';
import { now } from '../../ui/clock.ts';
import { formatRelative } from '../../ui/format.ts';
import { localTimes } from '../../state/local-times.ts';
import type { InstancePage } from '../../state/instance.ts';
import { QueuedWhy } from './queued-why.tsx';

export function Notice(props: { readonly page: InstancePage; readonly onSelect: (path: string) => void }): JSX.Element | null {
  const { instance, steps } = props.page;
  if (instance.status === 'failed') {
    const { error } = instance;
    return (
      <div class="notice notice-failed" role="status">
        <CircleAlert size={14} aria-hidden="true" />
        <div class="grow">
          <div>
            {error?.step !== undefined && <StepLink path={error.step} onSelect={props.onSelect} />} {error?.message ?? 'A step failed.'}{' '}
            <span class="notice-code">{error?.code}</span>
          </div>
          {error?.remedy !== undefined && <div class="notice-more">{error.remedy}</div>}
        </div>
      </div>
    );
  }
  if (instance.status === 'paused') {
    return (
      <div class="notice notice-paused" role="status">
        <Pause size={14} aria-hidden="true" />
        <div>Paused: what runs goes on to its end, nothing new starts. Resume goes on from here.</div>
      </div>
    );
  }
  const waiting = [...steps.values()].filter((step) => step.waitReason !== undefined && step.endedAt === null);
  const first = waiting[0];
  const reason = instance.waiting ?? first?.waitReason;
  if (instance.endedAt !== null || reason === undefined) return null;
  // Inside a map the step that waits is not held here: the message names it.
  const named = /^step (\S+): (.*)$/s.exec(reason.message);
  const path = named?.[1] ?? first?.path;
  return (
    <div class="notice notice-waiting" role="status">
      <Clock size={14} aria-hidden="true" />
      <div class="grow">
        {path !== undefined && <StepLink path={path} onSelect={props.onSelect} />}{' '}
        {first?.jobId !== undefined && instance.waiting === undefined ? (
          <QueuedWhy key={first.path} instanceId={instance.id} path={first.path} before={reason.message} />
        ) : (
          localTimes(named?.[2] ?? reason.message, now.value)
        )}
        {reason.until !== undefined && ` (${formatRelative(Date.parse(reason.until), now.value)})`}
        {waiting.length > 1 && `, and ${waiting.length - 1} more`}
      </div>
    </div>
  );
}

function StepLink(props: { readonly path: string; readonly onSelect: (path: string) => void }): JSX.Element {
  return (
    <button type="button" class="link-button mono" onClick={() => props.onSelect(props.path)}>
      {props.path}
    </button>
  );
}
