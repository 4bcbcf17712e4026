/** One file: its facts, a preview that runs nothing of it, download and delete. */
import { Download, Trash2, X } from 'lucide-preact';
import { urlOf } from '../../api.ts';
import { loadFileFacts, loadText } from '../../state/file-preview.ts';
import { PREVIEW_BYTES, previewKind } from '../../state/files.ts';
import { useResource } from '../../state/resource.ts';
import { ButtonLink, IconButton } from '../../ui/button.tsx';
import { AsCurl, CopyButton } from '../../ui/copy.tsx';
import { formatBytes } from '../../ui/format.ts';
import { JsonView } from '../../ui/json-view.tsx';
import { LogView } from '../../ui/log-view.tsx';
import { Facts } from '../../ui/page.tsx';
import { Bytes, RelativeTime } from '../../ui/time.tsx';
import { Banner, Empty, View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { File as StoredFile } from '../../../src/contract/files.ts';

export function FileDetail(props: { readonly path: string; readonly onClose: () => void; readonly onDelete: () => void }): JSX.Element {
  const facts = useResource((signal) => loadFileFacts(props.path, signal), [props.path]);
  const address = urlOf('/api/v1/files/{path+}', { path: props.path });
  const name = props.path.split('/').at(-1) ?? props.path;
  return (
    <>
      <header class="detail-header">
        <h2 class="truncate grow" data-tip={props.path}>
          {name}
        </h2>
        <AsCurl method="GET" path={`api/v1/files/${props.path.split('/').map(encodeURIComponent).join('/')}`} />
        <IconButton label="Delete" icon={<Trash2 size={14} />} onClick={props.onDelete} />
        <ButtonLink href={address.href} download={name} icon={<Download size={14} />}>
          Download
        </ButtonLink>
        <IconButton label="Close" hint="escape" icon={<X size={14} />} onClick={props.onClose} />
      </header>
      <View of={facts} what="The file">
        {(file) => (
          <>
            <div class="detail-facts">
              <Facts
                facts={[
                  ['Path', <PathFact key="path" path={file.path} />],
                  ['Size', <Bytes key="size" bytes={file.bytes} />],
                  ['Type', file.mediaType],
                  ['Changed', <RelativeTime key="changed" at={file.updatedAt} />],
                  [
                    'SHA-256',
                    <span key="hash" class="mono truncate-hash">
                      {file.sha256}
                    </span>,
                  ],
                ]}
              />
            </div>
            <Preview file={file} address={address.href} />
          </>
        )}
      </View>
    </>
  );
}

function PathFact(props: { readonly path: string }): JSX.Element {
  return (
    <span class="row">
      <span class="mono">{props.path}</span>
      <CopyButton text={props.path} label="Copy path" />
    </span>
  );
}

function Preview(props: { readonly file: StoredFile; readonly address: string }): JSX.Element {
  const { file, address } = props;
  switch (previewKind(file)) {
    case 'image':
      return (
        <div class="preview-media">
          <img src={address} alt={file.path} key={file.sha256} />
        </div>
      );
    case 'video':
      return (
        <div class="preview-media">
          <video src={address} controls preload="metadata" />
        </div>
      );
    case 'audio':
      return (
        <div class="preview-media">
          <audio src={address} controls preload="metadata" />
        </div>
      );
    case 'json':
      return <TextPreview file={file} asJson />;
    case 'text':
      return <TextPreview file={file} />;
    case 'none':
      return <Empty title="No preview">A file of this kind is not shown here; download it.</Empty>;
  }
}

function TextPreview(props: { readonly file: StoredFile; readonly asJson?: boolean }): JSX.Element {
  const { file } = props;
  const text = useResource((signal) => loadText(file, props.asJson === true, signal), [file.sha256]);
  return (
    <View of={text} what="The preview">
      {(loaded) => (
        <>
          {loaded.isCut && (
            <Banner tone="note">
              The first {formatBytes(PREVIEW_BYTES)} of {formatBytes(file.bytes)}.
            </Banner>
          )}
          {loaded.json === undefined ? (
            <LogView label={`Text of ${file.path}`} lines={loaded.lines} empty="The file is empty." />
          ) : (
            <div class="detail-body">
              <JsonView value={loaded.json.value} label={`JSON of ${file.path}`} />
            </div>
          )}
        </>
      )}
    </View>
  );
}
