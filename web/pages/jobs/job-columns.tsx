/** What the list of jobs tells of each, on a wide screen and on a phone. */
import { Ellipsis } from 'lucide-preact';
import type { JSX } from 'preact';
import type { Job } from '../../../src/contract/jobs.ts';
import { IdEnd } from '../../ui/copy.tsx';
import { FilterCell } from '../../ui/filter-bar.tsx';
import { Menu } from '../../ui/menu.tsx';
import type { MenuItem } from '../../ui/menu.tsx';
import { Stacked } from '../../ui/stacked.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import type { Column } from '../../ui/table.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';

type MenuOf = (job: Job) => readonly MenuItem[];

export function jobColumns(toggle: (name: string, value: string) => void, menuOf: MenuOf): readonly Column<Job>[] {
  return [
    {
      key: 'what',
      title: 'Job',
      render: (job) => <What job={job} />,
    },
    {
      key: 'id',
      title: 'Id',
      width: '88px',
      render: (job) => (
        <span class="faint">
          <IdEnd id={job.id} />
        </span>
      ),
      minor: true,
    },
    {
      key: 'status',
      title: 'Status',
      width: '142px',
      render: (job) => (
        <FilterCell label={`Only ${job.status}`} onFilter={() => toggle('status', job.status)}>
          <StatusChip status={job.status} />
        </FilterCell>
      ),
    },
    {
      key: 'queue',
      title: 'Queue',
      width: '110px',
      render: (job) => (
        <FilterCell label={`Only queue ${job.queue}`} onFilter={() => toggle('queue', job.queue)}>
          {job.queue}
        </FilterCell>
      ),
      minor: true,
    },
    { key: 'why', title: 'Why', minor: true, render: (job) => <Why job={job} /> },
    { key: 'priority', title: 'Priority', width: '64px', align: 'end', minor: true, render: (job) => job.priority },
    { key: 'created', title: 'Created', width: '88px', align: 'end', minor: true, render: (job) => <RelativeTime at={job.createdAt} /> },
    { key: 'took', title: 'Ran', width: '92px', align: 'end', minor: true, render: (job) => <Duration from={job.startedAt} to={job.endedAt} /> },
    menuColumn(menuOf),
  ];
}

/** As a phone shows them: what it is, how it stands, and why. */
export function narrowJobColumns(menuOf: MenuOf): readonly Column<Job>[] {
  return [
    {
      key: 'what',
      title: 'Job',
      render: (job) => (
        <Stacked title={<What job={job} />}>
          <StatusChip status={job.status} />
          <RelativeTime at={job.createdAt} />
          <span class="truncate">
            <Why job={job} />
          </span>
        </Stacked>
      ),
    },
    menuColumn(menuOf),
  ];
}

function menuColumn(menuOf: MenuOf): Column<Job> {
  return {
    key: 'menu',
    title: 'Actions',
    hideTitle: true,
    width: '52px',
    align: 'end',
    render: (job) => (
      <Menu label={`Actions of ${job.id}`} items={menuOf(job)} buttonClass="btn btn-icon btn-quiet btn-size-small">
        <Ellipsis size={14} />
      </Menu>
    ),
  };
}

function What({ job }: { readonly job: Job }): JSX.Element {
  if (job.instanceId !== undefined) return <span class="mono">{job.stepPath}</span>;
  return (
    <span class="strong">
      {job.name ?? job.type}
      {job.group !== undefined && <span class="faint figures"> #{job.group.index}</span>}
    </span>
  );
}

function Why(props: { readonly job: Job }): JSX.Element | null {
  const { job } = props;
  const text =
    job.error?.message ?? job.reason ?? (job.exitCode !== undefined && job.exitCode !== 0 ? `exit code ${job.exitCode}` : undefined) ?? job.waitReason?.message;
  return text === undefined ? null : (
    <span class={job.status === 'failed' || job.status === 'dead' ? 'why-failed' : 'why'} data-tip={text}>
      {text}
    </span>
  );
}
