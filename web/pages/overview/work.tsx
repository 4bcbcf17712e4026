/** Cards of work: what runs, what waits with the reason, what failed lately. The same for the same reason is one line with a count. */
import { href } from '../../route.ts';
import { localTimes } from '../../state/local-times.ts';
import { now } from '../../ui/clock.ts';
import { Progress } from '../../ui/meter.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusShape } from '../../ui/status-chip.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { formatPercent } from '../../ui/format.ts';
import type { JSX } from 'preact';
import type { WorkList, WorkView } from '../../state/overview.ts';
import type { WorkLine } from '../../state/work-lines.ts';

// As many lines as a card shows without scrolling.
const ROWS = 8;

export function WorkCards({ work }: { readonly work: WorkView }): JSX.Element {
  return (
    <div class="overview-work">
      <WorkCard title="Running" list={work.running} all="/instances?filter=status:running" none="Nothing runs." isTicking />
      <WorkCard title="Waiting" list={work.waiting} all="/instances?filter=status:pending,waiting,paused" none="Nothing waits." />
      <WorkCard title="Failed this week" list={work.failed} all="/instances?filter=status:failed" none="Nothing failed." />
    </div>
  );
}

interface WorkCardProps {
  readonly title: string;
  readonly list: WorkList;
  readonly all: string;
  readonly none: string;
  /** Shows for how long instead of since when. */
  readonly isTicking?: boolean;
}

function WorkCard(props: WorkCardProps): JSX.Element {
  const { lines, count, more } = props.list;
  return (
    <Card
      title={props.title}
      flush
      aside={
        <>
          <span class="count">
            {count}
            {more && '+'}
          </span>
          <a class="small" href={href(props.all)} aria-label={`All: ${props.title}`}>
            All
          </a>
        </>
      }
    >
      {lines.length === 0 ? (
        <p class="work-none faint">{props.none}</p>
      ) : (
        <ul class="work-list">
          {lines.slice(0, ROWS).map((line) => (
            <Line key={line.key} line={line} isTicking={props.isTicking === true} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Line({ line, isTicking }: { readonly line: WorkLine; readonly isTicking: boolean }): JSX.Element {
  return (
    <li>
      <a class="work-row" href={href(line.path)}>
        <StatusShape status={line.status} label />
        <span class="work-words">
          <span class="row">
            <span class="strong truncate" data-tip={line.title}>
              {line.title}
            </span>
            {line.count > 1 && <span class="count">×{line.count}</span>}
          </span>
          {line.note !== undefined && (
            <span class="muted truncate" data-tip={localTimes(line.note, now.value)}>
              {localTimes(line.note, now.value)}
            </span>
          )}
          {line.progress !== undefined && <Progress label={`${line.title}: ${formatPercent(line.progress)}`} value={line.progress} />}
        </span>
        <span class="faint small">{isTicking ? <Duration from={line.at} /> : <RelativeTime at={line.at} />}</span>
      </a>
    </li>
  );
}
