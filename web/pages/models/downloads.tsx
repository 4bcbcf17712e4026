/** Downloads that are not over: how far, how fast, how long still; pause, resume, cancel. */
import { Pause, Play, X } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { commandDownload } from '../../state/models.ts';
import { IconButton } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Progress } from '../../ui/meter.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { toastError } from '../../ui/toast.tsx';
import { progressWords } from './model-words.ts';
import type { JSX } from 'preact';
import type { Download } from '../../../src/contract/model-downloads.ts';
import type { DownloadVerb } from '../../state/models.ts';

export function DownloadsCard(props: { readonly downloads: readonly Download[]; readonly mayChange: boolean; readonly onChanged: () => void }): JSX.Element {
  const [cancelling, setCancelling] = useState<Download>();
  const command = (download: Download, verb: DownloadVerb): Promise<void> => commandDownload(download.id, verb).then(props.onChanged);
  const run = (download: Download, verb: 'pause' | 'resume'): void =>
    void command(download, verb).catch((error: unknown) => toastError(verb === 'pause' ? 'Pause' : 'Resume', error));
  return (
    <Card title="Downloads" flush>
      <ul class="model-downloads">
        {props.downloads.map((download) => (
          <li key={download.id} class="model-download">
            <div class="row">
              <span class="strong truncate grow">{download.modelName}</span>
              <StatusChip status={download.status} bare />
              {props.mayChange && (
                <>
                  {download.status === 'running' || download.status === 'queued' ? (
                    <IconButton label={`Pause ${download.modelName}`} icon={<Pause size={14} />} size="small" onClick={() => run(download, 'pause')} />
                  ) : (
                    <IconButton label={`Resume ${download.modelName}`} icon={<Play size={14} />} size="small" onClick={() => run(download, 'resume')} />
                  )}
                  <IconButton label={`Cancel ${download.modelName}`} icon={<X size={14} />} size="small" onClick={() => setCancelling(download)} />
                </>
              )}
            </div>
            <Progress
              label={`Download of ${download.modelName}`}
              value={download.bytesTotal === null ? undefined : download.bytesDone / Math.max(1, download.bytesTotal)}
            />
            <div class={download.status === 'failed' ? 'small why-failed model-words' : 'small muted model-words'}>{progressWords(download)}</div>
          </li>
        ))}
      </ul>
      {cancelling !== undefined && (
        <Confirm
          title={`Cancel the download of ${cancelling.modelName}?`}
          action="Cancel it"
          danger
          onClose={() => setCancelling(undefined)}
          onConfirm={() => command(cancelling, 'cancel')}
        >
          What came so far is deleted. To go on later, pause it instead.
        </Confirm>
      )}
    </Card>
  );
}
