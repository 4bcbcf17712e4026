/** All instances, live: filter in the URL, facets, selection with bulk actions. */
import { CirclePlay } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { instanceStatuses } from '../../../src/contract/values.ts';
import type { InstanceSummary } from '../../../src/contract/instances.ts';
import { formatFilter, go, href, parseFilter, useFilter } from '../../route.ts';
import { me } from '../../session.ts';
import { matchesLabels, matchesWords, toggleTerm, unknownTerms } from '../../state/filter.ts';
import { createInstances, instanceTerms } from '../../state/instances.ts';
import { useOwned } from '../../state/use-owned.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { FilterBar, StatusFacet } from '../../ui/filter-bar.tsx';
import { formatCount } from '../../ui/format.ts';
import { useKeys } from '../../ui/keys.ts';
import type { MenuItem } from '../../ui/menu.tsx';
import { Page } from '../../ui/page.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { actionsOf, can, runAction, runOnAll } from './actions.ts';
import type { InstanceAction } from './actions.ts';
import { InstanceTable, openRowMenu } from './instance-table.tsx';
import { RerunDialog } from './rerun-dialog.tsx';

export function InstancesPage(): JSX.Element {
  const { text, filter, set } = useFilter();
  const orgId = me.value?.orgId ?? '';
  const state = useOwned(() => createInstances(parseFilter(text), orgId), [text, orgId]);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState<InstanceSummary>();
  const [asking, setAsking] = useState<Asking>();
  useEffect(() => setSelected(new Set()), [text]);
  const toggle = (name: string, value: string): void => set(formatFilter(toggleTerm(filter, name, value)));
  const list = state.value.value;
  const rows = (list?.rows ?? []).filter((row) => matchesWords(filter, [row.id, row.workflowName, row.startedBy]) && matchesLabels(filter, row.labels));
  const act = async (row: InstanceSummary, action: InstanceAction): Promise<void> => {
    if (action === 'cancel') return setAsking({ kind: 'cancel', ids: [row.id] });
    await runAction(row.id, action).then(
      () => toast({ text: `${row.workflowName}: ${action} done` }),
      (error: unknown) => toastError(`${action} ${row.id}`, error),
    );
  };
  useKeys({
    c: () => cursor !== undefined && can(cursor.status, 'cancel') && setAsking({ kind: 'cancel', ids: [cursor.id] }),
    r: () => cursor !== undefined && setAsking({ kind: 'rerun', id: cursor.id }),
    '.': () => cursor !== undefined && openRowMenu(cursor.id),
    n: () => state.showNew(),
  });
  const menuOf = (row: InstanceSummary): readonly MenuItem[] => [
    { label: 'Open', href: href(`/instances/${row.id}`), hint: 'enter' },
    { label: 'Open its workflow', href: href(`/workflows/${row.workflowId}`) },
    ...actionsOf(row.status).map((look) => ({
      label: look.label,
      danger: look.action === 'cancel',
      onSelect: () => void act(row, look.action),
      ...(look.action === 'cancel' ? { hint: 'c' } : {}),
    })),
    { label: 'Rerun…', hint: 'r', onSelect: () => setAsking({ kind: 'rerun', id: row.id }) },
    { label: `Only status ${row.status}`, separated: true, onSelect: () => toggle('status', row.status) },
    { label: `Only ${row.workflowName}`, onSelect: () => toggle('workflow', row.workflowId) },
  ];
  const toolbar = (
    <FilterBar
      text={text}
      onChange={set}
      label="Filter instances"
      placeholder="status:failed workflow:wf_… label:team:blue words"
      unknown={unknownTerms(filter, instanceTerms)}
      known={instanceTerms}
    >
      <StatusFacet statuses={instanceStatuses} on={filter.terms['status'] ?? []} onToggle={(status) => toggle('status', status)} />
    </FilterBar>
  );
  return (
    <Page
      title="Instances"
      layout="fill"
      toolbar={toolbar}
      aside={
        list === undefined ? undefined : (
          <span class="faint small figures">
            {formatCount(rows.length, 'instance')}
            {list.next === null ? '' : '+'}
          </span>
        )
      }
    >
      <View of={{ value: list, error: state.error.value, reload: () => void state.reload() }} what="instances">
        {() => (
          <>
            {selected.size > 0 && <BulkBar rows={rows.filter((row) => selected.has(row.id))} onAsk={setAsking} onClear={() => setSelected(new Set())} />}
            <InstanceTable
              label="Instances"
              rows={rows}
              onOpen={(row) => go(`/instances/${row.id}`)}
              selected={selected}
              onSelect={setSelected}
              newCount={(list?.held.length ?? 0) + (list?.heldMore ?? 0)}
              onShowNew={() => state.showNew()}
              onEnd={() => void state.more().catch((error: unknown) => toastError('Load more', error))}
              onCursor={setCursor}
              onFilter={toggle}
              menuOf={menuOf}
              empty={<NoInstances filtered={text !== ''} onClear={() => set('')} />}
            />
          </>
        )}
      </View>
      {asking?.kind === 'rerun' && <RerunDialog instanceId={asking.id} onClose={() => setAsking(undefined)} />}
      {asking?.kind === 'cancel' && <CancelMany ids={asking.ids} onClose={() => setAsking(undefined)} onDone={() => setSelected(new Set())} />}
    </Page>
  );
}

type Asking = { readonly kind: 'rerun'; readonly id: string } | { readonly kind: 'cancel'; readonly ids: readonly string[] };

function BulkBar(props: { readonly rows: readonly InstanceSummary[]; readonly onAsk: (asking: Asking) => void; readonly onClear: () => void }): JSX.Element {
  const cancellable = props.rows.filter((row) => can(row.status, 'cancel')).map((row) => row.id);
  const retryable = props.rows.filter((row) => can(row.status, 'retry')).map((row) => row.id);
  const retry = async (): Promise<void> => {
    const { done, fault } = await runOnAll(retryable, (id) => runAction(id, 'retry'));
    if (fault === undefined) toast({ text: `${formatCount(done, 'instance')} goes on` });
    else toastError(`${done} of ${retryable.length} retried`, fault);
    props.onClear();
  };
  return (
    <div class="bulk" role="toolbar" aria-label="Actions on the selection">
      <span class="strong figures">{props.rows.length} selected</span>
      <Button size="small" disabled={cancellable.length === 0} onClick={() => props.onAsk({ kind: 'cancel', ids: cancellable })}>
        Cancel {cancellable.length > 0 ? cancellable.length : ''}
      </Button>
      <Button size="small" disabled={retryable.length === 0} onClick={() => void retry()}>
        Retry {retryable.length > 0 ? retryable.length : ''}
      </Button>
      <Button size="small" kind="quiet" onClick={props.onClear}>
        Clear
      </Button>
    </div>
  );
}

function CancelMany(props: { readonly ids: readonly string[]; readonly onClose: () => void; readonly onDone: () => void }): JSX.Element {
  const cancel = async (): Promise<void> => {
    const { done, fault } = await runOnAll(props.ids, (id) => runAction(id, 'cancel'));
    if (fault !== undefined) throw fault;
    toast({ text: `${formatCount(done, 'instance')} cancelled` });
    props.onDone();
  };
  return (
    <Confirm title={`Cancel ${formatCount(props.ids.length, 'instance')}?`} action="Cancel" danger onConfirm={cancel} onClose={props.onClose}>
      Running steps are stopped and their processes ended. Results so far are kept, and a retry can go on from there.
    </Confirm>
  );
}

function NoInstances(props: { readonly filtered: boolean; readonly onClear: () => void }): JSX.Element {
  if (props.filtered) {
    return (
      <Empty title="Nothing matches this filter" action={<Button onClick={props.onClear}>Clear the filter</Button>}>
        Terms are joined with “and”, several values of one term with “or”: status:failed,cancelled.
      </Empty>
    );
  }
  return (
    <Empty
      icon={<CirclePlay size={24} />}
      title="Nothing has run yet"
      action={
        <ButtonLink kind="primary" href={href('/workflows')}>
          Run a workflow
        </ButtonLink>
      }
    >
      Each run of a workflow is an instance. It is listed here with its status, how long it took and why it waits or failed.
    </Empty>
  );
}
