/** The log of a job, live while it runs. Of a large one a stretch is held that grows where one scrolls; its timeline, a time or a search lead elsewhere. */
import { ArrowDownToLine, ArrowUpToLine, Clock } from 'lucide-preact';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import { call, urlOf } from '../../api.ts';
import { live as connection } from '../../connection.ts';
import { useCommands } from '../../shell/commands.ts';
import { shownLines, shownStarts } from '../../state/log-lines.ts';
import type { FindInLog } from '../../state/log-search.ts';
import { createLogTimes, timeOfByte } from '../../state/log-times.ts';
import type { LogTimes } from '../../state/log-times.ts';
import { createLogWindow } from '../../state/log-window.ts';
import type { LogWindow } from '../../state/log-window.ts';
import { useOwned } from '../../state/use-owned.ts';
import { IconButton } from '../../ui/button.tsx';
import { formatBytes, formatClockSeconds } from '../../ui/format.ts';
import { LogView } from '../../ui/log-view.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { GoToTime } from './go-to-time.tsx';
import { LogSearch } from './log-search.tsx';
import { LogTimeline } from './log-timeline.tsx';

export function JobLog(props: { readonly jobId: string; readonly live: boolean }): JSX.Element {
  const { jobId } = props;
  const shown = useOwned(
    () =>
      createLogWindow({
        plain: urlOf('/api/v1/jobs/{id}/log', { id: jobId }),
        urlFrom: (from) => urlOf('/api/v1/jobs/{id}/log', { id: jobId }, { follow: true, from }),
        socket: { live: connection, log: jobId },
      }),
    [jobId],
  );
  const times = useOwned(() => createLogTimes(jobId), [jobId]);
  const hasTimes = useSignal(false);
  const top = useSignal(0);
  const log = shown.log.value;
  const lines = shownLines(log);
  const starts = shownStarts(log);
  const place = shown.place.value;
  const near = times.near.value;
  const isFromStart = (starts[0] ?? 0) === 0;
  useEffect(() => times.look(log.starts[0] ?? 0, log.openAt), [log]);
  const goToTime = (atMs: number): void => void times.byteAt(atMs).then((byte) => shown.showAt(byte));
  useCommands([
    {
      id: 'log-times',
      title: hasTimes.value ? 'Show line numbers' : 'Show when lines were written',
      group: 'Log',
      keys: 't',
      run: () => (hasTimes.value = !hasTimes.value),
    },
    { id: 'log-start', title: 'To the beginning of the log', group: 'Log', keys: 'Home', run: () => shown.showAt(0) },
    { id: 'log-end', title: 'To the end of the log', group: 'Log', keys: 'End', run: () => shown.showEnd() },
  ]);
  return (
    <>
      {shown.error.value !== undefined && <ErrorView compact title="The log broke off" error={shown.error.value} />}
      <LogTimeline times={times} topByte={starts[top.value] ?? 0} onTime={goToTime} />
      <LogView
        key={place.turn}
        atEnd={place.isEnd}
        atByte={place.byte}
        label={`Log of ${jobId}`}
        lines={lines}
        starts={starts}
        live={props.live && !shown.done.value && !shown.isInside.value}
        firstNumber={isFromStart ? log.dropped + 1 : undefined}
        numbered={isFromStart && shown.leftOut.value === 0}
        {...(hasTimes.value ? { gutter: (index: number) => clockOf(timeOfByte(near, starts[index] ?? 0)) } : {})}
        onEdge={(edge) => shown.more(edge)}
        onTop={(index) => (top.value = index)}
        tools={
          <Tools shown={shown} times={times} jobId={jobId} hasTimes={hasTimes.value} onTimes={() => (hasTimes.value = !hasTimes.value)} onTime={goToTime} />
        }
        downloadHref={urlOf('/api/v1/jobs/{id}/log', { id: jobId }).href}
        downloadName={`${jobId}.log`}
        empty={props.live ? 'Nothing was written yet.' : 'Nothing was written.'}
      />
    </>
  );
}

interface ToolsProps {
  readonly shown: LogWindow;
  readonly times: LogTimes;
  readonly jobId: string;
  readonly hasTimes: boolean;
  readonly onTimes: () => void;
  readonly onTime: (atMs: number) => void;
}

/** Which part of a large log is shown, and the ways to others. */
function Tools({ shown, times, jobId, hasTimes, onTimes, onTime }: ToolsProps): JSX.Element {
  const isWhole = (shown.log.value.starts[0] ?? 0) === 0 && !shown.isInside.value && shown.leftOut.value === 0;
  const moments = times.whole.value;
  const find = useMemo((): FindInLog => (query) => call('GET /api/v1/jobs/{id}/log/search', { params: { id: jobId }, query }), [jobId]);
  return (
    <>
      {!isWhole && <LogSearch find={find} onShow={(byte) => shown.showAt(byte)} />}
      {moments.length > 0 && <GoToTime firstMs={moments[0]?.atMs ?? 0} lastMs={moments.at(-1)?.atMs ?? 0} onTime={onTime} />}
      <IconButton
        label="Show when lines were written"
        icon={<Clock size={14} />}
        hint="t"
        pressed={hasTimes}
        disabled={moments.length === 0}
        onClick={onTimes}
      />
      {!isWhole && (
        <>
          <IconButton label="To the beginning" icon={<ArrowUpToLine size={14} />} onClick={() => shown.showAt(0)} />
          {shown.isInside.value && <IconButton label="To the end" icon={<ArrowDownToLine size={14} />} onClick={() => shown.showEnd()} />}
          <span class="small faint figures">{placeOf(shown)}</span>
        </>
      )}
    </>
  );
}

function placeOf(shown: LogWindow): string {
  const size = formatBytes(shown.bytes.value);
  if (shown.isInside.value) return `From ${formatBytes(shown.log.value.starts[0] ?? 0)} on of ${size}`;
  return shown.leftOut.value === 0 ? `The end of ${size}` : `Parts of more than ${size}`;
}

function clockOf(atMs: number | undefined): string {
  return atMs === undefined ? '' : formatClockSeconds(atMs, true);
}
