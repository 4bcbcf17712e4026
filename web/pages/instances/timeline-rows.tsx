/** The rows of the timeline: only those in sight are drawn. Dragging along the axis chooses a part of the time. */
import { ChevronDown, ChevronRight } from 'lucide-preact';
import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import { countShares, countsText } from '../../state/body-counts.ts';
import type { BodySteps } from '../../state/body-steps.ts';
import { rowName } from '../../state/step-rows.ts';
import type { StepRow } from '../../state/step-rows.ts';
import { axisMarks } from '../../state/timeline.ts';
import type { Bar, Timeline } from '../../state/timeline.ts';
import { formatDuration } from '../../ui/format.ts';
import { isNarrow } from '../../ui/narrow.ts';
import { shareOf } from '../../ui/range.ts';
import type { Range } from '../../ui/range.ts';
import { StatusShape } from '../../ui/status-chip.tsx';
import { statusColor, statusLook } from '../../ui/status.ts';
import { toastError } from '../../ui/toast.tsx';
import { useBrush } from '../../ui/use-brush.ts';
import { useVirtualRows } from '../../ui/virtual-rows.ts';
import { BodyTools } from './body-tools.tsx';

const ROW_PX = 28;

interface TimelineRowsProps {
  readonly rows: readonly StepRow[];
  readonly barsOf: Timeline['barsOf'];
  /** ms since the start of the instance. */
  readonly shown: Range;
  readonly critical: ReadonlySet<string> | undefined;
  readonly selected: string | undefined;
  readonly bodies: BodySteps;
  readonly onSelect: (path: string) => void;
  readonly onBrush: (fromMs: number, toMs: number) => void;
}

export function TimelineRows(props: TimelineRowsProps): JSX.Element {
  const { rows, shown, bodies } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const drawn = useVirtualRows(scroller, { count: rows.length, rowPx: ROW_PX });
  useEffect(() => bodies.see(rows.slice(drawn.first, drawn.end)), [rows, drawn.first, drawn.end]);
  useEffect(() => {
    const index = rows.findIndex((row) => row.path === bodies.shown?.path);
    const element = scroller.current;
    if (index >= 0 && element !== null) element.scrollTop = index * ROW_PX - element.clientHeight / 2;
  }, [bodies.shown]);
  const marks = axisMarks(shown.from, shown.to, isNarrow.value ? 2 : 6);
  return (
    <div ref={scroller} class="timeline-scroll" tabIndex={0} role="region" aria-label="Timeline">
      <Axis {...props} marks={marks} />
      <div class="timeline-body">
        <div class="timeline-rules" aria-hidden="true">
          {marks.map((mark) => (
            <span key={mark} class="timeline-rule" style={{ left: percent((mark - shown.from) / (shown.to - shown.from)) }} />
          ))}
        </div>
        <div style={{ height: `${drawn.abovePx}px` }} />
        {rows.slice(drawn.first, drawn.end).map((each) => (
          <Row key={`${each.kind} ${each.path}`} row={each} all={props} />
        ))}
        <div style={{ height: `${drawn.belowPx}px` }} />
      </div>
    </div>
  );
}

function percent(share: number): string {
  return `${share * 100}%`;
}

function Axis(props: Pick<TimelineRowsProps, 'shown' | 'onBrush'> & { readonly marks: readonly number[] }): JSX.Element {
  const { shown } = props;
  const msAt = (share: number): number => shown.from + share * (shown.to - shown.from);
  const { part, ...handlers } = useBrush({ onSelect: (from, to) => props.onBrush(msAt(from), msAt(to)) });
  return (
    <div class="timeline-row timeline-axis" aria-hidden="true">
      <span />
      <div class="timeline-axis-track" data-tip="Drag to look closer" {...handlers}>
        {props.marks.map((mark) => (
          <span key={mark} class="timeline-mark" style={{ left: percent((mark - shown.from) / (shown.to - shown.from)) }}>
            {mark === 0 ? '0' : formatDuration(mark)}
          </span>
        ))}
        {part !== undefined && <span class="brush" style={{ left: percent(part[0]), width: percent(part[1] - part[0]) }} />}
      </div>
      <span />
    </div>
  );
}

function Row(props: { readonly row: StepRow; readonly all: TimelineRowsProps }): JSX.Element {
  const { all, row } = props;
  const indent = { paddingInlineStart: `${12 + row.depth * 14}px` };
  if (row.kind === 'tools')
    return (
      <div class="timeline-row timeline-tools" style={indent}>
        <BodyTools of={row} bodies={all.bodies} />
      </div>
    );
  const step = all.bodies.stepOf(row);
  const counts = row.kind === 'step' ? row.counts : undefined;
  const bars = step === undefined || step === null ? [] : all.barsOf(step);
  const tookMs = bars.reduce((ms, bar) => (bar.earlier === undefined ? ms + bar.toMs - bar.fromMs : ms), 0);
  // What stands inside a map belongs to it.
  const isCritical = all.critical?.has(row.path.split(/[[/]/, 1)[0] ?? '') === true;
  const unfold = (): void => void all.bodies.toggle(row.path).catch((error: unknown) => toastError(`Read ${row.path}`, error));
  return (
    <div
      class="timeline-row"
      data-selected={row.path === all.selected}
      data-shown={row.path === all.bodies.shown?.path}
      data-critical={all.critical === undefined ? undefined : isCritical}
    >
      <span class="timeline-name" style={indent}>
        {row.fold === undefined ? (
          <span class="timeline-unfold" />
        ) : (
          <button type="button" class="timeline-unfold" aria-expanded={row.fold === 'open'} aria-label={`Steps of ${row.path}`} onClick={unfold}>
            {row.fold === 'open' ? <ChevronDown size={14} /> : <ChevronRight size={14} />}
          </button>
        )}
        <button type="button" class="timeline-open truncate" aria-pressed={row.path === all.selected} onClick={() => all.onSelect(row.path)}>
          {step !== undefined && <StatusShape status={step?.status ?? 'pending'} label />}
          <span class="truncate">{rowName(row.path, row.depth)}</span>
        </button>
      </span>
      <div class="timeline-track" onClick={() => all.onSelect(row.path)}>
        {bars.map((bar) => (
          <BarView
            key={`${bar.kind}-${bar.earlier ?? ''}-${bar.attempt}-${bar.fromMs}`}
            bar={bar}
            shown={all.shown}
            counts={counts}
            isCritical={isCritical && row.depth === 0}
          />
        ))}
      </div>
      <div class="timeline-took figures">{bars.length === 0 ? '–' : formatDuration(tookMs)}</div>
    </div>
  );
}

const kindWords: Readonly<Record<Bar['kind'], string>> = { queued: 'On the queue', wait: 'Waiting', work: 'Work', backoff: 'Pause before the next attempt' };

function BarView(props: {
  readonly bar: Bar;
  readonly shown: Range;
  readonly counts: Parameters<typeof countsText>[0] | undefined;
  readonly isCritical: boolean;
}): JSX.Element | null {
  const { bar, counts } = props;
  const part = shareOf({ from: bar.fromMs, to: bar.toMs }, props.shown);
  if (part === undefined) return null;
  const place = { left: percent(part.from), width: percent(part.to - part.from) };
  const isMap = bar.kind === 'work' && bar.earlier === undefined && counts !== undefined && counts.total > 0;
  const classes = `timeline-bar${bar.kind === 'work' ? '' : ' timeline-bar-wait'}${isMap ? ' timeline-bar-map' : ''}${props.isCritical ? ' timeline-bar-critical' : ''}${bar.earlier === undefined ? '' : ' timeline-bar-earlier'}`;
  const look = bar.kind !== 'work' ? {} : isMap ? { backgroundImage: stripes(counts) } : { backgroundColor: statusColor(bar.status) };
  return (
    <>
      <span class={classes} style={{ ...place, ...look }} data-tip={isMap ? `${tipOf(bar)}\n${countsText(counts)}` : tipOf(bar)} />
      {isMap && (
        <span class={`timeline-counts${isWide(part) ? ' timeline-counts-on' : ''}`} style={besideOf(part)}>
          {countsText(counts)}
        </span>
      )}
    </>
  );
}

/** From one end to the other: there is no room for words beside it. */
const isWide = (part: Range): boolean => part.from < 0.3 && part.to > 0.7;

/** Behind the bar, before one that ends far right, or on one that is wide. */
function besideOf(part: Range): JSX.CSSProperties {
  if (part.to <= 0.7) return { left: percent(part.to) };
  return { right: percent(1 - (isWide(part) ? part.to : part.from)) };
}

/** A bar in the colours of its items, each as long as its part of them. */
function stripes(counts: Parameters<typeof countsText>[0]): string {
  const stops = countShares(counts).map(({ status, from, to }) => `${statusColor(status)} ${percent(from)} ${percent(to)}`);
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}

function tipOf(bar: Bar): string {
  const status = bar.kind === 'work' ? `${statusLook(bar.status).word}${bar.attempt > 1 ? `, attempt ${bar.attempt}` : ''}` : kindWords[bar.kind];
  const run = bar.earlier === undefined ? '' : `Run ${bar.earlier}, done again since. `;
  return `${run}${status}: ${formatDuration(bar.toMs - bar.fromMs)}\nfrom ${formatDuration(bar.fromMs)} to ${formatDuration(bar.toMs)}`;
}
