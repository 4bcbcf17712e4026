/** One instance, live: its status and reasons, the graph as it runs, the timeline, steps, events, and what came out. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { call } from '../../api.ts';
import { go, href, setParams, useParam } from '../../route.ts';
import { containersOf } from '../../state/body-counts.ts';
import { useBodySteps, useItemCounts } from '../../state/body-steps.ts';
import { createInstance } from '../../state/instance.ts';
import type { InstancePage as InstanceFacts, InstanceState } from '../../state/instance.ts';
import { useOwned } from '../../state/use-owned.ts';
import { copyText } from '../../ui/clipboard.ts';
import { AsCurl, CopyId } from '../../ui/copy.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { useKeys } from '../../ui/keys.ts';
import { Menu } from '../../ui/menu.tsx';
import { isNarrow } from '../../ui/narrow.ts';
import { Page, Split } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { TabPanel, Tabs } from '../../ui/tabs.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { useCommands } from '../../shell/commands.ts';
import { actionsOf, can, runAction } from './actions.ts';
import type { InstanceAction } from './actions.ts';
import { CompareDialog } from './compare-dialog.tsx';
import { EventsTab } from './events-tab.tsx';
import { GraphTab } from './graph-tab.tsx';
import { Notice } from './notice.tsx';
import { RerunDialog } from './rerun-dialog.tsx';
import { ResultPane } from './result-pane.tsx';
import type { ShownInstance } from './shown-instance.ts';
import { StepPane } from './step-pane.tsx';
import { StepsTab } from './steps-tab.tsx';
import { TimelineTab } from './timeline-tab.tsx';
import { Ellipsis } from 'lucide-preact';

const tabs = ['graph', 'timeline', 'steps', 'result', 'events'] as const;
type TabName = (typeof tabs)[number];
const tabTitles: Readonly<Record<TabName, string>> = { graph: 'Graph', timeline: 'Timeline', steps: 'Steps', result: 'Result', events: 'Events' };

export function InstancePage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const id = props.params['id'] ?? '';
  return <LoadedInstance key={id} id={id} />;
}

function LoadedInstance(props: { readonly id: string }): JSX.Element {
  const state = useOwned(() => createInstance(props.id), [props.id]);
  const value = state.value.value;
  const viewed = { value, error: state.error.value, reload: () => void state.reload() };
  if (value === undefined || value.deleted) {
    return (
      <Page title="Instance" trail={[{ label: 'Instances', href: href('/instances') }]}>
        {value?.deleted === true ? (
          <Empty title="This instance was deleted">Its steps and its log are gone; files and artifacts that it wrote are kept.</Empty>
        ) : (
          <View of={viewed} what="the instance">
            {() => null}
          </View>
        )}
      </Page>
    );
  }
  return <InstanceView state={state} page={value} />;
}

type Asking = 'cancel' | 'delete' | 'compare' | { readonly from: string | undefined };

function InstanceView(props: { readonly state: InstanceState; readonly page: InstanceFacts }): JSX.Element {
  const { state, page } = props;
  const { instance } = page;
  const [tabText] = useParam('tab');
  const [stepPath] = useParam('step');
  const [pane] = useParam('pane');
  const tab = tabs.find((name) => name === tabText) ?? (isNarrow.value ? 'timeline' : 'graph');
  const [asking, setAsking] = useState<Asking>();
  const step = stepPath === '' ? undefined : page.steps.get(stepPath);
  const containers = useMemo(() => containersOf(page.definition), [page.definition]);
  const begun = [...containers].filter((key) => page.steps.get(key) !== undefined && page.steps.get(key)?.status !== 'skipped');
  const counts = useItemCounts(page, begun);
  const bodies = useBodySteps(page, (error) => toastError('Read the items', error));
  const topCount = [...page.steps.keys()].filter((path) => !path.includes('[')).length;
  const missing = stepPath !== '' && step === undefined;
  useEffect(() => {
    // Steps inside maps and loops are read when they are asked for.
    if (missing && stepPath.includes('[')) state.fetchStep(stepPath).catch((error: unknown) => toastError('Read the step', error));
  }, [missing, stepPath]);
  const select = (path: string | undefined): void => setParams({ step: path ?? '' });
  const act = async (action: InstanceAction): Promise<void> => {
    if (action === 'cancel') return setAsking('cancel');
    await runAction(instance.id, action).then(
      (next) => state.put(next),
      (error: unknown) => toastError(action, error),
    );
  };
  useKeys({ escape: () => select(undefined), c: () => can(instance.status, 'cancel') && setAsking('cancel'), r: () => setAsking({ from: undefined }) });
  useCommands([
    ...actionsOf(instance.status).map((look) => ({
      id: `instance-${look.action}`,
      title: `${look.label} this instance`,
      group: 'This page',
      run: () => void act(look.action),
    })),
    { id: 'instance-compare', title: 'Compare with another instance', group: 'This page', keys: 'v', words: 'diff', run: () => setAsking('compare') },
    {
      id: 'instance-run-page',
      title: 'Open the page for people who only run',
      group: 'This page',
      words: 'share form',
      run: () => go(`/run/${instance.workflowId}?run=${instance.id}`),
    },
    ...(instance.traceId === undefined
      ? []
      : [
          {
            id: 'instance-trace',
            title: 'Copy its trace id',
            group: 'This page',
            words: 'tracing opentelemetry',
            run: () => void copyText(instance.traceId ?? '').then((done) => done && toast({ text: 'Trace id copied' })),
          },
        ]),
  ]);
  const shown: ShownInstance = { page, bodies, containers, counts, selected: stepPath === '' ? undefined : stepPath, onSelect: select };
  const detail =
    step !== undefined ? (
      <StepPane key={step.path} state={state} page={page} step={step} onClose={() => select(undefined)} onRerunFrom={(from) => setAsking({ from })} />
    ) : isNarrow.value || (tab !== 'graph' && tab !== 'timeline') ? undefined : (
      <ResultPane state={state} page={page} />
    );
  return (
    <Page
      title={instance.workflowName}
      layout="fill"
      trail={[{ label: 'Instances', href: href('/instances') }]}
      aside={<StatusChip status={instance.status} />}
      actions={<Actions page={page} onAct={(action) => void act(action)} onAsk={setAsking} />}
      toolbar={
        <>
          <Facts page={page} />
          <Tabs
            label="Views of the instance"
            panelId="instance-view"
            value={tab}
            onChange={(next) => setParams({ tab: next })}
            tabs={tabs.map((name) => ({ id: name, label: tabTitles[name], ...(name === 'steps' ? { count: topCount } : {}) }))}
          />
        </>
      }
    >
      <Notice page={page} onSelect={select} />
      <Split wide={step !== undefined && pane === 'log'} label={step === undefined ? 'Result' : `Step ${step.path}`} detail={detail}>
        <TabPanel id="instance-view" label={tabTitles[tab]}>
          {tab === 'graph' && <GraphTab {...shown} />}
          {tab === 'timeline' && <TimelineTab {...shown} />}
          {tab === 'steps' && <StepsTab {...shown} />}
          {tab === 'result' && <ResultPane state={state} page={page} />}
          {tab === 'events' && <EventsTab instanceId={instance.id} seq={page.seq} />}
        </TabPanel>
      </Split>
      {asking === 'cancel' && (
        <Confirm
          title="Cancel this instance?"
          action="Cancel it"
          danger
          onClose={() => setAsking(undefined)}
          onConfirm={async () => state.put(await runAction(instance.id, 'cancel'))}
        >
          Running steps are stopped and their processes ended. Results so far are kept, and a retry can go on from there.
        </Confirm>
      )}
      {asking === 'delete' && (
        <Confirm
          title="Delete this instance?"
          action="Delete"
          danger
          onClose={() => setAsking(undefined)}
          onConfirm={async () => {
            await call('DELETE /api/v1/instances/{id}', { params: { id: instance.id } });
            toast({ text: 'Instance deleted' });
            go('/instances');
          }}
        >
          Its steps, results and log are deleted with it. This can’t be undone. Files that it wrote are kept.
        </Confirm>
      )}
      {asking === 'compare' && <CompareDialog instance={instance} onClose={() => setAsking(undefined)} />}
      {typeof asking === 'object' && <RerunDialog instanceId={instance.id} from={asking.from} onClose={() => setAsking(undefined)} />}
    </Page>
  );
}

function Actions(props: {
  readonly page: InstanceFacts;
  readonly onAct: (action: InstanceAction) => void;
  readonly onAsk: (asking: Asking) => void;
}): JSX.Element {
  const { instance } = props.page;
  const over = instance.endedAt !== null;
  const looks = actionsOf(instance.status);
  const more = [
    { label: 'Compare with…', hint: 'v', onSelect: () => props.onAsk('compare') },
    { label: 'Open the workflow', href: href(`/workflows/${instance.workflowId}`) },
    { label: 'Page for people who only run', href: href(`/run/${instance.workflowId}?run=${instance.id}`) },
    ...(over ? [{ label: 'Delete…', danger: true, separated: true, onSelect: () => props.onAsk('delete') }] : []),
  ];
  return (
    <>
      {looks.map((look) => (
        <Button
          key={look.action}
          kind={look.action === 'retry' || look.action === 'resume' || look.action === 'start' ? 'primary' : 'normal'}
          onClick={() => props.onAct(look.action)}
          {...(look.action === 'cancel' ? { hint: 'c' } : {})}
        >
          {look.label}
        </Button>
      ))}
      <Button hint="r" onClick={() => props.onAsk({ from: undefined })}>
        Rerun…
      </Button>
      <AsCurl method="GET" path={`api/v1/instances/${instance.id}`} />
      <Menu label="More" items={more}>
        <Ellipsis size={16} />
      </Menu>
    </>
  );
}

function Facts(props: { readonly page: InstanceFacts }): JSX.Element {
  const { instance } = props.page;
  return (
    <div class="instance-facts">
      <CopyId id={instance.id} />
      <span>
        <a href={href(`/workflows/${instance.workflowId}?tab=versions`)}>version {instance.version}</a>
      </span>
      <span>
        {instance.startedBy} · <RelativeTime at={instance.createdAt} />
      </span>
      <span>
        took <Duration from={instance.startedAt} to={instance.endedAt} />
      </span>
      {instance.traceId !== undefined && (
        <span>
          trace <CopyId id={instance.traceId} what="trace id" short />
        </span>
      )}
      {instance.parent !== undefined && (
        <span>
          called by{' '}
          <a class="mono" href={href(`/instances/${instance.parent.instanceId}?step=${encodeURIComponent(instance.parent.path)}`)}>
            {instance.parent.instanceId}
          </a>
        </span>
      )}
      {instance.debug === true && <span class="label-tag">debug mode</span>}
      {instance.rerunOf !== undefined && (
        <span>
          rerun of{' '}
          <a class="mono" href={href(`/instances/${instance.rerunOf}`)}>
            {instance.rerunOf}
          </a>
        </span>
      )}
      <span class="label-list">
        {Object.entries(instance.labels).map(([key, value]) => (
          <a key={key} class="label-tag truncate" href={href(`/instances?filter=${encodeURIComponent(`label:${key}:${value}`)}`)}>
            {key}:{value}
          </a>
        ))}
      </span>
    </div>
  );
}
