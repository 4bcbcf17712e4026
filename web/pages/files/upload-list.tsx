/** What is being uploaded, above the files. */
import { RotateCw, X } from 'lucide-preact';
import { clearDoneUploads, dropUpload, retryUpload, uploads } from '../../state/uploads.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { formatBytes, formatPercent } from '../../ui/format.ts';
import { Progress } from '../../ui/meter.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import type { JSX } from 'preact';
import type { UploadItem } from '../../state/uploads.ts';

export function UploadList(): JSX.Element | null {
  const items = uploads.value;
  if (items.length === 0) return null;
  const done = items.filter((item) => item.status === 'completed').length;
  return (
    <section class="uploads" aria-label="Uploads">
      <header class="row">
        <span class="grow small strong">
          Uploads: {done} of {items.length} done
        </span>
        {done > 0 && (
          <Button size="small" kind="quiet" onClick={clearDoneUploads}>
            Clear done
          </Button>
        )}
      </header>
      <ul>
        {items.slice(-8).map((item) => (
          <UploadRow key={item.id} item={item} />
        ))}
      </ul>
    </section>
  );
}

function UploadRow(props: { readonly item: UploadItem }): JSX.Element {
  const { item } = props;
  const share = item.bytes === 0 ? 1 : item.sentBytes / item.bytes;
  return (
    <li class="upload">
      <StatusChip status={item.status} bare />
      <span class="truncate grow">{item.path}</span>
      {item.status === 'running' && (
        <>
          <span class="upload-progress">
            <Progress label={`Upload of ${item.path}`} value={share} />
          </span>
          <span class="mono faint">{formatPercent(share)}</span>
        </>
      )}
      {item.error !== undefined && <span class="field-fault truncate">{item.error.message}</span>}
      <span class="mono faint">{formatBytes(item.bytes)}</span>
      {item.status === 'failed' && <IconButton size="small" label="Try again" icon={<RotateCw size={14} />} onClick={() => retryUpload(item.id)} />}
      <IconButton size="small" label={item.status === 'running' ? 'Stop' : 'Dismiss'} icon={<X size={14} />} onClick={() => dropUpload(item.id)} />
    </li>
  );
}
