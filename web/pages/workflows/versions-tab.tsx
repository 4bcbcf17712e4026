/** Versions of a workflow: what each held and changed, and publishing an old one again. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { call } from '../../api.ts';
import type { ItemOf } from '../../api.ts';
import { formatJson } from '../../form/json-format.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Split } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';
import { diffLines } from './diff-lines.ts';

type Version = ItemOf<'GET /api/v1/workflows/{id}/versions'>;

export function VersionsTab(props: { readonly workflow: Workflow; readonly onRestored: () => void }): JSX.Element {
  const { workflow } = props;
  const [open, setOpen] = useState<number>();
  const [asking, setAsking] = useState<number>();
  const list = useResource(
    async (signal) => await call('GET /api/v1/workflows/{id}/versions', { params: { id: workflow.id }, query: { limit: 200 }, signal }),
    [workflow.id, workflow.version],
  );
  const columns: readonly Column<Version>[] = [
    {
      key: 'version',
      title: 'Version',
      width: '120px',
      render: (row) => (
        <span class="strong figures">
          v{row.version}
          {row.version === workflow.version && <span class="faint"> · newest</span>}
        </span>
      ),
    },
    { key: 'hash', title: 'Structure', render: (row) => <span class="mono faint">{row.structuralHash.slice(0, 12)}</span>, minor: true },
    { key: 'at', title: 'Published', width: '110px', align: 'end', render: (row) => <RelativeTime at={row.createdAt} /> },
    {
      key: 'actions',
      title: 'Actions',
      hideTitle: true,
      width: '110px',
      align: 'end',
      render: (row) =>
        row.version === workflow.version ? null : (
          <Button size="small" onClick={() => setAsking(row.version)}>
            Restore…
          </Button>
        ),
    },
  ];
  return (
    <View of={list} what="versions">
      {(page) => (
        <Split wide label={`Version ${open ?? ''}`} detail={open === undefined ? undefined : <VersionText workflowId={workflow.id} version={open} />}>
          <Table
            label="Versions"
            density="normal"
            columns={columns}
            rows={page.items}
            rowKey={(row) => String(row.version)}
            openKey={open === undefined ? undefined : String(open)}
            onOpen={(row) => setOpen(row.version === open ? undefined : row.version)}
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
              It becomes the newest version. Nothing is lost: version {workflow.version} stays in this list, and running instances keep the version they started
              with.
            </Confirm>
          )}
        </Split>
      )}
    </View>
  );
}

function VersionText(props: { readonly workflowId: string; readonly version: number }): JSX.Element {
  const changes = useResource(
    async (signal) => await call('GET /api/v1/workflows/{id}/diff', { params: { id: props.workflowId }, query: { to: String(props.version) }, signal }),
    [props.workflowId, props.version],
  );
  const loaded = useResource(
    async (signal) => await call('GET /api/v1/workflows/{id}/versions/{n}', { params: { id: props.workflowId, n: props.version }, signal }),
    [props.workflowId, props.version],
  );
  return (
    <div class="pane-body">
      {props.version > 1 && (
        <View of={changes} what="the changes">
          {(diff) => <CodeBlock text={diffLines(diff).join('\n')} label={`Changes since version ${diff.from}`} wrap />}
        </View>
      )}
      <View of={loaded} what="the version">
        {(value) => <CodeBlock text={formatJson(value.definition)} label={`Version ${props.version}`} wrap />}
      </View>
    </div>
  );
}
