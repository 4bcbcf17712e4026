/** One workflow: its graph, its editor, its versions, what triggers it, and its runs. */
import { Ellipsis, Play } from 'lucide-preact';
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { call, urlOf } from '../../api.ts';
import { GraphPane } from '../../graph/graph-pane.tsx';
import { graphModel } from '../../graph/model.ts';
import { formatJson } from '../../form/json-format.ts';
import { go, href, setParams, useParam } from '../../route.ts';
import { useOwned } from '../../state/use-owned.ts';
import { useResource } from '../../state/resource.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import { nodeTypes } from '../../state/node-types.ts';
import { createWorkflow } from '../../state/workflows.ts';
import { useCommands } from '../../shell/commands.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl, CopyButton, CopyId } from '../../ui/copy.tsx';
import { useKeys } from '../../ui/keys.ts';
import { lazyView } from '../../ui/lazy-view.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Page, Split } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { TabPanel, Tabs } from '../../ui/tabs.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Banner, View } from '../../ui/views.tsx';
import type { EditorTabProps } from '../../editor/editor.tsx';
import { InstancesTab } from './instances-tab.tsx';
import { NodePane } from './node-pane.tsx';
import { RunDialog } from './run-dialog.tsx';
import { TriggersTab } from './triggers-tab.tsx';
import { VersionsTab } from './versions-tab.tsx';
import { Archive } from './workflows.tsx';

const EditorTab = lazyView<EditorTabProps>(async () => (await import('../../editor/editor.tsx')).EditorTab, 'the editor');

const tabs = ['graph', 'editor', 'versions', 'triggers', 'instances'] as const;
type TabName = (typeof tabs)[number];
const titles: Readonly<Record<TabName, string>> = { graph: 'Graph', editor: 'Editor', versions: 'Versions', triggers: 'Triggers', instances: 'Instances' };

export function WorkflowPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const id = props.params['id'] ?? '';
  return <LoadedWorkflow key={id} id={id} />;
}

function LoadedWorkflow(props: { readonly id: string }): JSX.Element {
  const state = useOwned(() => createWorkflow(props.id), [props.id]);
  const value = state.value.value;
  if (value === undefined) {
    return (
      <Page title="Workflow" trail={[{ label: 'Workflows', href: href('/workflows') }]}>
        <View of={{ value, error: state.error.value, reload: () => void state.reload() }} what="the workflow">
          {() => null}
        </View>
      </Page>
    );
  }
  return <WorkflowView state={state} workflow={value} />;
}

function WorkflowView(props: { readonly state: Snapshot<Workflow>; readonly workflow: Workflow }): JSX.Element {
  const { workflow, state } = props;
  const [tabText] = useParam('tab');
  const tab = tabs.find((name) => name === tabText) ?? 'graph';
  const [asking, setAsking] = useState<'run' | 'archive'>();
  // In the editor `e` is the canvas's.
  useKeys({ r: () => setAsking('run'), ...(tab === 'editor' ? {} : { e: () => setParams({ tab: 'editor' }) }) });
  useCommands([
    { id: 'workflow-run', title: `Run ${workflow.name}`, group: 'This page', run: () => setAsking('run') },
    { id: 'workflow-edit', title: `Edit ${workflow.name}`, group: 'This page', run: () => setParams({ tab: 'editor' }) },
  ]);
  const exportHref = (format: 'json' | 'yaml'): string => urlOf('/api/v1/workflows/{id}/export', { id: workflow.id }, { format }).href;
  const copy = async (): Promise<void> => {
    try {
      const made = await call('POST /api/v1/workflows/{id}/copy', { params: { id: workflow.id }, body: {} });
      toast({ text: `${made.name} is made; its triggers are off` });
      go(`/workflows/${made.id}?tab=editor`);
    } catch (error) {
      toastError('Make a copy', error);
    }
  };
  const show = (next: TabName): void => setParams({ tab: next, node: '' });
  const actions = (
    <>
      <AsCurl method="GET" path={`api/v1/workflows/${workflow.id}`} />
      <CopyButton text={formatJson({ name: workflow.name, description: workflow.description, ...workflow.definition })} label="Copy as JSON" />
      <Menu
        label="More"
        items={[
          { label: 'Its instances', href: href(`/instances?filter=${encodeURIComponent(`workflow:${workflow.id}`)}`) },
          { label: 'Export as JSON', href: exportHref('json'), separated: true },
          { label: 'Export as YAML', href: exportHref('yaml') },
          { label: 'Make a copy', onSelect: () => void copy() },
          { label: 'Archive…', danger: true, separated: true, onSelect: () => setAsking('archive') },
        ]}
      >
        <Ellipsis size={16} />
      </Menu>
      <Button
        kind={tab === 'editor' ? 'normal' : 'primary'}
        icon={<Play size={14} />}
        hint="r"
        onClick={() => setAsking('run')}
        disabled={workflow.archivedAt !== null}
      >
        Run
      </Button>
    </>
  );
  const facts = (
    <div class="instance-facts">
      <CopyId id={workflow.id} />
      <span>version {workflow.version}</span>
      <span>
        published <RelativeTime at={workflow.updatedAt} />
      </span>
      {workflow.lastInstance !== null && (
        <a href={href(`/instances/${workflow.lastInstance.id}`)}>
          <StatusChip status={workflow.lastInstance.status} bare /> <RelativeTime at={workflow.lastInstance.createdAt} />
        </a>
      )}
      {workflow.description !== '' && <span class="truncate">{workflow.description}</span>}
    </div>
  );
  const toolbar = (
    <>
      {tab !== 'editor' && facts}
      <Tabs
        label="Views of the workflow"
        panelId="workflow-view"
        value={tab}
        onChange={show}
        tabs={tabs.map((name) => ({ id: name, label: titles[name], ...(name === 'triggers' ? { count: workflow.triggers.length } : {}) }))}
      />
    </>
  );
  return (
    <Page title={workflow.name} layout="fill" trail={[{ label: 'Workflows', href: href('/workflows') }]} actions={actions} toolbar={toolbar}>
      {workflow.archivedAt !== null && <Banner tone="warn">This workflow is archived and starts nothing. It is deleted 30 days after it was archived.</Banner>}
      <TabPanel id="workflow-view" label={titles[tab]}>
        {tab === 'graph' && <GraphTab workflow={workflow} />}
        {tab === 'editor' && <EditorTab key={workflow.id} workflow={workflow} onPublished={() => void state.reload()} />}
        {tab === 'versions' && <VersionsTab workflow={workflow} onRestored={() => void state.reload()} />}
        {tab === 'triggers' && <TriggersTab workflow={workflow} onChanged={() => void state.reload()} />}
        {tab === 'instances' && <InstancesTab workflow={workflow} />}
      </TabPanel>
      {asking === 'run' && <RunDialog workflowId={workflow.id} name={workflow.name} onClose={() => setAsking(undefined)} />}
      {asking === 'archive' && <Archive workflow={workflow} onClose={() => setAsking(undefined)} onDone={() => go('/workflows')} />}
    </Page>
  );
}

function GraphTab(props: { readonly workflow: Workflow }): JSX.Element {
  const { definition } = props.workflow;
  const [selected] = useParam('node');
  const types = useResource(async () => await nodeTypes(), []);
  const model = useMemo(() => graphModel({ definition, types: types.value ?? new Map() }), [definition, types.value]);
  const node = definition.nodes.find((each) => each.key === selected);
  const select = (key: string | undefined): void => setParams({ node: key ?? '' });
  useKeys({ escape: () => select(undefined) });
  const detail =
    node === undefined ? undefined : (
      <NodePane node={node} type={types.value?.get(node.type)} workflowId={props.workflow.id} onClose={() => select(undefined)} />
    );
  return (
    <Split label={`Node ${selected}`} detail={detail}>
      <GraphPane model={model} definition={definition} label={`Graph of ${props.workflow.name}`} selected={node?.key} onSelect={select} />
    </Split>
  );
}
