/** A log that grows, of a job or of a service. Of a large one a stretch is held that grows where one scrolls; its timeline, a time or a search lead elsewhere. */
import { ArrowDownToLine, ArrowUpToLine, Binary, Clock } from 'lucide-preact';
import { useSignal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import { live as connection } from '../../connection.ts';
import { useCommands } from '../../shell/commands.ts';
import { shownLines, shownStarts } from '../../state/log-lines.ts';
import type { FindInLog } from '../../state/log-search.ts';
import { createLogTimes, timeOfByte } from '../../state/log-times.ts';
import type { LogTimes, ReadLogTimes } from '../../state/log-times.ts';
import { createLogWindow } from '../../state/log-window.ts';
import type { LogWindow } from '../../state/log-window.ts';
import { foldMarkers } from '../../state/marker-lines.ts';
import { useOwned } from '../../state/use-owned.ts';
import { IconButton } from '../../ui/button.tsx';
import { formatBytes, formatClockSeconds, formatCount } from '../../ui/format.ts';
import { LogView } from '../../ui/log-view.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { GoToTime } from './go-to-time.tsx';
import { LogSearch } from './log-search.tsx';
import { LogTimeline } from './log-timeline.tsx';

/** Where a log is read from. Known by its room. */
export interface LogSource {
  /** How the socket calls it. */
  readonly room: string;
  readonly plain: URL;
  readonly urlFrom: (from: number) => URL;
  readonly times: ReadLogTimes;
  readonly find: FindInLog;
}

interface FollowedLogProps {
  readonly source: LogSource;
  readonly label: string;
  readonly downloadName: string;
  readonly live: boolean;
  readonly empty: string;
  /** Who writes it tells Studio things by lines: they are folded away until somebody wants them. */
  readonly hasMarkers?: boolean;
}

export function FollowedLog(props: FollowedLogProps): JSX.Element {
  const source = useMemo(() => props.source, [props.source.room]);
  const shown = useOwned(() => createLogWindow({ plain: source.plain, urlFrom: source.urlFrom, socket: { live: connection, log: source.room } }), [source]);
  const times = useOwned(() => createLogTimes(source.times), [source]);
  const hasTimes = useSignal(false);
  const hasMarkers = useSignal(props.hasMarkers !== true);
  const top = useSignal(0);
  const log = shown.log.value;
  const all = shownStarts(log);
  const place = shown.place.value;
  const folded = useMemo(() => (hasMarkers.value ? undefined : foldMarkers(shownLines(log), all, place.byte)), [log, hasMarkers.value, place.byte]);
  const starts = folded?.starts ?? all;
  const near = times.near.value;
  const isFromStart = (all[0] ?? 0) === 0;
  const isNumbered = isFromStart && shown.leftOut.value === 0;
  useEffect(() => times.look(log.starts[0] ?? 0, log.openAt), [log]);
  const goToTime = (atMs: number): void => void times.byteAt(atMs).then((byte) => shown.showAt(byte));
  useLogCommands(shown, hasTimes, props.hasMarkers === true ? hasMarkers : undefined);
  const numberOf = (index: number): string => (isNumbered ? String((folded?.places[index] ?? index) + 1 + log.dropped) : '');
  const timeOf = (index: number): string => clockOf(timeOfByte(near, starts[index] ?? 0));
  return (
    <>
      {shown.error.value !== undefined && <ErrorView compact title="The log broke off" error={shown.error.value} />}
      <LogTimeline times={times} topByte={starts[top.value] ?? 0} onTime={goToTime} />
      <LogView
        key={place.turn}
        atEnd={place.isEnd}
        atByte={place.byte}
        label={props.label}
        lines={folded?.lines ?? shownLines(log)}
        starts={starts}
        live={props.live && !shown.done.value && !shown.isInside.value}
        gutter={hasTimes.value ? timeOf : numberOf}
        onEdge={(edge) => shown.more(edge)}
        onTop={(index) => (top.value = index)}
        tools={
          <Tools
            shown={shown}
            times={times}
            find={source.find}
            hasTimes={hasTimes}
            hasMarkers={hasMarkers}
            hidden={folded?.hidden}
            mayFold={props.hasMarkers === true}
            onTime={goToTime}
          />
        }
        downloadHref={source.plain.href}
        downloadName={props.downloadName}
        empty={folded !== undefined && folded.hidden > 0 ? `Nothing but ${formatCount(folded.hidden, 'line')} for Studio was written.` : props.empty}
      />
    </>
  );
}

function useLogCommands(shown: LogWindow, hasTimes: Signal<boolean>, hasMarkers: Signal<boolean> | undefined): void {
  useCommands([
    {
      id: 'log-times',
      title: hasTimes.value ? 'Show line numbers' : 'Show when lines were written',
      group: 'Log',
      keys: 't',
      run: () => (hasTimes.value = !hasTimes.value),
    },
    ...(hasMarkers === undefined
      ? []
      : [
          {
            id: 'log-markers',
            title: hasMarkers.value ? 'Hide lines written for Studio' : 'Show lines written for Studio',
            group: 'Log',
            keys: 'h',
            run: () => (hasMarkers.value = !hasMarkers.value),
          },
        ]),
    { id: 'log-start', title: 'To the beginning of the log', group: 'Log', keys: 'Home', run: () => shown.showAt(0) },
    { id: 'log-end', title: 'To the end of the log', group: 'Log', keys: 'End', run: () => shown.showEnd() },
  ]);
}

interface ToolsProps {
  readonly shown: LogWindow;
  readonly times: LogTimes;
  readonly find: FindInLog;
  readonly hasTimes: Signal<boolean>;
  readonly hasMarkers: Signal<boolean>;
  /** How many lines are folded away; undefined: none are to be. */
  readonly hidden: number | undefined;
  readonly mayFold: boolean;
  readonly onTime: (atMs: number) => void;
}

/** Which part of a large log is shown, what is left out of it, and the ways to other places. */
function Tools({ shown, times, find, hasTimes, hasMarkers, hidden, mayFold, onTime }: ToolsProps): JSX.Element {
  const isWhole = (shown.log.value.starts[0] ?? 0) === 0 && !shown.isInside.value && shown.leftOut.value === 0;
  const moments = times.whole.value;
  return (
    <>
      {!isWhole && <LogSearch find={find} onShow={(byte) => shown.showAt(byte)} />}
      {moments.length > 0 && <GoToTime firstMs={moments[0]?.atMs ?? 0} lastMs={moments.at(-1)?.atMs ?? 0} onTime={onTime} />}
      <IconButton
        label="Show when lines were written"
        icon={<Clock size={14} />}
        hint="t"
        pressed={hasTimes.value}
        disabled={moments.length === 0}
        onClick={() => (hasTimes.value = !hasTimes.value)}
      />
      {mayFold && hidden !== 0 && (
        <IconButton
          label={hidden === undefined ? 'Hide lines written for Studio' : `Show ${formatCount(hidden, 'line')} written for Studio`}
          icon={<Binary size={14} />}
          hint="h"
          pressed={hidden === undefined}
          onClick={() => (hasMarkers.value = !hasMarkers.value)}
        />
      )}
      {hidden !== undefined && hidden > 0 && <span class="small faint figures">{hidden} hidden</span>}
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
