/** One job, live: its log, what it left, and its facts. */
import { Ban, Copy, RotateCw } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { CommandSpec } from '../../../src/contract/command.ts';
import type { Job } from '../../../src/contract/jobs.ts';
import { call } from '../../api.ts';
import { href, setParams, useParam } from '../../route.ts';
import { me } from '../../session.ts';
import { createJob } from '../../state/jobs.ts';
import { useResource } from '../../state/resource.ts';
import { useOwned } from '../../state/use-owned.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { AsCurl, CopyId } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { formatBytes, formatDuration } from '../../ui/format.ts';
import { useKeys } from '../../ui/keys.ts';
import { Progress } from '../../ui/meter.tsx';
import { Facts, Page } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { TabPanel, Tabs } from '../../ui/tabs.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { toastError } from '../../ui/toast.tsx';
import { Banner, View } from '../../ui/views.tsx';
import { JobArtifacts } from './artifacts.tsx';
import { JobLog } from './job-log.tsx';
import { canRetry, cancelJob, retryJob } from './jobs.tsx';
import { MetricsTab } from './metrics-tab.tsx';
import { NewJob } from './new-job.tsx';

const tabs = ['log', 'metrics', 'artifacts', 'facts'] as const;
const titles = { log: 'Log', metrics: 'Metrics', artifacts: 'Artifacts', facts: 'Facts' } as const;

export function JobPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const id = props.params['id'] ?? '';
  return <LoadedJob key={id} id={id} />;
}

function LoadedJob(props: { readonly id: string }): JSX.Element {
  const state = useOwned(() => createJob(props.id), [props.id]);
  const job = state.value.value;
  if (job === undefined) {
    return (
      <Page title="Job" trail={[{ label: 'Jobs', href: href('/jobs') }]}>
        <View of={{ value: job, error: state.error.value, reload: () => void state.reload() }} what="the job">
          {() => null}
        </View>
      </Page>
    );
  }
  return <JobView job={job} onChanged={() => void state.reload()} />;
}

function JobView(props: { readonly job: Job; readonly onChanged: () => void }): JSX.Element {
  const { job } = props;
  const [tabText] = useParam('tab');
  const tab = tabs.find((name) => name === tabText) ?? 'log';
  const [asking, setAsking] = useState(false);
  const [again, setAgain] = useState<CommandSpec>();
  const live = job.endedAt === null;
  useKeys({ c: () => live && setAsking(true) });
  const actions = (
    <>
      {job.instanceId !== undefined && (
        <ButtonLink href={href(`/instances/${job.instanceId}?step=${encodeURIComponent(job.stepPath ?? '')}`)}>Open its step</ButtonLink>
      )}
      <AsCurl method="GET" path={`api/v1/jobs/${job.id}/log?follow=true`} />
      {job.instanceId === undefined && me.value?.role === 'super_admin' && (
        <Button
          icon={<Copy size={14} />}
          onClick={() =>
            void call('GET /api/v1/jobs/{id}/spec', { params: { id: job.id } }).then(setAgain, (error: unknown) => toastError('Submit again', error))
          }
        >
          Submit again…
        </Button>
      )}
      {canRetry(job) && (
        <Button
          kind="primary"
          icon={<RotateCw size={14} />}
          onClick={() => void retryJob(job.id).then(props.onChanged, (error: unknown) => toastError('Retry', error))}
        >
          Retry
        </Button>
      )}
      {live && (
        <Button icon={<Ban size={14} />} hint="c" onClick={() => setAsking(true)}>
          Cancel
        </Button>
      )}
    </>
  );
  const toolbar = (
    <>
      <div class="instance-facts">
        <CopyId id={job.id} />
        <a href={href(`/jobs?filter=${encodeURIComponent(`queue:${job.queue}`)}`)}>queue {job.queue}</a>
        {job.group !== undefined && (
          <a href={href(`/jobs?filter=${encodeURIComponent(`group:${job.group.id}`)}`)}>
            {job.group.index + 1} of a group of {job.group.size}
          </a>
        )}
        <span>
          created <RelativeTime at={job.createdAt} />
        </span>
        <span>
          ran <Duration from={job.startedAt} to={job.endedAt} />
        </span>
        {job.exitCode !== undefined && <span class="mono">exit {job.exitCode}</span>}
        {job.signal !== undefined && <span class="mono">{job.signal}</span>}
      </div>
      <Tabs
        label="Views of the job"
        panelId="job-view"
        value={tab}
        onChange={(next) => setParams({ tab: next })}
        tabs={tabs.map((name) => ({ id: name, label: titles[name] }))}
      />
    </>
  );
  return (
    <Page
      title={job.name ?? job.stepPath ?? job.type}
      layout="fill"
      trail={[{ label: 'Jobs', href: href('/jobs') }]}
      aside={<StatusChip status={job.status} />}
      actions={actions}
      toolbar={toolbar}
    >
      {job.error !== undefined && (
        <Banner tone="bad">
          {job.error.message} {job.error.remedy}
        </Banner>
      )}
      {live && job.waitReason !== undefined && <Banner tone="note">{job.waitReason.message}</Banner>}
      {live && job.progress !== undefined && <Progress label="Progress" value={job.progress} />}
      <TabPanel id="job-view" label={titles[tab]}>
        {tab === 'log' && <JobLog key={`${job.id}.${job.attempts}`} jobId={job.id} live={live} />}
        {tab === 'metrics' && <MetricsTab job={job} />}
        {tab === 'artifacts' && (
          <div class="pane-body stack">
            <JobArtifacts jobIds={[job.id]} version={`${job.seq}`} archiveOf={job.id} />
          </div>
        )}
        {tab === 'facts' && <JobFacts job={job} />}
      </TabPanel>
      {again !== undefined && <NewJob spec={again} name={job.name} onClose={() => setAgain(undefined)} />}
      {asking && (
        <Confirm
          title="Cancel this job?"
          action="Cancel it"
          danger
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await cancelJob(job.id);
            props.onChanged();
          }}
        >
          Its process group gets TERM, a grace, then KILL; Studio then proves that nothing of it is left.
        </Confirm>
      )}
    </Page>
  );
}

/** What it waits for or waited for; nothing while there is nothing. */
function Dependencies(props: { readonly job: Job }): JSX.Element | null {
  const { job } = props;
  const found = useResource(
    async (signal) => (await call('GET /api/v1/jobs/{id}/dependencies', { params: { id: job.id }, query: { limit: 200 }, signal })).items,
    [job.id, job.status],
  );
  if (found.value === undefined || found.value.length === 0) return null;
  return (
    <section class="pane-section" aria-label="Runs after">
      <h2>Runs after</h2>
      <ul class="stack plain-list">
        {found.value.map((one) => (
          <li key={one.id} class="row">
            <StatusChip status={one.status} />
            <a href={href(`/jobs/${one.id}`)}>{one.name ?? one.id}</a>
            <span class="faint small">{one.condition === 'afterok' ? 'has to complete' : 'has to end'}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function JobFacts(props: { readonly job: Job }): JSX.Element {
  const { job } = props;
  const needs = [
    job.resources.gpus === undefined ? '' : `${job.resources.gpus} GPU`,
    job.resources.vramBytes === undefined ? '' : `${formatBytes(job.resources.vramBytes)} of device memory`,
    job.resources.cpu === undefined ? '' : `${job.resources.cpu} cores`,
    job.resources.memoryBytes === undefined ? '' : `${formatBytes(job.resources.memoryBytes)} of memory`,
    job.preemptible ? 'may be interrupted' : '',
  ].filter((text) => text !== '');
  return (
    <div class="pane-body">
      <Facts
        facts={[
          ['Type', <span class="mono">{job.type}</span>],
          ['Priority', String(job.priority)],
          ['Attempts', String(job.attempts)],
          ['Why', job.reason],
          ['Needs', needs.join(', ')],
          ['Limit', job.timeoutMs === null ? undefined : formatDuration(job.timeoutMs)],
          [
            'Values',
            Object.entries(job.group?.matrix ?? {})
              .map(([name, value]) => `${name} = ${String(value)}`)
              .join(', '),
          ],
          ['Worker', job.lease?.workerId],
          [
            'Labels',
            Object.entries(job.labels)
              .map(([key, value]) => `${key}:${value}`)
              .join(' '),
          ],
          ...Object.entries(job.metrics ?? {}).map(
            ([name, value]) => [name, name.toLowerCase().includes('bytes') ? formatBytes(value) : String(value)] as const,
          ),
        ]}
      />
      <Dependencies job={job} />
    </div>
  );
}
