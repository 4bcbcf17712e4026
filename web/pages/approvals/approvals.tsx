/** The inbox of what waits for one's word: a list, the form of the one that is open, and answers for several at once. Live. */
import { Inbox, X } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Approval } from '../../../src/contract/approvals.ts';
import { go, href, setParams, useParam } from '../../route.ts';
import { me } from '../../session.ts';
import { useCommands } from '../../shell/commands.ts';
import { approvalKey } from '../../state/approval-events.ts';
import { useApprovals } from '../../state/approvals.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Segmented } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { useKeys } from '../../ui/keys.ts';
import { isNarrow } from '../../ui/narrow.ts';
import { Page, Split } from '../../ui/page.tsx';
import { Stacked, STACKED_ROW_PX } from '../../ui/stacked.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { DecideMany } from './decide-many.tsx';
import { DecisionForm } from './decision-form.tsx';

const columns: readonly Column<Approval>[] = [
  { key: 'title', title: 'Asked', render: (row) => <span class="strong">{row.title}</span> },
  { key: 'workflow', title: 'Workflow', width: '22%', render: (row) => row.workflowName, minor: true },
  { key: 'message', title: 'Message', width: '28%', render: (row) => <span class="muted">{row.message ?? ''}</span>, minor: true },
  { key: 'have', title: 'Given', width: '72px', align: 'end', render: (row) => `${row.decisions.length} of ${row.needed}`, minor: true },
  { key: 'until', title: 'Until', width: '84px', align: 'end', render: (row) => <RelativeTime at={row.until} />, minor: true },
  { key: 'since', title: 'Waits', width: '84px', align: 'end', render: (row) => <RelativeTime at={row.since} /> },
];

const narrowColumns: readonly Column<Approval>[] = [
  {
    key: 'title',
    title: 'Asked',
    render: (row) => (
      <Stacked title={<span class="strong">{row.title}</span>}>
        <span class="truncate">{row.workflowName}</span>
        <RelativeTime at={row.since} />
      </Stacked>
    ),
  },
];

export function ApprovalsPage(): JSX.Element {
  const [scope] = useParam('show');
  const all = scope === 'all';
  const found = useApprovals(me.value?.orgId ?? '', all);
  const [openKey] = useParam('open');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState<'approve' | 'reject'>();
  const items = found.value?.items ?? [];
  const open = items.find((item) => approvalKey(item) === openKey);
  const selected = items.filter((item) => chosen.has(approvalKey(item)));
  const show = (item: Approval | undefined): void => setParams({ open: item === undefined ? '' : approvalKey(item) });
  const ask = (decision: 'approve' | 'reject'): void => {
    const first = selected.length > 0 ? selected : open === undefined ? [] : [open];
    setChosen(new Set(first.map(approvalKey)));
    if (first.length > 0) setAsking(decision);
  };
  useKeys({ escape: () => show(undefined) });
  useCommands([
    { id: 'approvals-approve', title: 'Approve what is selected', group: 'This page', keys: 'a', run: () => ask('approve') },
    { id: 'approvals-reject', title: 'Reject what is selected', group: 'This page', keys: 'r', run: () => ask('reject') },
    { id: 'approvals-all', title: all ? 'Show only mine' : 'Show everybody’s approvals', group: 'This page', run: () => setParams({ show: all ? '' : 'all' }) },
  ]);
  return (
    <Page
      title="Approvals"
      layout="fill"
      aside={found.value === undefined ? undefined : <span class="faint small figures">{countWords(items.length, found.value.next !== null)}</span>}
      actions={
        <Segmented
          label="Whose"
          value={all ? 'all' : 'mine'}
          options={[
            { value: 'mine', label: 'For me' },
            { value: 'all', label: 'Everybody’s' },
          ]}
          onChange={(next) => setParams({ show: next === 'all' ? 'all' : '', open: '' })}
        />
      }
    >
      <View of={found} what="approvals">
        {() => (
          <Split
            label="The approval"
            detail={open === undefined ? undefined : <Pane key={approvalKey(open)} item={open} onClose={() => show(undefined)} onDecided={found.reload} />}
          >
            {selected.length > 0 && (
              <div class="bulk" role="toolbar" aria-label="Decide on the selection">
                <span class="strong figures">{selected.length} selected</span>
                <Button size="small" hint="a" onClick={() => setAsking('approve')}>
                  Approve…
                </Button>
                <Button size="small" onClick={() => setAsking('reject')}>
                  Reject…
                </Button>
                <Button size="small" kind="quiet" onClick={() => setChosen(new Set())}>
                  Clear
                </Button>
              </div>
            )}
            <Table
              label="Approvals"
              density="normal"
              columns={isNarrow.value ? narrowColumns : columns}
              narrowRowPx={STACKED_ROW_PX}
              rows={items}
              rowKey={approvalKey}
              openKey={openKey === '' ? undefined : openKey}
              onOpen={(item) => show(approvalKey(item) === openKey && !isNarrow.value ? undefined : item)}
              selected={chosen}
              onSelect={setChosen}
              empty={<Nothing all={all} />}
            />
          </Split>
        )}
      </View>
      {asking !== undefined && selected.length > 0 && (
        <DecideMany
          items={selected}
          decision={asking}
          onClose={() => setAsking(undefined)}
          onDone={() => {
            setChosen(new Set());
            found.reload();
          }}
        />
      )}
    </Page>
  );
}

function countWords(count: number, hasMore: boolean): string {
  return `${formatCount(count, 'approval')}${hasMore ? ' and more' : ''}`;
}

function Pane(props: { readonly item: Approval; readonly onClose: () => void; readonly onDecided: () => void }): JSX.Element {
  const { item } = props;
  const page = `/instances/${item.instanceId}?step=${encodeURIComponent(item.path)}`;
  return (
    <div class="pane">
      <div class="pane-head">
        <h2 class="truncate">{item.workflowName}</h2>
        <Button size="small" onClick={() => go(page)}>
          See the run
        </Button>
        <IconButton label="Close" hint="escape" icon={<X size={16} />} onClick={props.onClose} />
      </div>
      <div class="pane-body">
        <DecisionForm
          place={item}
          facts={item}
          onDecided={() => {
            props.onClose();
            props.onDecided();
          }}
        />
        <p class="muted small">
          Step <span class="mono">{item.path}</span> of{' '}
          <a class="mono" href={href(page)}>
            {item.instanceId}
          </a>{' '}
          waits since <RelativeTime at={item.since} />
          {item.until !== undefined && (
            <>
              , and gives up <RelativeTime at={item.until} />
            </>
          )}
          .
        </p>
      </div>
    </div>
  );
}

function Nothing(props: { readonly all: boolean }): JSX.Element {
  return (
    <Empty icon={<Inbox size={24} />} title={props.all ? 'No run waits for an approval' : 'Nothing waits for you'}>
      A workflow with an approval node stops there until somebody decides. What you may decide appears here by itself.
    </Empty>
  );
}
