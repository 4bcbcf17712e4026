/** Cards of work: running, waiting with the reason, failed lately with what to do, completed lately. */
import { href } from '../../route.ts';
import { waitWords } from '../../state/overview.ts';
import { Card } from '../../ui/page.tsx';
import { StatusShape } from '../../ui/status-chip.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import type { ComponentChildren, JSX } from 'preact';
import type { InstanceSummary } from '../../../src/contract/instances.ts';
import type { WorkView } from '../../state/overview.ts';

export function WorkCards(props: { readonly work: WorkView }): JSX.Element {
  const { work } = props;
  const waitingCount = work.waiting.length + work.queuedJobs.length;
  return (
    <div class="overview-work">
      <WorkCard title="Running" count={work.running.length} more={work.more.running} all="/instances?filter=status:running" none="Nothing runs.">
        {work.running.map((one) => (
          <WorkRow
            key={one.id}
            status={one.status}
            title={one.workflowName}
            path={instancePath(one)}
            aside={<Duration from={one.startedAt ?? one.createdAt} />}
          />
        ))}
      </WorkCard>
      <WorkCard
        title="Waiting"
        count={waitingCount}
        more={work.more.waiting || work.more.queuedJobs}
        all="/instances?filter=status:pending,waiting,paused"
        none="Nothing waits."
      >
        {work.waiting.map((one) => (
          <WorkRow
            key={one.id}
            status={one.status}
            title={one.workflowName}
            path={instancePath(one)}
            note={waitWords(one)}
            aside={<RelativeTime at={one.createdAt} />}
          />
        ))}
        {work.queuedJobs.map((job) => (
          <WorkRow
            key={job.id}
            status={job.status}
            title={`${job.stepPath ?? job.type} on ${job.queue}`}
            path={`/jobs/${job.id}`}
            note={waitWords(job)}
            aside={<RelativeTime at={job.createdAt} />}
          />
        ))}
      </WorkCard>
      <WorkCard title="Failed this week" count={work.failed.length} more={work.more.failed} all="/instances?filter=status:failed" none="Nothing failed.">
        {work.failed.map((one) => (
          <WorkRow
            key={one.id}
            status={one.status}
            title={one.workflowName}
            path={instancePath(one)}
            note={failureWords(one)}
            aside={<RelativeTime at={one.endedAt ?? one.createdAt} />}
          />
        ))}
      </WorkCard>
      <WorkCard
        title="Completed this week"
        count={work.completed.length}
        more={work.more.completed}
        all="/instances?filter=status:completed"
        none="Nothing completed yet."
      >
        {work.completed.map((one) => (
          <WorkRow
            key={one.id}
            status={one.status}
            title={one.workflowName}
            path={instancePath(one)}
            aside={<RelativeTime at={one.endedAt ?? one.createdAt} />}
          />
        ))}
      </WorkCard>
    </div>
  );
}

function instancePath(instance: InstanceSummary): string {
  return `/instances/${instance.id}`;
}

function failureWords(instance: InstanceSummary): string {
  const { error } = instance;
  if (error === undefined) return 'No reason was recorded.';
  return `${error.step === undefined ? '' : `${error.step}: `}${error.message}`;
}

interface WorkCardProps {
  readonly title: string;
  readonly count: number;
  readonly more: boolean;
  readonly all: string;
  readonly none: string;
  readonly children: ComponentChildren;
}

function WorkCard(props: WorkCardProps): JSX.Element {
  return (
    <Card
      title={props.title}
      flush
      aside={
        <>
          <span class="count">
            {props.count}
            {props.more && '+'}
          </span>
          <a class="small" href={href(props.all)} aria-label={`All: ${props.title}`}>
            All
          </a>
        </>
      }
    >
      {props.count === 0 ? <p class="work-none faint">{props.none}</p> : <ul class="work-list">{props.children}</ul>}
    </Card>
  );
}

function WorkRow(props: {
  readonly status: string;
  readonly title: string;
  readonly path: string;
  readonly note?: string;
  readonly aside: ComponentChildren;
}): JSX.Element {
  return (
    <li>
      <a class="work-row" href={href(props.path)}>
        <StatusShape status={props.status} label />
        <span class="work-words">
          <span class="strong truncate">{props.title}</span>
          {props.note !== undefined && (
            <span class="muted truncate" data-tip={props.note}>
              {props.note}
            </span>
          )}
        </span>
        <span class="faint small">{props.aside}</span>
      </a>
    </li>
  );
}
