/** Every step of an instance as a table: newest activity keeps its place, a click opens the step. */
import type { JSX } from 'preact';
import type { Step } from '../../../src/contract/instances.ts';
import { href } from '../../route.ts';
import { localTimes } from '../../state/local-times.ts';
import { now } from '../../ui/clock.ts';
import { cardStatus } from '../../graph/model.ts';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { Banner, Empty } from '../../ui/views.tsx';
import type { ShownInstance } from './graph-tab.tsx';

const columns: readonly Column<Step>[] = [
  { key: 'status', title: 'Status', width: '132px', render: (step) => <StatusChip status={cardStatus({ status: step.status, step })} /> },
  { key: 'path', title: 'Step', render: (step) => <span class="mono">{step.path}</span> },
  {
    key: 'why',
    title: 'Why',
    render: (step) => (
      <span class={step.error === undefined ? 'why' : 'why-failed'}>
        {localTimes(step.error?.message ?? step.waitReason?.message ?? step.reason ?? '', now.value)}
      </span>
    ),
    minor: true,
  },
  { key: 'generation', title: 'Gen.', width: '52px', align: 'end', render: (step) => step.generation, minor: true },
  { key: 'attempt', title: 'Try', width: '48px', align: 'end', render: (step) => step.attempt, minor: true },
  {
    key: 'job',
    title: 'Job',
    width: '160px',
    minor: true,
    render: (step) =>
      step.jobId === undefined ? (
        <span class="faint">inline</span>
      ) : (
        <a class="mono" href={href(`/jobs/${step.jobId}`)}>
          {step.jobId}
        </a>
      ),
  },
  { key: 'started', title: 'Started', width: '88px', align: 'end', render: (step) => <RelativeTime at={step.startedAt} />, minor: true },
  { key: 'took', title: 'Took', width: '84px', align: 'end', render: (step) => <Duration from={step.startedAt} to={step.endedAt} /> },
];

export function StepsTab(props: ShownInstance): JSX.Element {
  const { page } = props;
  return (
    <>
      {page.partial && (
        <Banner tone="note">
          This instance has more steps than a page holds; the first {page.steps.size} are shown. All of them: GET /api/v1/instances/{page.instance.id}/steps.
        </Banner>
      )}
      <Table
        label="Steps"
        columns={columns}
        rows={[...page.steps.values()]}
        rowKey={(step) => step.path}
        openKey={props.selected}
        onOpen={(step) => props.onSelect(step.path)}
        empty={<Empty title="No step yet">Steps appear as their turn comes.</Empty>}
      />
    </>
  );
}
