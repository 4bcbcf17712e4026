/** The rows of a folder. */
import { File as FileIcon, Folder } from 'lucide-preact';
import { formatCount } from '../../ui/format.ts';
import { Table } from '../../ui/table.tsx';
import { Bytes, RelativeTime } from '../../ui/time.tsx';
import type { ComponentChildren, JSX } from 'preact';
import type { FileRow, FolderRow } from '../../state/files.ts';
import type { Column } from '../../ui/table.tsx';

type Row = FileRow | FolderRow;

const columns: readonly Column<Row>[] = [
  { key: 'name', title: 'Name', render: (row) => <Name row={row} /> },
  {
    key: 'type',
    title: 'Type',
    width: '180px',
    minor: true,
    render: (row) => <span class="muted">{row.kind === 'folder' ? formatCount(row.count, 'file') : row.file.mediaType}</span>,
  },
  { key: 'bytes', title: 'Size', width: '96px', align: 'end', render: (row) => <Bytes bytes={row.kind === 'folder' ? row.bytes : row.file.bytes} /> },
  {
    key: 'changed',
    title: 'Changed',
    width: '112px',
    align: 'end',
    render: (row) => (row.kind === 'folder' ? <span class="faint">–</span> : <RelativeTime at={row.file.updatedAt} />),
  },
];

function Name(props: { readonly row: Row }): JSX.Element {
  const Icon = props.row.kind === 'folder' ? Folder : FileIcon;
  return (
    <span class="row">
      <Icon size={14} class="faint" aria-hidden="true" />
      <span class="truncate">
        {props.row.name}
        {props.row.kind === 'folder' && <span class="faint">/</span>}
      </span>
    </span>
  );
}

export interface FileTableProps {
  readonly rows: readonly Row[];
  readonly openPath: string;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
  readonly onOpen: (path: string) => void;
  readonly onGo: (prefix: string) => void;
  readonly empty: ComponentChildren;
}

export function FileTable(props: FileTableProps): JSX.Element {
  const keyOf = (row: Row): string => (row.kind === 'folder' ? row.prefix : row.file.path);
  return (
    <Table
      label="Files"
      columns={columns}
      rows={props.rows}
      rowKey={keyOf}
      density="normal"
      openKey={props.openPath === '' ? undefined : props.openPath}
      selected={props.selected}
      // A folder is no thing of its own.
      canSelect={(row) => row.kind === 'file'}
      onSelect={props.onSelect}
      onOpen={(row) => (row.kind === 'folder' ? props.onGo(row.prefix) : props.onOpen(row.file.path))}
      empty={props.empty}
    />
  );
}
