/** All jobs, live, and the queues they wait on. */
import { Cpu, Plus } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { jobStatuses } from '../../../src/contract/values.ts';
import type { Job } from '../../../src/contract/jobs.ts';
import { call } from '../../api.ts';
import { formatFilter, go, href, parseFilter, useFilter } from '../../route.ts';
import { me } from '../../session.ts';
import { matchesLabels, matchesWords, toggleTerm, unknownTerms } from '../../state/filter.ts';
import { createJobs, jobTerms } from '../../state/jobs.ts';
import { useOwned } from '../../state/use-owned.ts';
import { Button } from '../../ui/button.tsx';
import { FilterBar, StatusFacet } from '../../ui/filter-bar.tsx';
import { formatRead } from '../../ui/format.ts';
import { useKeys } from '../../ui/keys.ts';
import type { MenuItem } from '../../ui/menu.tsx';
import { isNarrow } from '../../ui/narrow.ts';
import { Page } from '../../ui/page.tsx';
import { STACKED_ROW_PX } from '../../ui/stacked.tsx';
import { Table } from '../../ui/table.tsx';
import { LinkTabs } from '../../ui/tabs.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { GroupBar } from './group.tsx';
import { jobColumns, narrowJobColumns } from './job-columns.tsx';
import { NewJob } from './new-job.tsx';

/** Jobs and queues are two pages of one place. */
export function JobTabs(props: { readonly current: 'jobs' | 'queues' | 'workers' }): JSX.Element {
  return (
    <LinkTabs
      label="Jobs, queues and workers"
      tabs={[
        { href: href('/jobs'), label: 'Jobs', current: props.current === 'jobs' },
        { href: href('/queues'), label: 'Queues', current: props.current === 'queues' },
        { href: href('/workers'), label: 'Workers', current: props.current === 'workers' },
      ]}
    />
  );
}

export async function cancelJob(id: string): Promise<void> {
  await call('POST /api/v1/jobs/{id}/cancel', { params: { id } });
  toast({ text: 'Cancelled: the process is asked to end, then ended' });
}

export async function retryJob(id: string): Promise<void> {
  await call('POST /api/v1/jobs/{id}/retry', { params: { id } });
  toast({ text: 'Queued again' });
}

/** A job of a step is retried by its instance; a direct one by itself. */
export function canRetry(job: Job): boolean {
  return job.instanceId === undefined && job.endedAt !== null && job.status !== 'completed';
}

export function JobsPage(): JSX.Element {
  const { text, filter, set } = useFilter();
  const orgId = me.value?.orgId ?? '';
  const state = useOwned(() => createJobs(parseFilter(text), orgId), [text, orgId]);
  const [cursor, setCursor] = useState<Job>();
  const [making, setMaking] = useState(false);
  const groupId = filter.terms['group']?.[0];
  const toggle = (name: string, value: string): void => set(formatFilter(toggleTerm(filter, name, value)));
  const list = state.value.value;
  const rows = (list?.rows ?? []).filter(
    (job) => matchesWords(filter, [job.id, job.name ?? '', job.type, job.queue, job.stepPath ?? '']) && matchesLabels(filter, job.labels),
  );
  const act = (what: string, run: Promise<void>): void => void run.catch((error: unknown) => toastError(what, error));
  useKeys({ c: () => cursor !== undefined && cursor.endedAt === null && act('Cancel', cancelJob(cursor.id)), n: () => state.showNew() });
  const menuOf = (job: Job): readonly MenuItem[] => [
    { label: 'Open', href: href(`/jobs/${job.id}`) },
    ...(job.instanceId === undefined
      ? []
      : [{ label: 'Open its instance', href: href(`/instances/${job.instanceId}?step=${encodeURIComponent(job.stepPath ?? '')}`) }]),
    ...(job.endedAt === null ? [{ label: 'Cancel', danger: true, hint: 'c', onSelect: () => act('Cancel', cancelJob(job.id)) }] : []),
    ...(canRetry(job) ? [{ label: 'Retry', onSelect: () => act('Retry', retryJob(job.id)) }] : []),
    ...(job.group === undefined ? [] : [{ label: 'Only its group', onSelect: () => toggle('group', job.group?.id ?? '') }]),
    { label: `Only queue ${job.queue}`, separated: true, onSelect: () => toggle('queue', job.queue) },
    { label: `Only ${job.status}`, onSelect: () => toggle('status', job.status) },
  ];
  const toolbar = (
    <>
      <JobTabs current="jobs" />
      <FilterBar
        text={text}
        onChange={set}
        label="Filter jobs"
        placeholder="status:queued queue:gpu group:grp_… words"
        unknown={unknownTerms(filter, jobTerms)}
        known={jobTerms}
      >
        <StatusFacet statuses={jobStatuses} on={filter.terms['status'] ?? []} onToggle={(status) => toggle('status', status)} />
      </FilterBar>
      {groupId !== undefined && <GroupBar key={groupId} id={groupId} onChanged={() => void state.reload()} />}
    </>
  );
  return (
    <Page
      title="Jobs"
      layout="fill"
      toolbar={toolbar}
      actions={
        me.value?.role === 'super_admin' ? (
          <Button kind="primary" icon={<Plus size={14} />} onClick={() => setMaking(true)}>
            New job
          </Button>
        ) : undefined
      }
      aside={list === undefined ? undefined : <span class="faint small figures">{formatRead(rows.length, list.next !== null, 'job')}</span>}
    >
      <View of={{ value: list, error: state.error.value, reload: () => void state.reload() }} what="jobs">
        {(shown) => (
          <Table
            label="Jobs"
            columns={isNarrow.value ? narrowJobColumns(menuOf) : jobColumns(toggle, menuOf)}
            narrowRowPx={STACKED_ROW_PX}
            rows={rows}
            rowKey={(job) => job.id}
            rowHref={(job) => href(`/jobs/${job.id}`)}
            onOpen={(job) => go(`/jobs/${job.id}`)}
            onCursor={setCursor}
            newCount={shown.held.length + shown.heldMore}
            onShowNew={() => state.showNew()}
            onEnd={() => void state.more().catch((error: unknown) => toastError('Load more', error))}
            empty={
              text === '' ? (
                <Empty icon={<Cpu size={24} />} title="No job yet">
                  Steps that run as processes of their own, and commands sent here or to POST /api/v1/jobs, are jobs. They wait on a queue for a slot.
                </Empty>
              ) : (
                <Empty title="Nothing matches this filter" action={<Button onClick={() => set('')}>Clear the filter</Button>} />
              )
            }
          />
        )}
      </View>
      {making && <NewJob onClose={() => setMaking(false)} />}
    </Page>
  );
}
