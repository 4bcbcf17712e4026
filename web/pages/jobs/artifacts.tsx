/** What a job left: name, size, download, and a preview of what can be shown. Never as markup: pictures in <img>, the rest as text. */
import { Download } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Artifact } from '../../../src/contract/artifacts.ts';
import { call, urlOf } from '../../api.ts';
import { fetchText } from '../../state/fetch-text.ts';
import { parseCsv, previewKind } from '../../state/preview.ts';
import { useResource } from '../../state/resource.ts';
import type { Resource } from '../../state/resource.ts';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { JsonView } from '../../ui/json-view.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Table } from '../../ui/table.tsx';
import { Empty, View } from '../../ui/views.tsx';

const MAX_PREVIEW_BYTES = 256 * 1024;
const MAX_TABLE_ROWS = 200;

/** The artifacts of jobs, read again when `version` changes. */
export function JobArtifacts(props: {
  readonly jobIds: readonly string[];
  readonly version: string;
  /** The job whose artifacts can be had in one archive. */
  readonly archiveOf?: string | undefined;
}): JSX.Element {
  const found = useArtifacts(props.jobIds, props.version);
  return (
    <View of={found} what="artifacts">
      {(artifacts) =>
        artifacts.length === 0 ? (
          <Empty title="No artifacts">A command leaves artifacts by writing files to $STUDIO_ARTIFACTS.</Empty>
        ) : (
          <>
            {props.archiveOf !== undefined && artifacts.length > 1 && <Archive jobId={props.archiveOf} artifacts={artifacts} />}
            <ArtifactList artifacts={artifacts} />
          </>
        )
      }
    </View>
  );
}

function Archive(props: { readonly jobId: string; readonly artifacts: readonly Artifact[] }): JSX.Element {
  const bytes = props.artifacts.reduce((sum, artifact) => sum + artifact.bytes, 0);
  return (
    <div class="row">
      <a class="btn btn-normal" href={urlOf('/api/v1/jobs/{id}/artifacts/archive', { id: props.jobId }).href} download={`${props.jobId}.zip`}>
        <Download size={14} /> All as one zip
      </a>
      <span class="faint small figures">
        {formatCount(props.artifacts.length, 'file')}, {formatBytes(bytes)}
      </span>
    </div>
  );
}

/** The same under a heading; nothing at all while there are none. */
export function ArtifactsSection(props: { readonly jobIds: readonly string[]; readonly version: string }): JSX.Element | null {
  const found = useArtifacts(props.jobIds, props.version);
  if (found.error === undefined && (found.value === undefined || found.value.length === 0)) return null;
  return (
    <section class="pane-section" aria-label="Artifacts">
      <h2>Artifacts</h2>
      <View of={found} what="artifacts">
        {(artifacts) => <ArtifactList artifacts={artifacts} />}
      </View>
    </section>
  );
}

function useArtifacts(jobIds: readonly string[], version: string): Resource<readonly Artifact[]> {
  return useResource<readonly Artifact[]>(
    async (signal) =>
      (
        await Promise.all(jobIds.map(async (id) => (await call('GET /api/v1/jobs/{id}/artifacts', { params: { id }, query: { limit: 200 }, signal })).items))
      ).flat(),
    [jobIds.join(' '), version],
  );
}

function ArtifactList(props: { readonly artifacts: readonly Artifact[] }): JSX.Element {
  return (
    <div class="stack">
      {props.artifacts.map((artifact) => (
        <ArtifactView key={artifact.id} artifact={artifact} />
      ))}
    </div>
  );
}

function ArtifactView(props: { readonly artifact: Artifact }): JSX.Element {
  const { artifact } = props;
  const url = urlOf('/api/v1/artifacts/{id}', { id: artifact.id });
  const kind = previewKind(artifact.mediaType, artifact.name, artifact.bytes);
  const [broken, setBroken] = useState(false);
  return (
    <figure class="artifact" aria-label={artifact.name}>
      <figcaption class="artifact-head">
        <span class="mono grow truncate" data-tip={artifact.name}>
          {artifact.name}
        </span>
        <span class="faint figures">{formatBytes(artifact.bytes)}</span>
        <a
          class="btn btn-icon btn-quiet btn-size-small"
          href={url.href}
          download={artifact.name.split('/').at(-1) ?? ''}
          aria-label={`Download ${artifact.name}`}
          data-tip="Download"
        >
          <Download size={14} />
        </a>
      </figcaption>
      {kind === 'image' && !broken && (
        <div class="artifact-frame">
          <img class="artifact-picture" src={url.href} alt={artifact.name} onError={() => setBroken(true)} />
        </div>
      )}
      {kind === 'image' && broken && <p class="faint small">This picture can’t be shown; its bytes are a download away.</p>}
      {(kind === 'text' || kind === 'json' || kind === 'csv') && <TextPreview url={url} name={artifact.name} kind={kind} />}
      {kind === 'none' && <p class="faint small">{artifact.mediaType}: no preview.</p>}
    </figure>
  );
}

function TextPreview(props: { readonly url: URL; readonly name: string; readonly kind: 'text' | 'json' | 'csv' }): JSX.Element {
  const loaded = useResource(async (signal) => await fetchText(props.url, { maxBytes: MAX_PREVIEW_BYTES, signal }), [props.url.href]);
  return (
    <View of={loaded} what={props.name}>
      {({ text, cut }) => (
        <>
          <Shown text={text} kind={cut && props.kind === 'json' ? 'text' : props.kind} name={props.name} />
          {cut && <p class="faint small">The first {formatBytes(MAX_PREVIEW_BYTES)}; download it for the rest.</p>}
        </>
      )}
    </View>
  );
}

function Shown(props: { readonly text: string; readonly kind: 'text' | 'json' | 'csv'; readonly name: string }): JSX.Element {
  if (props.kind === 'json') {
    try {
      return <JsonView value={JSON.parse(props.text)} label={props.name} />;
    } catch {
      return <CodeBlock text={props.text} label={props.name} />;
    }
  }
  const [head, ...rows] = props.kind === 'csv' ? parseCsv(props.text, MAX_TABLE_ROWS + 1) : [];
  if (head === undefined || head.length < 2) return <CodeBlock text={props.text} label={props.name} />;
  const columns = head.map((title, index) => ({ key: `${index}`, title, render: (row: readonly string[]) => row[index] ?? '' }));
  return <Table label={props.name} columns={columns} rows={rows} rowKey={(row) => String(rows.indexOf(row))} keys={false} inline />;
}
