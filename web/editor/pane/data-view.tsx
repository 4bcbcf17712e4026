/** A value as people look at it: tree, table, text, files. Paths can be copied, inserted as expressions, and dragged into fields.
 *  Text only: nothing in a value is ever markup. */
import { Braces, Copy } from 'lucide-preact';
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { startPathDrag } from '../../form/drag-path.ts';
import { quoted, sampleText } from '../../form/expression-data.ts';
import { formatJson } from '../../form/json-format.ts';
import { copyText } from '../../ui/clipboard.ts';
import { IconButton } from '../../ui/button.tsx';
import { Input, Segmented } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { expressionPath, jsonRows } from '../../ui/json.ts';
import type { JsonRow, JsonValue } from '../../ui/json.ts';
import { CodeBlock } from '../../ui/log-view.tsx';
import { toast } from '../../ui/toast.tsx';
import { filesIn, findPaths, tableOf } from './data-facts.ts';
import type { DataTable } from './data-facts.ts';
import { DataFiles } from './data-files.tsx';

export interface DataViewProps {
  readonly value: unknown;
  readonly label: string;
  /** What a path begins with: `steps.read.output`, `input`. Absent: expressions can not read it. */
  readonly prefix?: string;
}

type Shape = 'tree' | 'table' | 'text' | 'files';
// Laying out more text than this takes a second; the copy is whole.
const MAX_TEXT_CHARS = 200_000;

export function DataView(props: DataViewProps): JSX.Element {
  const { value } = props;
  const table = useMemo(() => tableOf(value), [value]);
  const files = useMemo(() => filesIn(value), [value]);
  const [chosen, setChosen] = useState<Shape>();
  const shapes: readonly Shape[] = ['tree', ...(table === undefined ? [] : (['table'] as const)), 'text', ...(files.length === 0 ? [] : (['files'] as const))];
  const shape = chosen !== undefined && shapes.includes(chosen) ? chosen : 'tree';
  const [query, setQuery] = useState('');
  const text = useMemo(() => (shape === 'text' ? formatJson(value) : ''), [shape, value]);
  return (
    <div class="data">
      <div class="data-bar">
        <Segmented label={`${props.label} as`} value={shape} options={shapes.map((each) => ({ value: each, label: LABELS[each] }))} onChange={setChosen} />
        {shape === 'tree' && <Input type="search" label={`Filter ${props.label}`} placeholder="Filter" value={query} onInput={setQuery} />}
        <IconButton size="small" label={`Copy ${props.label} as JSON`} icon={<Copy size={14} />} onClick={() => copied(formatJson(value), props.label)} />
      </div>
      {shape === 'tree' && (query === '' ? <Tree {...props} /> : <Found {...props} query={query} />)}
      {shape === 'table' && table !== undefined && <DataGrid table={table} label={props.label} prefix={props.prefix} />}
      {shape === 'text' && <CodeBlock text={text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)}\n…` : text} label={props.label} />}
      {shape === 'files' && <DataFiles files={files} />}
    </div>
  );
}

function copied(text: string, label: string): void {
  void copyText(text).then((done) => done && toast({ text: `Copied ${label}` }));
}

const LABELS: Readonly<Record<Shape, string>> = { tree: 'Tree', table: 'Table', text: 'Text', files: 'Files' };

function Tree(props: DataViewProps): JSX.Element {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [more, setMore] = useState<ReadonlyMap<string, number>>(new Map());
  const rows = useMemo(() => jsonRows(props.value as JsonValue, { toggled, openDepth: 2, more }), [props.value, toggled, more]);
  const toggle = (path: string): void => {
    const next = new Set(toggled);
    if (!next.delete(path)) next.add(path);
    setToggled(next);
  };
  return (
    <div class="data-rows" role="group" aria-label={props.label}>
      {rows.map((row) =>
        row.kind === 'more' ? (
          <button key={`${row.path} more`} type="button" class="json-more" onClick={() => setMore(new Map(more).set(row.path, (more.get(row.path) ?? 1) + 1))}>
            show more of {row.text} left
          </button>
        ) : (
          <Line key={row.path} row={row} prefix={props.prefix} onToggle={() => toggle(row.path)} />
        ),
      )}
    </div>
  );
}

const SHOWN_CHARS = 300;

function Line(props: { readonly row: JsonRow; readonly prefix: string | undefined; readonly onToggle: () => void }): JSX.Element {
  const { row } = props;
  const path = expressionPath(row.path, props.prefix ?? '');
  const canRead = props.prefix !== undefined;
  const isBranch = row.kind === 'object' || row.kind === 'array';
  const text = row.text.length > SHOWN_CHARS ? `${row.text.slice(0, SHOWN_CHARS)}…` : row.text;
  return (
    <div class="data-line" style={{ paddingLeft: `${row.depth * 14}px` }}>
      {isBranch && row.text !== '[0]' && row.text !== '{0}' ? (
        <button
          type="button"
          class="json-fold"
          aria-expanded={row.open}
          aria-label={`${row.open ? 'Fold' : 'Unfold'} ${row.key ?? 'value'}`}
          onClick={props.onToggle}
        >
          {row.open ? '▾' : '▸'}
        </button>
      ) : (
        <span class="json-fold" />
      )}
      <span
        class="data-name"
        draggable={canRead}
        onDragStart={(event) => startPathDrag(event, path)}
        data-tip={canRead ? `Drag ${path} into a field` : undefined}
      >
        {row.key ?? (canRead ? lastName(path) : 'value')}
      </span>
      <span class={`json-${row.kind} data-value`}>{text}</span>
      {canRead && <PathTools path={path} />}
    </div>
  );
}

function lastName(path: string): string {
  return path.split('.').at(-1) ?? path;
}

function PathTools(props: { readonly path: string }): JSX.Element {
  const copy = (text: string): void => copied(text, text);
  return (
    <span class="data-tools">
      <button type="button" class="vf-tool" aria-label={`Copy the path ${props.path}`} data-tip="Copy path" onClick={() => copy(props.path)}>
        <Copy size={12} />
      </button>
      <button
        type="button"
        class="vf-tool"
        aria-label={`Copy ${props.path} as an expression`}
        data-tip="Copy as expression"
        onClick={() => copy(`{{ ${props.path} }}`)}
      >
        <Braces size={12} />
      </button>
    </span>
  );
}

function Found(props: DataViewProps & { readonly query: string }): JSX.Element {
  const { found, isCut } = useMemo(() => findPaths(props.value, props.query), [props.value, props.query]);
  if (found.length === 0) return <p class="muted">Nothing in it holds “{props.query}”.</p>;
  return (
    <div class="data-rows" role="group" aria-label={`${props.label}, found`}>
      {found.map(({ path, value }) => (
        <div key={path} class="data-line">
          <span
            class="data-name data-path"
            draggable={props.prefix !== undefined}
            onDragStart={(event) => startPathDrag(event, `${props.prefix ?? ''}${path}`)}
          >
            {path === '' ? props.prefix : path.replace(/^\./, '')}
          </span>
          <span class="data-value muted">{sampleText(value)}</span>
          {props.prefix !== undefined && <PathTools path={`${props.prefix}${path}`} />}
        </div>
      ))}
      {isCut && <p class="faint small">The first {formatCount(found.length, 'place')}.</p>}
    </div>
  );
}

function DataGrid(props: { readonly table: DataTable; readonly label: string; readonly prefix: string | undefined }): JSX.Element {
  const { table } = props;
  return (
    <div class="data-grid" tabIndex={0} role="region" aria-label={`${props.label} as a table`}>
      <table class="table">
        <thead>
          <tr>
            {table.columns.map((column) => (
              <th
                key={column}
                scope="col"
                draggable={props.prefix !== undefined}
                onDragStart={(event) => startPathDrag(event, `${props.prefix ?? ''}${table.path}.${quoted(column)}`)}
              >
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {table.columns.map((column) => (
                <td key={column} class="truncate">
                  {cellText(row[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {table.total > table.rows.length && (
        <p class="faint small">
          The first {table.rows.length} of {formatCount(table.total, 'row')}.
        </p>
      )}
    </div>
  );
}

function cellText(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, SHOWN_CHARS) : sampleText(value);
}
