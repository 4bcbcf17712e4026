/** One step in detail: output, input, log, attempts, artifacts, its job, and what can be done to it. */
import { Ellipsis, X } from 'lucide-preact';
import { useEffect } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Step } from '../../../src/contract/instances.ts';
import { call, urlOf } from '../../api.ts';
import { href, setParams, useParam } from '../../route.ts';
import { fetchText } from '../../state/fetch-text.ts';
import { localTimes } from '../../state/local-times.ts';
import type { InstancePage, InstanceState } from '../../state/instance.ts';
import { useResource } from '../../state/resource.ts';
import { IconButton } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { formatAbsolute, formatBytes } from '../../ui/format.ts';
import { JsonView } from '../../ui/json-view.tsx';
import { LogView } from '../../ui/log-view.tsx';
import { Menu } from '../../ui/menu.tsx';
import type { MenuItem } from '../../ui/menu.tsx';
import { Progress } from '../../ui/meter.tsx';
import { Facts } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { TabPanel, Tabs } from '../../ui/tabs.tsx';
import { Duration } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { JobArtifacts } from '../jobs/artifacts.tsx';
import { JobLog } from '../jobs/job-log.tsx';
import { WaitCard } from './wait-card.tsx';
import { QueuedWhy } from './queued-why.tsx';

export interface StepPaneProps {
  readonly state: InstanceState;
  readonly page: InstancePage;
  readonly step: Step;
  readonly onClose: () => void;
  readonly onRerunFrom: (path: string) => void;
}

const views = ['result', 'log', 'attempts', 'artifacts'] as const;
type ViewName = (typeof views)[number];
const titles: Readonly<Record<ViewName, string>> = { result: 'Result', log: 'Log', attempts: 'Attempts', artifacts: 'Artifacts' };

export function StepPane(props: StepPaneProps): JSX.Element {
  const { state, page, step } = props;
  const [chosen] = useParam('pane');
  const shown = views.filter((name) => name !== 'artifacts' || step.jobId !== undefined);
  const view = shown.find((name) => name === chosen) ?? 'result';
  const outdated = page.outdated.has(step.path);
  useEffect(() => {
    if (outdated) state.fetchStep(step.path).catch((error: unknown) => toastError('Read the step', error));
  }, [outdated, step.path]);
  return (
    <div class="pane">
      <div class="pane-head">
        <h2 class="truncate mono" data-tip={step.path}>
          {step.path}
        </h2>
        <StatusChip status={step.status} />
        <Menu label={`Actions of ${step.path}`} items={menuOf(props)}>
          <Ellipsis size={16} />
        </Menu>
        <IconButton label="Close the step" hint="escape" icon={<X size={16} />} onClick={props.onClose} />
      </div>
      <div class="pane-tabs">
        <Tabs
          label="Views of the step"
          panelId="step-view"
          value={view}
          onChange={(next) => setParams({ pane: next })}
          tabs={shown.map((name) => ({ id: name, label: titles[name], ...(name === 'attempts' ? { count: step.attempt } : {}) }))}
        />
      </div>
      <TabPanel id="step-view" label={titles[view]}>
        {view === 'result' && <Result state={state} page={page} step={step} />}
        {view === 'log' &&
          (step.jobId === undefined ? (
            <StepLog instanceId={page.instance.id} step={step} />
          ) : (
            <JobLog key={step.jobId} jobId={step.jobId} live={step.endedAt === null} />
          ))}
        {view === 'attempts' && <Attempts instanceId={page.instance.id} step={step} />}
        {view === 'artifacts' && (
          <div class="pane-body">
            <JobArtifacts jobIds={step.jobId === undefined ? [] : [step.jobId]} version={`${step.seq}`} />
          </div>
        )}
      </TabPanel>
    </div>
  );
}

function Result(props: Pick<StepPaneProps, 'state' | 'page' | 'step'>): JSX.Element {
  const { step } = props;
  const time = (at: string | null): string | undefined => (at === null ? undefined : formatAbsolute(Date.parse(at)));
  return (
    <div class="pane-body">
      {step.error !== undefined && (
        <div class="error-view error-compact" role="status">
          <div class="grow">
            <div class="strong">{step.error.message}</div>
            <div class="faint mono">{step.error.code}</div>
            {step.error.remedy !== undefined && <div>{step.error.remedy}</div>}
            {step.error.details !== undefined && <JsonView value={step.error.details} label="Details of the error" />}
          </div>
        </div>
      )}
      {step.waitReason !== undefined && (
        <p class="why">
          {step.jobId !== undefined && step.status === 'queued' ? (
            <QueuedWhy jobId={step.jobId} before={step.waitReason.message} />
          ) : (
            localTimes(step.waitReason.message, now.value)
          )}
        </p>
      )}
      <WaitCard key={`${step.generation}.${step.seq}`} instance={props.page.instance} step={step} onInstance={props.state.put} />
      {step.endedAt === null && step.progress !== undefined && (
        <section class="pane-section" aria-label="Progress">
          <Progress label={`Progress of ${step.path}`} value={step.progress.fraction} />
          <p class="muted">
            {Math.round(step.progress.fraction * 100)} %{step.progress.message === undefined ? '' : ` · ${step.progress.message}`}
          </p>
        </section>
      )}
      <section class="pane-section" aria-label="Output">
        <h3>Output</h3>
        <Output step={step} />
      </section>
      <section class="pane-section" aria-label="Input">
        <h3>Input, after expressions</h3>
        {step.input === null ? (
          <p class="muted">{step.startedAt === null ? 'Not evaluated yet.' : 'Nothing was kept.'}</p>
        ) : (
          <JsonView value={step.input} label="Input" />
        )}
      </section>
      <Facts
        facts={[
          ['Took', <Duration from={step.startedAt} to={step.endedAt} />],
          ['Why', step.reason],
          ['Queued', time(step.queuedAt)],
          ['Started', time(step.startedAt)],
          ['Ended', time(step.endedAt)],
          ['Generation', step.generation > 1 ? String(step.generation) : undefined],
          [
            'Job',
            step.jobId === undefined ? undefined : (
              <a class="mono" href={href(`/jobs/${step.jobId}`)}>
                {step.jobId}
              </a>
            ),
          ],
          ['Worker', step.workerId],
        ]}
      />
    </div>
  );
}

function Output(props: { readonly step: Step }): JSX.Element {
  const { step } = props;
  if (step.endedAt === null) return <p class="muted">Not there yet.</p>;
  const large = largeOf(step.output);
  if (large === undefined) return <JsonView value={step.output} label="Output" pathPrefix={`steps.${step.key}.output`} />;
  return (
    <p>
      <a href={urlOf('/api/v1/artifacts/{id}', { id: large.id }).href} download={`${step.key}.json`}>
        Download the output
      </a>{' '}
      <span class="muted">({formatBytes(large.bytes)}, kept as a file; expressions read it as if it were here)</span>
    </p>
  );
}

/** A result that is too large for its row. */
function largeOf(output: Step['output']): { readonly id: string; readonly bytes: number } | undefined {
  const held = typeof output === 'object' && output !== null && !Array.isArray(output) ? output['$artifact'] : undefined;
  if (typeof held !== 'object' || held === null || Array.isArray(held)) return undefined;
  const { id, bytes } = held;
  return typeof id === 'string' && typeof bytes === 'number' ? { id, bytes } : undefined;
}

const MAX_LOG_BYTES = 4 * 1024 * 1024;

/** The log of a step that ran inside Studio: read again when the step changes. */
function StepLog(props: { readonly instanceId: string; readonly step: Step }): JSX.Element {
  const { step } = props;
  const url = urlOf('/api/v1/instances/{id}/steps/{path}/log', { id: props.instanceId, path: step.path });
  const loaded = useResource(async (signal) => await fetchText(url, { maxBytes: MAX_LOG_BYTES, signal }), [url.href, step.seq]);
  return (
    <View of={loaded} what="the log">
      {({ text }) => (
        <LogView
          label={`Log of ${step.path}`}
          lines={text === '' ? [] : text.replace(/\n$/, '').split('\n')}
          downloadHref={url.href}
          downloadName={`${step.key}.log`}
          empty="This step wrote nothing. console.log in code.js and the log node write here."
        />
      )}
    </View>
  );
}

function Attempts(props: { readonly instanceId: string; readonly step: Step }): JSX.Element {
  const { step } = props;
  const loaded = useResource(
    async (signal) =>
      await call('GET /api/v1/instances/{id}/steps/{path}/attempts', { params: { id: props.instanceId, path: step.path }, query: { limit: 200 }, signal }),
    [props.instanceId, step.path, step.seq],
  );
  return (
    <View of={loaded} what="attempts">
      {(page) => (
        <div class="pane-body">
          <Table
            label="Attempts"
            inline
            keys={false}
            columns={[
              {
                key: 'n',
                title: 'Try',
                width: '64px',
                render: (row) => <span class="mono">{row.generation > 1 ? `${row.generation}.${row.attempt}` : row.attempt}</span>,
              },
              { key: 'status', title: 'Status', width: '120px', render: (row) => <StatusChip status={row.status} /> },
              {
                key: 'why',
                title: 'Why',
                render: (row) => (
                  <span class="why-failed" data-tip={row.error?.message}>
                    {row.error?.message ?? ''}
                  </span>
                ),
              },
              { key: 'took', title: 'Took', width: '76px', align: 'end', render: (row) => <Duration from={row.startedAt} to={row.endedAt} /> },
            ]}
            rows={page.items}
            rowKey={(row) => `${row.generation}.${row.attempt}`}
            empty={<Empty title="No attempt yet">It has not had its turn.</Empty>}
          />
        </div>
      )}
    </View>
  );
}

function menuOf(props: StepPaneProps): readonly MenuItem[] {
  const { page, step, state } = props;
  const command = async (name: 'retry' | 'skip' | 'cancel', done: string): Promise<void> => {
    try {
      const reply = await call(`POST /api/v1/instances/{id}/steps/{path}/${name}`, { params: { id: page.instance.id, path: step.path } });
      state.put(reply.instance);
      toast({ text: reply.effect === 'isolated' ? `${done}. The steps after it keep their results.` : done });
    } catch (error) {
      toastError(`${name} ${step.path}`, error);
    }
  };
  const over = step.endedAt !== null;
  return [
    { label: 'Rerun from here…', onSelect: () => props.onRerunFrom(step.path) },
    ...(over ? [{ label: 'Run this step again', onSelect: () => void command('retry', 'Runs again') }] : []),
    ...(!over ? [{ label: 'Skip', onSelect: () => void command('skip', 'Skipped') }] : []),
    ...(!over && step.status !== 'pending' ? [{ label: 'Cancel this step', danger: true, onSelect: () => void command('cancel', 'Cancelled') }] : []),
    ...(step.jobId === undefined ? [] : [{ label: 'Open its job', separated: true, href: href(`/jobs/${step.jobId}`) }]),
  ];
}
