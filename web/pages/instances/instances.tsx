/** All instances, live: filter in the URL with completion and facets, a chart to narrow by, saved views, selection with batch actions. */
import { CirclePlay } from 'lucide-preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { instanceStatuses } from '../../../src/contract/values.ts';
import type { InstanceSummary } from '../../../src/contract/instances.ts';
import { formatFilter, go, href, parseFilter, setParams, useFilter, useParam } from '../../route.ts';
import { me } from '../../session.ts';
import { useCommands } from '../../shell/commands.ts';
import { batchFilter } from '../../state/batch.ts';
import { matchesLabels, unknownTerms } from '../../state/filter.ts';
import { asksServer, filterFault, instanceQuery, instanceTerms, timeOf, toggleInstanceTerm, toggleWord, withTimes } from '../../state/instance-filter.ts';
import { nodeTypes } from '../../state/node-types.ts';
import { spans, useInstanceStats } from '../../state/instance-stats.ts';
import type { Span } from '../../state/instance-stats.ts';
import { createInstances } from '../../state/instances.ts';
import { listedWords } from '../../state/listed-words.ts';
import { useOwned } from '../../state/use-owned.ts';
import { whenIdle } from '../../state/when-idle.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { StatusFacet } from '../../ui/filter-bar.tsx';
import { useKeys } from '../../ui/keys.ts';
import type { MenuItem } from '../../ui/menu.tsx';
import { isNarrow } from '../../ui/narrow.ts';
import { Page } from '../../ui/page.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { actionsOf, can, runAction } from './actions.ts';
import type { InstanceAction } from './actions.ts';
import { AskMany, BulkBar } from './bulk-bar.tsx';
import { InstancesChart } from './instances-chart.tsx';
import { InstancesFilter, MoreFacets } from './instances-filter.tsx';
import { filterItems, InstanceTable, openRowMenu } from './instance-table.tsx';
import { RerunDialog } from './rerun-dialog.tsx';
import { SearchFoot } from './search-foot.tsx';

/** What one opens next from here. */
async function loadInstancePage(): Promise<void> {
  nodeTypes().catch(() => undefined);
  await Promise.all([import('./instance.tsx'), isNarrow.value ? undefined : import('../../graph/graph-view.tsx')]).catch(() => undefined);
}

type Asking = { readonly kind: 'rerun'; readonly id: string } | { readonly kind: 'cancel'; readonly ids: readonly string[] };

export function InstancesPage(): JSX.Element {
  const { text, filter, set } = useFilter();
  const [spanText] = useParam('span');
  const [chart] = useParam('chart');
  const orgId = me.value?.orgId ?? '';
  const state = useOwned(() => createInstances(parseFilter(text), orgId), [text, orgId]);
  const span: Span = Object.hasOwn(spans, spanText) ? (spanText as Span) : '24h';
  const stats = useInstanceStats(filter, text, { span, orgId });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState<InstanceSummary>();
  const [asking, setAsking] = useState<Asking>();
  useEffect(() => setSelected(new Set()), [text]);
  useEffect(() => whenIdle(() => void loadInstancePage()), []);
  const toggle = (name: string, value: string): void => set(formatFilter(toggled(filter, name, value)));
  const list = state.value.value;
  const rows = useMemo(() => (list?.rows ?? []).filter((row) => matchesLabels(filter, row.labels)), [list?.rows, filter]);
  const act = async (row: InstanceSummary, action: InstanceAction): Promise<void> => {
    if (action === 'cancel') return setAsking({ kind: 'cancel', ids: [row.id] });
    await runAction(row.id, action).then(
      () => toast({ text: `${row.workflowName}: ${action} done` }),
      (error: unknown) => toastError(`${action} ${row.id}`, error),
    );
  };
  const isNarrowed = filter.terms['since'] !== undefined || filter.terms['until'] !== undefined;
  const widen = (): void => set(formatFilter(withTimes(filter, undefined)));
  const hasChart = chart === '' ? !isNarrow.value : chart === 'on';
  useKeys({
    c: () => cursor !== undefined && can(cursor.status, 'cancel') && setAsking({ kind: 'cancel', ids: [cursor.id] }),
    r: () => cursor !== undefined && setAsking({ kind: 'rerun', id: cursor.id }),
    '.': () => cursor !== undefined && openRowMenu(cursor.id),
    f: () => cursor !== undefined && openRowMenu(cursor.id),
    n: () => state.showNew(),
  });
  useCommands([
    {
      id: 'instances-chart',
      title: hasChart ? 'Hide the chart' : 'Show the chart',
      group: 'This page',
      keys: 'h',
      run: () => setParams({ chart: hasChart ? 'off' : 'on' }),
    },
    { id: 'instances-widen', title: 'Show all times', group: 'This page', keys: 'z', disabled: !isNarrowed, run: widen },
    { id: 'instances-clear', title: 'Clear the filter', group: 'This page', disabled: text === '', run: () => set('') },
    { id: 'instances-failed', title: 'Only failed instances', group: 'This page', run: () => toggle('status', 'failed') },
  ]);
  const onMore = (): void => void state.more().catch((error: unknown) => toastError('Load more', error));
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
    ...filterItems(row, toggle),
  ];
  const statusCounts = Object.fromEntries((stats.value?.facets.status ?? []).map(({ value, count }) => [value, count]));
  const onlyHere = filterFault(filter) !== undefined || unknownTerms(filter, instanceTerms).length > 0;
  const searched = state.searched.value;
  return (
    <Page
      title="Instances"
      layout="fill"
      aside={
        list === undefined ? undefined : (
          <span class="faint small figures">
            {listedWords({
              listed: rows.length,
              hasMore: list.next !== null,
              ...(stats.value === undefined || isNarrow.value ? {} : { counted: stats.value.total, span }),
              isNarrowed,
            })}
          </span>
        )
      }
      toolbar={
        <InstancesFilter text={text} filter={filter} stats={stats.value} onChange={set} fault={filterFault(filter)}>
          <StatusFacet
            statuses={instanceStatuses}
            on={filter.terms['status'] ?? []}
            counts={stats.value === undefined ? undefined : statusCounts}
            onToggle={(status) => toggle('status', status)}
          />
          <MoreFacets filter={filter} stats={stats.value} onToggle={toggle} />
        </InstancesFilter>
      }
    >
      {hasChart && (
        <InstancesChart
          stats={stats}
          span={span}
          onSpan={(next) => setParams({ span: next })}
          isNarrowed={isNarrowed}
          onSelect={(fromMs, toMs) => set(formatFilter(withTimes(filter, { fromMs, toMs })))}
          onWiden={widen}
        />
      )}
      <View of={{ value: list, error: state.error.value, reload: () => void state.reload() }} what="instances">
        {() => (
          <>
            {selected.size > 0 && (
              <BulkBar
                rows={rows.filter((row) => selected.has(row.id))}
                filter={onlyHere ? undefined : batchFilter(instanceQuery(filter, Date.now()))}
                hasMore={list?.next !== null || rows.length > selected.size}
                onCompare={(a, b) => go(`/instances/${a}/compare/${b}`)}
                onClear={() => setSelected(new Set())}
                onDone={() => {
                  setSelected(new Set());
                  if (asksServer(filter)) void state.reload();
                }}
              />
            )}
            <InstanceTable
              label="Instances"
              rows={rows}
              onOpen={(row) => go(`/instances/${row.id}`)}
              selected={selected}
              onSelect={setSelected}
              newCount={(list?.held.length ?? 0) + (list?.heldMore ?? 0)}
              onShowNew={() => state.showNew()}
              onEnd={() => searched === undefined && onMore()}
              onCursor={setCursor}
              onFilter={toggle}
              menuOf={menuOf}
              empty={searched === undefined && <NoInstances filtered={text !== ''} onClear={() => set('')} />}
              foot={searched !== undefined && <SearchFoot searched={searched} found={rows.length} onMore={onMore} onStop={() => state.stop()} />}
            />
          </>
        )}
      </View>
      {asking?.kind === 'rerun' && <RerunDialog instanceId={asking.id} onClose={() => setAsking(undefined)} />}
      {asking?.kind === 'cancel' && (
        <AskMany command="cancel" filter={{ ids: asking.ids }} onClose={() => setAsking(undefined)} onDone={() => setSelected(new Set())} />
      )}
    </Page>
  );
}

const HALF_HOUR_MS = 1_800_000;

function toggled(filter: ReturnType<typeof parseFilter>, name: string, value: string): ReturnType<typeof parseFilter> {
  if (name === 'word') return toggleWord(filter, value);
  const atMs = Date.parse(timeOf(value, 0) ?? '');
  if (name === 'hour') return withTimes(filter, { fromMs: atMs - HALF_HOUR_MS, toMs: atMs + HALF_HOUR_MS });
  return toggleInstanceTerm(filter, name, value);
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
