/** The log of a job, live while it runs. Of a large one its end is shown, or what lies around a place that a search found. */
import type { JSX } from 'preact';
import { urlOf } from '../../api.ts';
import { live as connection } from '../../connection.ts';
import { shownLines } from '../../state/log-lines.ts';
import { createLogWindow } from '../../state/log-window.ts';
import type { LogWindow } from '../../state/log-window.ts';
import { useOwned } from '../../state/use-owned.ts';
import { Button } from '../../ui/button.tsx';
import { formatBytes } from '../../ui/format.ts';
import { LogView } from '../../ui/log-view.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { LogSearch } from './log-search.tsx';

export function JobLog(props: { readonly jobId: string; readonly live: boolean }): JSX.Element {
  const { jobId } = props;
  const shown = useOwned(
    () =>
      createLogWindow({
        plain: urlOf('/api/v1/jobs/{id}/log', { id: jobId }),
        urlFrom: (from) => urlOf('/api/v1/jobs/{id}/log', { id: jobId }, { follow: true, from }),
        socket: { live: connection, jobId },
      }),
    [jobId],
  );
  const log = shown.log.value;
  const isWhole = shown.from.value === 0 && !shown.isInside.value && shown.leftOut.value === 0;
  return (
    <>
      {shown.error.value !== undefined && <ErrorView compact title="The log broke off" error={shown.error.value} />}
      {!isWhole && <Place shown={shown} jobId={jobId} />}
      <LogView
        key={`${shown.from.value} ${shown.line.value ?? 'end'}`}
        atEnd={!isWhole && shown.line.value === undefined}
        atLine={shown.line.value}
        label={`Log of ${jobId}`}
        lines={shownLines(log)}
        live={props.live && !shown.done.value && !shown.isInside.value}
        firstNumber={shown.from.value === 0 ? log.dropped + 1 : undefined}
        numbered={shown.from.value === 0 && shown.leftOut.value === 0}
        downloadHref={urlOf('/api/v1/jobs/{id}/log', { id: jobId }).href}
        downloadName={`${jobId}.log`}
        empty={props.live ? 'Nothing was written yet.' : 'Nothing was written.'}
      />
    </>
  );
}

/** Which part of a large log is shown, and the ways to others. */
function Place(props: { readonly shown: LogWindow; readonly jobId: string }): JSX.Element {
  const { shown } = props;
  return (
    <div class="log-place">
      <span class="small muted figures">
        {placeOf(shown)} {formatBytes(shown.bytes.value)}
      </span>
      <Button size="small" disabled={shown.from.value === 0 && shown.leftOut.value === 0} onClick={() => shown.showAt(0)}>
        To the beginning
      </Button>
      <Button size="small" disabled={!shown.isInside.value} onClick={() => shown.showEnd()}>
        To the end
      </Button>
      <LogSearch jobId={props.jobId} onShow={(byte) => shown.showAt(byte)} />
    </div>
  );
}

function placeOf(shown: LogWindow): string {
  if (shown.isInside.value) return `From ${formatBytes(shown.from.value)} on of`;
  return shown.leftOut.value === 0 ? 'The end of' : 'Parts of more than';
}
