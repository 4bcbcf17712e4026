/** The table of every list: dense fixed rows drawn by window, sticky header, keys (j k x enter), selection, paging by scrolling,
 *  and "N new" in place of rows that would move under the pointer. Takes data and callbacks only. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useKeys } from './keys.ts';
import { isNarrow } from './narrow.ts';
import { useVirtualRows } from './virtual-rows.ts';
import { scrollTo } from './virtual.ts';
import type { ComponentChildren, JSX } from 'preact';

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  readonly render: (row: Row) => ComponentChildren;
  /** CSS width; columns without one share what is left. */
  readonly width?: string | undefined;
  readonly align?: 'start' | 'end' | undefined;
  /** Left away on narrow screens. */
  readonly minor?: boolean | undefined;
  /** Behind what is rendered, outside the link of a first cell. */
  readonly behind?: ((row: Row) => ComponentChildren) | undefined;
  /** The title is for screen readers only (actions). */
  readonly hideTitle?: boolean | undefined;
}

export interface TableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly density?: 'dense' | 'normal' | undefined;
  /** Enter or click on a row. */
  readonly onOpen?: ((row: Row) => void) | undefined;
  /** A real address of the row: the first cell becomes a link to it, so that it opens in a new tab too. */
  readonly rowHref?: ((row: Row) => string) | undefined;
  /** Key of the row whose detail is open. */
  readonly openKey?: string | undefined;
  readonly selected?: ReadonlySet<string> | undefined;
  readonly onSelect?: ((selected: ReadonlySet<string>) => void) | undefined;
  /** Rows that can't be selected have no box. Default: all can. */
  readonly canSelect?: ((row: Row) => boolean) | undefined;
  /** Rows that came meanwhile and are not in `rows` yet. */
  readonly newCount?: number | undefined;
  readonly onShowNew?: (() => void) | undefined;
  /** The end came into sight: load more. */
  readonly onEnd?: (() => void) | undefined;
  readonly loadingMore?: boolean | undefined;
  /** Below the last row. */
  readonly foot?: ComponentChildren | undefined;
  /** What stands in place of the cells of a row, over their whole width. */
  readonly wide?: ((row: Row) => ComponentChildren | undefined) | undefined;
  /** These rows are drawn: in sight, or nearly. */
  readonly onSee?: ((rows: readonly Row[]) => void) | undefined;
  /** A row to bring into sight and point at; again with each `turn`. */
  readonly show?: { readonly key: string; readonly turn: number } | undefined;
  /** The row that the keys act on; undefined while there is none. */
  readonly onCursor?: (row: Row | undefined) => void;
  /** Shown in place of rows. */
  readonly empty?: ComponentChildren | undefined;
  /** The keys j, k, x and enter are this table's. Default true; one table of a page. */
  readonly keys?: boolean | undefined;
  /** How high a row is on narrow screens, where its columns are made for it. Default 40. */
  readonly narrowRowPx?: number | undefined;
  /** As high as its rows instead of filling its parent; for short tables in cards. */
  readonly inline?: boolean | undefined;
}

const HEADER_PX = 28;
// A finger's row.
const NARROW_ROW_PX = 40;

export function Table<Row>(props: TableProps<Row>): JSX.Element {
  const narrowRowPx = props.narrowRowPx ?? NARROW_ROW_PX;
  const rowPx = isNarrow.value ? narrowRowPx : props.density === 'normal' ? 32 : 28;
  const scroller = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<string>();
  const { rows } = props;
  const seen = useVirtualRows(scroller, { count: rows.length, rowPx });
  const drawn = props.inline === true ? { first: 0, end: rows.length, abovePx: 0, belowPx: 0 } : seen;
  const at = cursor === undefined ? -1 : rows.findIndex((row) => props.rowKey(row) === cursor);

  useEffect(() => {
    if (props.inline !== true && rows.length > 0 && drawn.end >= rows.length - 5) props.onEnd?.();
  }, [drawn.end, rows.length, props.inline]);

  useEffect(() => props.onSee?.(rows.slice(drawn.first, drawn.end)), [rows, drawn.first, drawn.end]);
  useEffect(() => {
    const index = rows.findIndex((row) => props.rowKey(row) === props.show?.key);
    const element = scroller.current;
    if (index < 0 || element === null) return;
    setCursor(props.show?.key);
    element.scrollTop = index * rowPx + HEADER_PX - element.clientHeight / 2;
  }, [props.show?.turn]);

  const pointed = rows[at];
  useEffect(() => props.onCursor?.(pointed), [pointed]);

  const move = (step: number): void => {
    const index = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step));
    const row = rows[index];
    if (row === undefined) return;
    setCursor(props.rowKey(row));
    const element = scroller.current;
    if (element !== null) element.scrollTop = scrollTo({ index, rowPx, scrollPx: element.scrollTop, heightPx: element.clientHeight, topPx: HEADER_PX });
  };
  const toggle = (row: Row | undefined): void => {
    if (row === undefined || props.onSelect === undefined || props.canSelect?.(row) === false) return;
    const next = new Set(props.selected);
    if (!next.delete(props.rowKey(row))) next.add(props.rowKey(row));
    props.onSelect(next);
  };
  const open = (): void => {
    const row = rows[at];
    if (row !== undefined) props.onOpen?.(row);
  };
  const bindings = { j: () => move(1), k: () => move(-1), arrowdown: () => move(1), arrowup: () => move(-1) };
  useKeys(
    props.keys === false
      ? {}
      : { ...bindings, ...(props.onSelect === undefined ? {} : { x: () => toggle(rows[at]) }), ...(props.onOpen === undefined ? {} : { enter: open }) },
  );

  return (
    <div class={props.inline === true ? 'table-frame table-inline' : 'table-frame'}>
      {props.newCount !== undefined && props.newCount > 0 && (
        <button type="button" class="table-new" onClick={props.onShowNew}>
          {props.newCount} new
        </button>
      )}
      {/* Scrolls by keyboard too, so it takes the focus. */}
      <div ref={scroller} class="table-scroll" tabIndex={props.inline === true ? undefined : 0}>
        <table
          class={`table table-${props.density ?? 'dense'}`}
          style={{ '--narrow-row': `${narrowRowPx}px` }}
          aria-label={props.label}
          aria-rowcount={rows.length + 1}
        >
          <Head
            columns={props.columns}
            rows={props.canSelect === undefined ? rows : rows.filter(props.canSelect)}
            rowKey={props.rowKey}
            selected={props.selected}
            onSelect={props.onSelect}
          />
          <tbody>
            {drawn.abovePx > 0 && <Spacer px={drawn.abovePx} />}
            {rows.slice(drawn.first, drawn.end).map((row, offset) => {
              const key = props.rowKey(row);
              return (
                <TableRow
                  key={key}
                  row={row}
                  index={drawn.first + offset}
                  props={props}
                  atCursor={key === cursor}
                  onPoint={() => setCursor(key)}
                  onToggle={() => toggle(row)}
                />
              );
            })}
            {drawn.belowPx > 0 && <Spacer px={drawn.belowPx} />}
          </tbody>
        </table>
        {rows.length === 0 && props.empty}
        {props.foot}
        {props.loadingMore === true && <div class="table-more faint">Loading more…</div>}
      </div>
    </div>
  );
}

/** One cell: a colspan over columns that a narrow screen leaves away would bring them back, empty. */
function Spacer(props: { readonly px: number }): JSX.Element {
  return (
    <tr aria-hidden="true">
      <td class="table-spacer" style={{ height: `${props.px}px` }} />
    </tr>
  );
}

function Head<Row>(props: Pick<TableProps<Row>, 'columns' | 'rows' | 'rowKey' | 'selected' | 'onSelect'>): JSX.Element {
  const all = props.rows.length > 0 && props.rows.every((row) => props.selected?.has(props.rowKey(row)) === true);
  return (
    <thead>
      <tr>
        {props.onSelect !== undefined && (
          <th class="table-check" scope="col">
            <input
              type="checkbox"
              aria-label="Select all"
              checked={all}
              indeterminate={!all && (props.selected?.size ?? 0) > 0}
              onChange={() => props.onSelect?.(new Set(all ? [] : props.rows.map(props.rowKey)))}
            />
          </th>
        )}
        {props.columns.map((column) => (
          <th key={column.key} scope="col" class={cellClass(column)} style={column.width === undefined ? {} : { width: column.width }}>
            {column.hideTitle === true ? <span class="visually-hidden">{column.title}</span> : column.title}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface RowProps<Row> {
  readonly row: Row;
  readonly index: number;
  readonly props: TableProps<Row>;
  readonly atCursor: boolean;
  readonly onPoint: () => void;
  readonly onToggle: () => void;
}

function TableRow<Row>({ row, index, props, atCursor, onPoint, onToggle }: RowProps<Row>): JSX.Element {
  const key = props.rowKey(row);
  const isSelected = props.selected?.has(key) === true;
  const wide = props.wide?.(row);
  if (wide !== undefined) {
    const shownColumns = props.columns.filter((column) => !(isNarrow.value && column.minor === true)).length + (props.onSelect === undefined ? 0 : 1);
    return (
      <tr class="table-wide" aria-rowindex={index + 2}>
        <td colSpan={shownColumns}>{wide}</td>
      </tr>
    );
  }
  const clicked = (event: MouseEvent): void => {
    onPoint();
    if (event.target instanceof Element && event.target.closest('a, button, input, label, [role=menu]') !== null) return;
    // Text that was just selected is being copied, not opened.
    if (window.getSelection()?.isCollapsed === false) return;
    props.onOpen?.(row);
  };
  const classes = [
    props.onOpen === undefined ? '' : 'table-openable',
    atCursor ? 'table-cursor' : '',
    isSelected || props.openKey === key ? 'table-chosen' : '',
  ];
  return (
    <tr class={classes.join(' ')} aria-rowindex={index + 2} aria-selected={props.onSelect === undefined ? undefined : isSelected} onClick={clicked}>
      {props.onSelect !== undefined && (
        <td class="table-check">
          {props.canSelect?.(row) !== false && <input type="checkbox" aria-label="Select row" checked={isSelected} onChange={onToggle} />}
        </td>
      )}
      {props.columns.map((column, at) => (
        <td key={column.key} class={cellClass(column)}>
          <Cell behind={column.behind?.(row)}>
            {at === 0 && props.rowHref !== undefined ? (
              <a class="table-link" href={props.rowHref(row)}>
                {column.render(row)}
              </a>
            ) : (
              column.render(row)
            )}
          </Cell>
        </td>
      ))}
    </tr>
  );
}

function Cell(props: { readonly behind: ComponentChildren; readonly children: ComponentChildren }): JSX.Element {
  if (props.behind === undefined) return <>{props.children}</>;
  return (
    <span class="table-behind">
      {props.children}
      {props.behind}
    </span>
  );
}

function cellClass<Row>(column: Column<Row>): string {
  return `${column.align === 'end' ? 'table-end' : ''}${column.minor === true ? ' table-minor' : ''}`;
}
