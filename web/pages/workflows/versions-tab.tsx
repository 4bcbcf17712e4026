/** Versions of a workflow: what each held and changed, and publishing an old one again. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Definition } from '../../../src/contract/graph.ts';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { call } from '../../api.ts';
import type { ItemOf } from '../../api.ts';
import type { CompareProps } from '../../editor/compare.tsx';
import { formatJson } from '../../form/json-format.ts';
import { usePeople } from '../../state/people.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Select } from '../../ui/field.tsx';
import { lazyView } from '../../ui/lazy-view.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { isNarrow } from '../../ui/narrow.ts';
import { Split } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';

const Comparing = lazyView<CompareProps>(async () => (await import('../../editor/compare.tsx')).CompareView, 'the comparison');

type Version = ItemOf<'GET /api/v1/workflows/{id}/versions'>;

export function VersionsTab(props: { readonly workflow: Workflow; readonly onRestored: () => void }): JSX.Element {
  const { workflow } = props;
  const [open, setOpen] = useState<number>();
  const [asking, setAsking] = useState<number>();
  const list = useResource(
    async (signal) => await call('GET /api/v1/workflows/{id}/versions', { params: { id: workflow.id }, query: { limit: 200 }, signal }),
    [workflow.id, workflow.version],
  );
  const people = usePeople();
  const page = list.value?.items ?? [];
  const show = (version: number): void => setOpen(version === open ? undefined : version);
  const columns: readonly Column<Version>[] = [
    {
      key: 'version',
      title: 'Version',
      width: '120px',
      render: (row) => (
        <span class="strong figures">
          v{row.version}
          {row.version === workflow.version && <span class="muted"> · newest</span>}
        </span>
      ),
    },
    {
      key: 'by',
      title: 'Published by',
      render: (row) => <span class="muted">{row.publishedBy === null ? '–' : (people.get(row.publishedBy) ?? row.publishedBy)}</span>,
      minor: true,
    },
    { key: 'hash', title: 'Structure', width: '140px', render: (row) => <span class="mono muted">{row.structuralHash.slice(0, 12)}</span>, minor: true },
    { key: 'at', title: 'Published', width: '96px', align: 'end', render: (row) => <RelativeTime at={row.createdAt} /> },
    {
      key: 'actions',
      title: 'Actions',
      hideTitle: true,
      width: isNarrow.value ? '176px' : '196px',
      align: 'end',
      render: (row) => (
        <span class="row version-actions">
          <Button size="small" onClick={() => show(row.version)}>
            {page.length > 1 ? 'Compare' : 'Show'}
          </Button>
          {row.version !== workflow.version && (
            <Button size="small" onClick={() => setAsking(row.version)}>
              Restore…
            </Button>
          )}
        </span>
      ),
    },
  ];
  return (
    <View of={list} what="versions">
      {(page) => (
        <div class="versions">
          <Split
            wide
            label={`Version ${open ?? ''}`}
            detail={open === undefined ? undefined : <VersionChanges key={open} workflow={workflow} version={open} versions={page.items} />}
          >
            <Table
              label="Versions"
              density="normal"
              columns={columns}
              rows={page.items}
              rowKey={(row) => String(row.version)}
              openKey={open === undefined ? undefined : String(open)}
              onOpen={(row) => show(row.version)}
            />
            {asking !== undefined && (
              <Confirm
                title={`Publish version ${asking} again?`}
                action="Restore"
                onClose={() => setAsking(undefined)}
                onConfirm={async () => {
                  await call('POST /api/v1/workflows/{id}/versions/{n}/restore', { params: { id: workflow.id, n: asking } });
                  toast({ text: `Version ${asking} is published again` });
                  props.onRestored();
                }}
              >
                It becomes the newest version. Nothing is lost: version {workflow.version} stays in this list, and running instances keep the version they
                started with.
              </Confirm>
            )}
          </Split>
        </div>
      )}
    </View>
  );
}

/** One version against another: the one before it, unless somebody chooses. */
function VersionChanges(props: { readonly workflow: Workflow; readonly version: number; readonly versions: readonly Version[] }): JSX.Element {
  const { workflow, version } = props;
  const [chosen, setChosen] = useState<number>();
  const base = chosen ?? version - 1;
  const loaded = useResource(
    async (signal) => {
      const read = async (n: number): Promise<Definition> =>
        (await call('GET /api/v1/workflows/{id}/versions/{n}', { params: { id: workflow.id, n }, signal })).definition;
      const [after, before] = await Promise.all([read(version), base < 1 ? undefined : read(base)]);
      return { after, before, base };
    },
    [workflow.id, version, base],
  );
  const others = props.versions.filter((each) => each.version !== version);
  return (
    <div class="pane-body version-changes">
      <div class="row">
        <h2 class="grow">Version {version}</h2>
        {others.length > 0 && (
          <Select
            label="Compare with"
            value={String(base)}
            onChange={(value) => setChosen(Number(value))}
            options={[
              ...(base < 1 ? [{ value: String(base), label: 'Compare with…' }] : []),
              ...others.map((each) => ({ value: String(each.version), label: `Compared with version ${each.version}` })),
            ]}
          />
        )}
      </div>
      <View of={loaded} what="the version">
        {({ after, before }) =>
          before === undefined ? (
            <CodeBlock text={formatJson(after)} label={`Version ${version}`} wrap />
          ) : (
            <Comparing
              before={{ label: `Version ${loaded.value?.base ?? base}`, definition: before }}
              after={{ label: `Version ${version}`, definition: after }}
            />
          )
        }
      </View>
    </div>
  );
}
