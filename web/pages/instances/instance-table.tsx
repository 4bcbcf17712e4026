/** The table of instances: used by the list and by a workflow's page. Takes rows and callbacks; knows no state. */
import { Ellipsis } from 'lucide-preact';
import type { JSX } from 'preact';
import type { InstanceSummary } from '../../../src/contract/instances.ts';
import { href } from '../../route.ts';
import { asLongAs } from '../../state/instance-filter.ts';
import { localTimes } from '../../state/local-times.ts';
import { now } from '../../ui/clock.ts';
import { FilterCell, FilterThis } from '../../ui/filter-bar.tsx';
import { IdEnd } from '../../ui/copy.tsx';
import { Menu } from '../../ui/menu.tsx';
import { isNarrow } from '../../ui/narrow.ts';
import type { MenuItem } from '../../ui/menu.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column, TableProps } from '../../ui/table.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';

export interface InstanceTableProps extends Pick<
  TableProps<InstanceSummary>,
  'rows' | 'onOpen' | 'selected' | 'onSelect' | 'newCount' | 'onShowNew' | 'onEnd' | 'onCursor' | 'empty' | 'foot'
> {
  readonly label: string;
  /** Adds or removes `name:value` of the filter (`word` and `hour` are no terms but mean it); absent: cells offer no filter. */
  readonly onFilter?: (name: string, value: string) => void;
  readonly menuOf: (row: InstanceSummary) => readonly MenuItem[];
  /** The page is of one workflow: its column is left away. */
  readonly oneWorkflow?: boolean;
}

export function InstanceTable(props: InstanceTableProps): JSX.Element {
  const { onFilter: _filter, menuOf: _menu, oneWorkflow: _one, ...table } = props;
  return (
    <Table
      {...table}
      columns={isNarrow.value ? narrowColumns(props) : columnsOf(props)}
      rowKey={(row) => row.id}
      rowHref={(row) => href(`/instances/${row.id}`)}
    />
  );
}

const ITS_RUNS = 'Only this one, its reruns and those it called';

/** The term of its duration; undefined while it goes on. */
function longAs({ startedAt, endedAt }: InstanceSummary): string | undefined {
  return startedAt === null || endedAt === null ? undefined : asLongAs(Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)));
}

function columnsOf(props: InstanceTableProps): readonly Column<InstanceSummary>[] {
  const filtered = (name: string, value: string, words: string, content: JSX.Element | string): JSX.Element =>
    props.onFilter === undefined ? (
      <>{content}</>
    ) : (
      <FilterCell label={words} onFilter={() => props.onFilter?.(name, value)}>
        {content}
      </FilterCell>
    );
  const columns: Column<InstanceSummary>[] = [
    {
      key: 'id',
      title: 'Instance',
      width: '112px',
      // Of ids made in the same minutes only the ends differ.
      render: (row) => <IdEnd id={row.id} />,
      behind: (row) => (props.onFilter === undefined ? undefined : <FilterThis label={ITS_RUNS} onFilter={() => props.onFilter?.('word', row.id)} />),
    },
    {
      key: 'status',
      title: 'Status',
      width: '132px',
      render: (row) => filtered('status', row.status, `Only ${row.status}`, <StatusChip status={row.status} />),
    },
    {
      key: 'why',
      title: 'Why',
      render: (row) => (row.error === undefined ? <Why row={row} /> : filtered('word', row.error.code, `Only ${row.error.code}`, <Why row={row} />)),
      minor: true,
    },
    { key: 'labels', title: 'Labels', width: '148px', render: (row) => <Labels row={row} onFilter={props.onFilter} />, minor: true },
    {
      key: 'by',
      title: 'Started by',
      width: '104px',
      render: (row) => filtered('trigger', row.startedBy, `Only started by ${row.startedBy}`, <span class="muted">{row.startedBy}</span>),
      minor: true,
    },
    {
      key: 'created',
      title: 'Created',
      width: '112px',
      align: 'end',
      render: (row) => filtered('hour', row.createdAt, 'Only around this time', <RelativeTime at={row.createdAt} />),
    },
    {
      key: 'took',
      title: 'Duration',
      width: '92px',
      align: 'end',
      render: (row) => {
        const took = longAs(row);
        const shown = <Duration from={row.startedAt} to={row.endedAt} />;
        return took === undefined ? shown : filtered('duration', took, 'Only as long as this or longer', shown);
      },
      minor: true,
    },
    menuColumn(props, '48px'),
  ];
  if (props.oneWorkflow !== true)
    columns.splice(1, 0, {
      key: 'workflow',
      title: 'Workflow',
      render: (row) => filtered('workflow', row.workflowId, `Only ${row.workflowName}`, <span class="strong">{row.workflowName}</span>),
    });
  return columns;
}

/** On a phone: which one and how it stands, the rest in a second line; what cells filter by is in the row's menu. */
function narrowColumns(props: InstanceTableProps): readonly Column<InstanceSummary>[] {
  return [
    {
      key: 'instance',
      title: 'Instance',
      render: (row) => (
        <span class="instance-lines">
          {props.oneWorkflow === true ? <IdEnd id={row.id} /> : <span class="strong truncate">{row.workflowName}</span>}
          <span class="instance-more muted truncate">
            <RelativeTime at={row.createdAt} /> · <More row={row} />
          </span>
        </span>
      ),
    },
    { key: 'status', title: 'Status', width: '120px', render: (row) => <StatusChip status={row.status} /> },
    menuColumn(props, '44px'),
  ];
}

/** What went wrong, what it waits for, or else how long it took. */
function More(props: { readonly row: InstanceSummary }): JSX.Element {
  const { row } = props;
  if (row.error !== undefined || row.waiting !== undefined) return <Why row={row} />;
  return (
    <>
      {row.endedAt === null ? 'for' : 'took'} <Duration from={row.startedAt} to={row.endedAt} />
    </>
  );
}

function menuColumn(props: InstanceTableProps, width: string): Column<InstanceSummary> {
  return {
    key: 'menu',
    title: 'Actions',
    hideTitle: true,
    width,
    align: 'end',
    render: (row) => <RowMenu row={row} items={props.menuOf(row)} />,
  };
}

function RowMenu(props: { readonly row: InstanceSummary; readonly items: readonly MenuItem[] }): JSX.Element {
  return (
    <span data-row-menu={props.row.id}>
      <Menu label={`Actions of ${props.row.id}`} items={props.items} buttonClass="btn btn-icon btn-quiet btn-size-small">
        <Ellipsis size={14} />
      </Menu>
    </span>
  );
}

/** "Filter by this" of every cell of a row, for its menu: what the pointer finds in the cells. */
export function filterItems(row: InstanceSummary, onFilter: (name: string, value: string) => void): readonly MenuItem[] {
  const took = longAs(row);
  const item = (label: string, name: string, value: string): MenuItem => ({ label, onSelect: () => onFilter(name, value) });
  return [
    { ...item(`Only status ${row.status}`, 'status', row.status), separated: true },
    item(`Only ${row.workflowName}`, 'workflow', row.workflowId),
    item(`Only started by ${row.startedBy}`, 'trigger', row.startedBy),
    ...Object.entries(row.labels).map(([key, value]) => item(`Only ${key}:${value}`, 'label', `${key}:${value}`)),
    ...(row.error === undefined ? [] : [item(`Only ${row.error.code}`, 'word', row.error.code)]),
    item('Only around this time', 'hour', row.createdAt),
    ...(took === undefined ? [] : [item(`Only ${took.replace('>', 'longer than ')}`, 'duration', took)]),
    item(ITS_RUNS, 'word', row.id),
  ];
}

/** Opens the menu of a row, for the keys `.` and `f`. */
export function openRowMenu(id: string): void {
  document.querySelector<HTMLButtonElement>(`[data-row-menu="${CSS.escape(id)}"] button`)?.click();
}

function Why(props: { readonly row: InstanceSummary }): JSX.Element | null {
  const { error, waiting } = props.row;
  if (error !== undefined)
    return (
      <span class="why-failed" data-tip={error.message}>
        {error.step === undefined ? '' : `${error.step}: `}
        {error.message}
      </span>
    );
  return waiting === undefined ? null : (
    <span class="why" data-tip={localTimes(waiting.message, now.value)}>
      {localTimes(waiting.message, now.value)}
    </span>
  );
}

function Labels(props: { readonly row: InstanceSummary; readonly onFilter: ((name: string, value: string) => void) | undefined }): JSX.Element {
  return (
    <span class="label-list">
      {Object.entries(props.row.labels).map(([key, value]) => {
        const text = `${key}:${value}`;
        return props.onFilter === undefined ? (
          <span key={key} class="label-tag truncate">
            {text}
          </span>
        ) : (
          <button key={key} type="button" class="label-tag truncate" tabIndex={-1} data-tip={`Only ${text}`} onClick={() => props.onFilter?.('label', text)}>
            {text}
          </button>
        );
      })}
    </span>
  );
}
