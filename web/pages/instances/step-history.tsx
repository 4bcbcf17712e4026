/** What happened to a step, moment by moment. */
import type { JSX } from 'preact';
import { stepHistory } from '../../state/step-history.ts';
import type { StepAttempt, StepMoment } from '../../state/step-history.ts';
import { localTimes } from '../../state/local-times.ts';
import { now } from '../../ui/clock.ts';
import { formatDuration } from '../../ui/format.ts';
import { StatusShape } from '../../ui/status-chip.tsx';
import { RelativeTime } from '../../ui/time.tsx';

export function StepHistory(props: { readonly generations: Parameters<typeof stepHistory>[0]; readonly attempts: readonly StepAttempt[] }): JSX.Element | null {
  const moments = stepHistory(props.generations, props.attempts);
  const begun = moments[0]?.at;
  if (begun === undefined || begun === null) return null;
  return (
    <section class="step-history" aria-label="History">
      <h3 class="small muted">History</h3>
      <ol>
        {moments.map((moment, index) => (
          <Moment key={index} moment={moment} begunMs={Date.parse(begun)} />
        ))}
      </ol>
    </section>
  );
}

function Moment(props: { readonly moment: StepMoment; readonly begunMs: number }): JSX.Element {
  const { moment, begunMs } = props;
  return (
    <li>
      <StatusShape status={moment.status} />
      <span class="step-moment">
        {moment.title}
        {moment.detail !== '' && <span class="muted"> {localTimes(moment.detail, now.value)}</span>}
      </span>
      {moment.at !== null && (
        <>
          <span class="mono figures muted">+{formatDuration(Date.parse(moment.at) - begunMs)}</span>
          <RelativeTime at={moment.at} />
        </>
      )}
    </li>
  );
}
