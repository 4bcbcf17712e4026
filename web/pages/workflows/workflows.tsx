/** All workflows: search, how the last run went, run at once, make a new one, bring one in, try the example. */
import { Ellipsis, Play, Plus, Workflow } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { WorkflowSummary } from '../../../src/contract/workflows.ts';
import { call } from '../../api.ts';
import { go, href, useParam } from '../../route.ts';
import { me } from '../../session.ts';
import { useOwned } from '../../state/use-owned.ts';
import { createWorkflows } from '../../state/workflows.ts';
import { useCommands } from '../../shell/commands.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Input } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { useKeys } from '../../ui/keys.ts';
import { Menu } from '../../ui/menu.tsx';
import { Page } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { TryExample } from './example.tsx';
import { isExample } from './example.ts';
import { ImportWorkflow } from './import-workflow.tsx';
import { NewWorkflow } from './new-workflow.tsx';
import { RunDialog } from './run-dialog.tsx';

type Asking = { readonly kind: 'new' | 'import' } | { readonly kind: 'run' | 'archive'; readonly workflow: WorkflowSummary };

export function WorkflowsPage(): JSX.Element {
  const [search, setSearch] = useParam('search');
  const orgId = me.value?.orgId ?? '';
  const state = useOwned(() => createWorkflows(search, orgId), [search, orgId]);
  const [asking, setAsking] = useState<Asking>();
  const [cursor, setCursor] = useState<WorkflowSummary>();
  const list = state.value.value;
  useKeys({ n: () => setAsking({ kind: 'new' }), r: () => cursor !== undefined && setAsking({ kind: 'run', workflow: cursor }) });
  useCommands([
    { id: 'workflow-new', title: 'New workflow', group: 'This page', words: 'create add', run: () => setAsking({ kind: 'new' }) },
    { id: 'workflow-import', title: 'Import a workflow', group: 'This page', words: 'file json yaml', run: () => setAsking({ kind: 'import' }) },
  ]);
  // Who has workflows of their own was here before.
  const example = list?.workflows.length === 1 ? list.workflows.find(isExample) : undefined;
  const close = (): void => setAsking(undefined);
  return (
    <Page
      title="Workflows"
      layout="fill"
      aside={
        list === undefined ? undefined : (
          <span class="faint small figures">
            {formatCount(list.workflows.length, 'workflow')}
            {list.next === null ? '' : '+'}
          </span>
        )
      }
      toolbar={<Search text={search} onChange={setSearch} />}
      actions={
        <>
          <Button onClick={() => setAsking({ kind: 'import' })}>Import…</Button>
          <Button kind="primary" icon={<Plus size={14} />} hint="n" onClick={() => setAsking({ kind: 'new' })}>
            New workflow
          </Button>
        </>
      }
    >
      <View of={{ value: list, error: state.error.value, reload: () => void state.reload() }} what="workflows">
        {(shown) => (
          <>
            {example !== undefined && search === '' && <TryExample workflow={example} />}
            <Table
              label="Workflows"
              density="normal"
              columns={columnsOf(setAsking)}
              rows={shown.workflows}
              rowKey={(workflow) => workflow.id}
              rowHref={(workflow) => href(`/workflows/${workflow.id}`)}
              onOpen={(workflow) => go(`/workflows/${workflow.id}`)}
              onCursor={setCursor}
              onEnd={() => void state.more().catch((error: unknown) => toastError('Load more', error))}
              empty={<NoWorkflows search={search} onNew={() => setAsking({ kind: 'new' })} onClear={() => setSearch('')} />}
            />
          </>
        )}
      </View>
      {asking?.kind === 'new' && <NewWorkflow onClose={close} />}
      {asking?.kind === 'import' && <ImportWorkflow onClose={close} />}
      {asking?.kind === 'run' && <RunDialog workflowId={asking.workflow.id} name={asking.workflow.name} onClose={close} />}
      {asking?.kind === 'archive' && <Archive workflow={asking.workflow} onClose={close} onDone={() => void state.reload()} />}
    </Page>
  );
}

function Search(props: { readonly text: string; readonly onChange: (text: string) => void }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(props.text);
  useEffect(() => setTyped(props.text), [props.text]);
  useEffect(() => {
    if (typed === props.text) return undefined;
    const timer = setTimeout(() => props.onChange(typed), 250);
    return () => clearTimeout(timer);
  }, [typed]);
  useKeys({ '/': () => input.current?.focus() });
  return (
    <div class="search-field">
      <Input inputRef={input} type="search" label="Search workflows" placeholder="Search by name" value={typed} onInput={setTyped} autocomplete="off" />
    </div>
  );
}

function columnsOf(ask: (asking: Asking) => void): readonly Column<WorkflowSummary>[] {
  return [
    { key: 'name', title: 'Name', render: (workflow) => <span class="strong">{workflow.name}</span> },
    { key: 'about', title: 'About', render: (workflow) => <span class="muted">{workflow.description}</span>, minor: true },
    {
      key: 'version',
      title: 'Version',
      width: '104px',
      minor: true,
      render: (workflow) => (
        <span class="figures">
          v{workflow.version}
          {workflow.hasDraft && <span class="faint"> · draft</span>}
        </span>
      ),
    },
    { key: 'nodes', title: 'Nodes', width: '64px', align: 'end', minor: true, render: (workflow) => workflow.nodeCount },
    {
      key: 'last',
      title: 'Last run',
      width: '140px',
      render: (workflow) =>
        workflow.lastInstance === null ? (
          <span class="faint">never</span>
        ) : (
          <a href={href(`/instances/${workflow.lastInstance.id}`)}>
            <StatusChip status={workflow.lastInstance.status} />
          </a>
        ),
    },
    { key: 'when', title: 'When', width: '88px', align: 'end', minor: true, render: (workflow) => <RelativeTime at={workflow.lastInstance?.createdAt} /> },
    {
      key: 'actions',
      title: 'Actions',
      hideTitle: true,
      width: '80px',
      align: 'end',
      render: (workflow) => (
        <span class="row-actions">
          <IconButton size="small" label={`Run ${workflow.name}`} icon={<Play size={14} />} onClick={() => ask({ kind: 'run', workflow })} />
          <Menu
            label={`Actions of ${workflow.name}`}
            buttonClass="btn btn-icon btn-quiet btn-size-small"
            items={[
              { label: 'Run…', onSelect: () => ask({ kind: 'run', workflow }) },
              { label: 'Edit', href: href(`/workflows/${workflow.id}?tab=editor`) },
              { label: 'Its instances', href: href(`/instances?filter=${encodeURIComponent(`workflow:${workflow.id}`)}`) },
              { label: 'Archive…', danger: true, separated: true, onSelect: () => ask({ kind: 'archive', workflow }) },
            ]}
          >
            <Ellipsis size={14} />
          </Menu>
        </span>
      ),
    },
  ];
}

export function Archive(props: {
  readonly workflow: { readonly id: string; readonly name: string };
  readonly onClose: () => void;
  readonly onDone: () => void;
}): JSX.Element {
  const archive = async (): Promise<void> => {
    await call('DELETE /api/v1/workflows/{id}', { params: { id: props.workflow.id } });
    toast({ text: `${props.workflow.name} is archived for 30 days` });
    props.onDone();
  };
  return (
    <Confirm title={`Archive ${props.workflow.name}?`} action="Archive" danger onConfirm={archive} onClose={props.onClose}>
      Its triggers stop. It is kept for 30 days; its instances stay readable. Live instances must end or be cancelled first.
    </Confirm>
  );
}

function NoWorkflows(props: { readonly search: string; readonly onNew: () => void; readonly onClear: () => void }): JSX.Element {
  if (props.search !== '')
    return <Empty title={`No workflow is called “${props.search}”`} action={<Button onClick={props.onClear}>Clear the search</Button>} />;
  return (
    <Empty
      icon={<Workflow size={24} />}
      title="No workflows yet"
      action={
        <Button kind="primary" onClick={props.onNew}>
          New workflow
        </Button>
      }
    >
      A workflow is a graph of steps that survives crashes: it reads files, runs code and commands, calls services, and goes on where it was.
    </Empty>
  );
}
