/** The files that an output names, shown: pictures in <img>, sound and film in their players, documents by the browser's own viewer from bytes that
 *  are named a PDF whatever they are. Nothing of them runs in this page. */
import { Download } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { ApiError, urlOf } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { formatBytes } from '../../ui/format.ts';
import { View } from '../../ui/views.tsx';
import { mediaOf } from './data-facts.ts';
import type { NamedFile } from './data-facts.ts';

// Decoding more may take the tab down; it is a download away.
const MAX_SHOWN_BYTES = 32 * 1024 * 1024;

export function DataFiles(props: { readonly files: readonly NamedFile[] }): JSX.Element {
  return (
    <div class="stack">
      {props.files.map((file) => (
        <FileView key={file.kind === 'file' ? file.path : file.id} file={file} />
      ))}
    </div>
  );
}

function addressOf(file: NamedFile): URL {
  return file.kind === 'file' ? urlOf('/api/v1/files/{path+}', { path: file.path }) : urlOf('/api/v1/artifacts/{id}', { id: file.id });
}

function FileView(props: { readonly file: NamedFile }): JSX.Element {
  const { file } = props;
  const { href } = addressOf(file);
  const kind = file.bytes <= MAX_SHOWN_BYTES ? mediaOf(file.name) : 'none';
  const [broken, setBroken] = useState(false);
  return (
    <figure class="artifact" aria-label={file.name}>
      <figcaption class="artifact-head">
        <span class="mono grow truncate" data-tip={file.kind === 'file' ? file.path : file.name}>
          {file.name}
        </span>
        <span class="faint figures">{formatBytes(file.bytes)}</span>
        <a class="btn btn-icon btn-quiet btn-size-small" href={href} download={file.name} aria-label={`Download ${file.name}`} data-tip="Download">
          <Download size={14} />
        </a>
      </figcaption>
      {broken && <p class="faint small">It can’t be shown; its bytes are a download away.</p>}
      {!broken && kind === 'image' && (
        <div class="artifact-frame">
          <img class="artifact-picture" src={href} alt={file.name} onError={() => setBroken(true)} />
        </div>
      )}
      {!broken && kind === 'audio' && <audio src={href} controls preload="metadata" onError={() => setBroken(true)} />}
      {!broken && kind === 'video' && <video class="artifact-picture" src={href} controls preload="metadata" onError={() => setBroken(true)} />}
      {kind === 'pdf' && <PdfView href={href} name={file.name} />}
    </figure>
  );
}

/** Read when asked for. The blob has no other type than PDF: bytes that are a page in disguise are never drawn as one. */
function PdfView(props: { readonly href: string; readonly name: string }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  if (!isOpen) {
    return (
      <div>
        <Button size="small" onClick={() => setOpen(true)}>
          Show the document
        </Button>
      </div>
    );
  }
  return <OpenPdf {...props} />;
}

function OpenPdf(props: { readonly href: string; readonly name: string }): JSX.Element {
  const bytes = useResource(async (signal) => await readBytes(props.href, signal), [props.href]);
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (bytes.value === undefined) return undefined;
    const made = URL.createObjectURL(new Blob([bytes.value], { type: 'application/pdf' }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes.value]);
  return (
    <View of={bytes} what={props.name}>
      {() => url !== undefined && <iframe class="data-pdf" src={url} title={props.name} />}
    </View>
  );
}

async function readBytes(href: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(href, { signal, credentials: 'same-origin', headers: { 'x-studio-client': 'web' } });
  if (!response.ok) throw new ApiError({ status: response.status, code: 'bad_reply', message: `The file could not be read (status ${response.status}).` });
  return await response.arrayBuffer();
}
