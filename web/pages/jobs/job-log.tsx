/** The log of a job, live while it runs. */
import type { JSX } from 'preact';
import { urlOf } from '../../api.ts';
import { shownLines } from '../../state/log-lines.ts';
import { createLogStream } from '../../state/log-stream.ts';
import { useOwned } from '../../state/use-owned.ts';
import { LogView } from '../../ui/log-view.tsx';
import { ErrorView } from '../../ui/views.tsx';

export function JobLog(props: { readonly jobId: string; readonly live: boolean }): JSX.Element {
  const { jobId } = props;
  const stream = useOwned(() => createLogStream((from) => urlOf('/api/v1/jobs/{id}/log', { id: jobId }, { follow: true, from })), [jobId]);
  const log = stream.log.value;
  return (
    <>
      {stream.error.value !== undefined && <ErrorView compact title="The log broke off" error={stream.error.value} />}
      <LogView
        label={`Log of ${jobId}`}
        lines={shownLines(log)}
        live={props.live && !stream.done.value}
        firstNumber={log.dropped + 1}
        downloadHref={urlOf('/api/v1/jobs/{id}/log', { id: jobId }).href}
        downloadName={`${jobId}.log`}
        empty={props.live ? 'Nothing was written yet.' : 'Nothing was written.'}
      />
    </>
  );
}
