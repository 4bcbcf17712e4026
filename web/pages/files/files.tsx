/** Files: folders and names, upload by drop, preview beside the list. Where one is stands in the URL. */
import { useSignal } from '@preact/signals';
import { FolderOpen, Trash2 } from 'lucide-preact';
import { useMemo, useRef } from 'preact/hooks';
import { call } from '../../api.ts';
import { setParams, useParam } from '../../route.ts';
import { me } from '../../session.ts';
import { useCommands } from '../../shell/commands.ts';
import { folderRows, loadFolder } from '../../state/files.ts';
import { useResource } from '../../state/resource.ts';
import { addUploads } from '../../state/uploads.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { DropZone, PickFiles } from '../../ui/drop-zone.tsx';
import { Input } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { Page, Split } from '../../ui/page.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, Empty, View } from '../../ui/views.tsx';
import { Crumbs } from './crumbs.tsx';
import { FileDetail } from './detail.tsx';
import { FileTable } from './file-table.tsx';
import { UploadList } from './upload-list.tsx';
import type { JSX } from 'preact';
import type { FolderView } from '../../state/files.ts';

export function FilesPage(): JSX.Element {
  const [prefix] = useParam('dir');
  const [openPath] = useParam('file');
  const [search, setSearch] = useParam('filter');
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const deleting = useSignal<readonly string[] | undefined>(undefined);
  const searchInput = useRef<HTMLInputElement>(null);
  const orgId = me.value?.orgId;
  const folder = useResource((signal) => loadFolder(prefix, signal), [prefix], {
    follow: { rooms: orgId === undefined ? [] : [`org:${orgId}`], apply: (value, event) => (event.event_type === 'files:file:changed' ? 'reload' : value) },
  });
  const open = (path: string): void => setParams({ file: path }, { push: openPath === '' });
  const goTo = (next: string): void => {
    selected.value = new Set();
    setParams({ dir: next, file: '', filter: '' }, { push: true });
  };
  useCommands([
    { id: 'files:filter', title: 'Filter files', group: 'This page', keys: '/', run: () => searchInput.current?.focus() },
    {
      id: 'files:back',
      title: 'Close the preview or go up',
      group: 'This page',
      keys: 'escape',
      run: () => (openPath === '' ? goTo(parentOf(prefix)) : setParams({ file: '' })),
    },
    {
      id: 'files:delete',
      title: 'Delete the selected files',
      group: 'This page',
      keys: 'd',
      disabled: selected.value.size === 0,
      run: () => (deleting.value = [...selected.value]),
    },
  ]);
  const remove = async (paths: readonly string[]): Promise<void> => {
    // Serial: each refusal names its file, and a long list must not be a burst.
    for (const path of paths) await call('DELETE /api/v1/files/{path+}', { params: { path } });
    selected.value = new Set();
    if (paths.includes(openPath)) setParams({ file: '' });
    toast({ text: `Deleted ${paths.length === 1 ? (paths[0] ?? '') : formatCount(paths.length, 'file')}` });
    folder.reload();
  };
  return (
    <Page
      title="Files"
      layout="fill"
      actions={
        <>
          <AsCurl method="PUT" path={`api/v1/files/${prefix}NAME`} file="NAME" />
          <PickFiles kind="primary" onFiles={(files) => addUploads(files, prefix)}>
            Upload
          </PickFiles>
        </>
      }
      toolbar={
        <>
          <Crumbs prefix={prefix} onGo={goTo} />
          <span class="grow" />
          {selected.value.size > 0 && (
            <Button kind="danger" icon={<Trash2 size={14} />} hint="d" onClick={() => (deleting.value = [...selected.value])}>
              Delete {selected.value.size}
            </Button>
          )}
          <div class="filter">
            <Input inputRef={searchInput} type="search" label="Filter by name" placeholder="Filter by name" value={search} onInput={setSearch} />
          </div>
        </>
      }
    >
      <DropZone hint={prefix === '' ? 'Drop to upload' : `Drop to upload into ${prefix}`} onFiles={(files) => addUploads(files, prefix)}>
        <UploadList />
        <Split
          label="Preview"
          wide
          detail={
            openPath === '' ? undefined : (
              <FileDetail key={openPath} path={openPath} onClose={() => setParams({ file: '' })} onDelete={() => (deleting.value = [openPath])} />
            )
          }
        >
          <View of={folder} what="Files">
            {(value) => (
              <FolderList
                value={value}
                prefix={prefix}
                search={search}
                openPath={openPath}
                selected={selected.value}
                onSelect={(next) => (selected.value = next)}
                onOpen={open}
                onGo={goTo}
              />
            )}
          </View>
        </Split>
      </DropZone>
      {deleting.value !== undefined && <DeleteFiles paths={deleting.value} onDelete={remove} onClose={() => (deleting.value = undefined)} />}
    </Page>
  );
}

interface FolderListProps {
  readonly value: FolderView;
  readonly prefix: string;
  readonly search: string;
  readonly openPath: string;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
  readonly onOpen: (path: string) => void;
  readonly onGo: (prefix: string) => void;
}

function FolderList(props: FolderListProps): JSX.Element {
  const { value, prefix, search } = props;
  const rows = useMemo(() => folderRows(value.files, prefix, search), [value, prefix, search]);
  return (
    <>
      {value.isPartial && <Banner tone="note">Shows the newest 2,000 files below this folder. Open a folder to see all of it.</Banner>}
      <FileTable {...props} rows={rows} empty={<NoFiles search={search} prefix={prefix} />} />
    </>
  );
}

function NoFiles(props: { readonly search: string; readonly prefix: string }): JSX.Element {
  if (props.search !== '') return <Empty title={`No name below holds “${props.search}”`} />;
  return (
    <Empty
      title={props.prefix === '' ? 'No files yet' : 'This folder is empty'}
      icon={<FolderOpen size={24} strokeWidth={1.5} />}
      action={<PickFiles onFiles={(files) => addUploads(files, props.prefix)}>Choose files</PickFiles>}
    >
      Drop files here. Workflows read them with <code>file.read</code> and leave theirs with <code>file.write</code>.
    </Empty>
  );
}

function DeleteFiles(props: {
  readonly paths: readonly string[];
  readonly onDelete: (paths: readonly string[]) => Promise<void>;
  readonly onClose: () => void;
}): JSX.Element {
  const { paths } = props;
  return (
    <Confirm
      title={paths.length === 1 ? 'Delete this file?' : `Delete ${formatCount(paths.length, 'file')}?`}
      action="Delete"
      danger
      onConfirm={() => props.onDelete(paths)}
      onClose={props.onClose}
    >
      <p>It can’t be brought back. Workflows that read {paths.length === 1 ? 'it' : 'them'} will fail.</p>
      <ul class="mono delete-list">
        {paths.slice(0, 5).map((path) => (
          <li key={path}>{path}</li>
        ))}
        {paths.length > 5 && <li class="faint">and {paths.length - 5} more</li>}
      </ul>
    </Confirm>
  );
}

function parentOf(prefix: string): string {
  return prefix.replace(/[^/]+\/$/, '');
}
