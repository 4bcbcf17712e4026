/** Where the time went: a row a step, work in the colour of its status, waits apart; maps folded with their counts; zoom, pan, the critical path. */
import { History, Maximize, Minus, Plus, Route } from 'lucide-preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { useCommands } from '../../shell/commands.ts';
import { criticalPath } from '../../state/critical-path.ts';
import { stepRows } from '../../state/step-rows.ts';
import type { StepRow } from '../../state/step-rows.ts';
import { byStart, countEarlier, timelineOf } from '../../state/timeline.ts';
import type { Timeline } from '../../state/timeline.ts';
import { IconButton } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { formatCount, formatDuration } from '../../ui/format.ts';
import { isWhole, panRange, zoomRange } from '../../ui/range.ts';
import type { Range } from '../../ui/range.ts';
import { Empty } from '../../ui/views.tsx';
import type { ShownInstance } from './shown-instance.ts';
import { TimelineRows } from './timeline-rows.tsx';

// Closer than this nothing is told apart: times are whole milliseconds.
const LEAST_MS = 5;

export function TimelineTab(props: ShownInstance): JSX.Element {
  const { page } = props;
  const [zoom, setZoom] = useState<Range>();
  const [marks, setMarks] = useState(false);
  const [hasEarlier, setEarlier] = useState(true);
  const earlier = useMemo(() => countEarlier(page.steps, page.tries), [page.steps, page.tries]);
  const { timeline, rows } = useTimeline(props, hasEarlier);
  const path = useMemo(() => criticalPath(page.definition.edges, page.steps), [page.definition.edges, page.steps]);
  const whole = { from: 0, to: timeline.totalMs };
  const shown = zoom ?? whole;
  const show = (next: Range): void => setZoom(isWhole(next, whole) ? undefined : next);
  const zoomBy = (factor: number, around = (shown.from + shown.to) / 2): void => show(zoomRange(shown, whole, { factor, around, least: LEAST_MS }));
  const frame = useRef<HTMLDivElement>(null);
  useWheel(frame, {
    onZoom: (factor, share) => zoomBy(factor, shown.from + share * (shown.to - shown.from)),
    onPan: (share) => show(panRange(shown, whole, share)),
  });
  useCommands([
    { id: 'timeline-in', title: 'Timeline: closer', group: 'This page', keys: '+', run: () => zoomBy(0.5) },
    { id: 'timeline-out', title: 'Timeline: further away', group: 'This page', keys: '-', run: () => zoomBy(2) },
    { id: 'timeline-all', title: 'Timeline: all of it', group: 'This page', keys: '0', run: () => setZoom(undefined) },
    { id: 'timeline-left', title: 'Timeline: earlier', group: 'This page', keys: 'arrowleft', run: () => show(panRange(shown, whole, -0.25)) },
    { id: 'timeline-right', title: 'Timeline: later', group: 'This page', keys: 'arrowright', run: () => show(panRange(shown, whole, 0.25)) },
    { id: 'timeline-critical', title: 'Timeline: mark the critical path', group: 'This page', keys: 'p', run: () => setMarks(!marks) },
    {
      id: 'timeline-earlier',
      title: 'Timeline: earlier runs of steps',
      group: 'This page',
      keys: 'e',
      disabled: earlier === 0,
      run: () => setEarlier(!hasEarlier),
    },
  ]);
  if (rows.length === 0) return <Empty title="No step has started">The timeline grows as steps run.</Empty>;
  return (
    <div class="timeline" ref={frame}>
      <div class="timeline-legend">
        <Legend timeline={timeline} criticalMs={marks ? lengthOf(path, page.steps, timeline) : undefined} />
        <span class="grow" />
        {zoom !== undefined && (
          <span class="mono figures muted">
            {formatDuration(shown.from)} – {formatDuration(shown.to)}
          </span>
        )}
        <span class="row" role="toolbar" aria-label="View of the timeline">
          {earlier > 0 && (
            <IconButton
              size="small"
              label={`Earlier runs of ${formatCount(earlier, 'step')}`}
              hint="e"
              pressed={hasEarlier}
              icon={<History size={14} />}
              onClick={() => setEarlier(!hasEarlier)}
            />
          )}
          <IconButton size="small" label="Mark the critical path" hint="p" pressed={marks} icon={<Route size={14} />} onClick={() => setMarks(!marks)} />
          <IconButton size="small" label="Closer" hint="+" icon={<Plus size={14} />} onClick={() => zoomBy(0.5)} />
          <IconButton size="small" label="Further away" hint="-" icon={<Minus size={14} />} disabled={zoom === undefined} onClick={() => zoomBy(2)} />
          <IconButton size="small" label="All of it" hint="0" icon={<Maximize size={14} />} disabled={zoom === undefined} onClick={() => setZoom(undefined)} />
        </span>
      </div>
      <TimelineRows
        rows={rows}
        barsOf={timeline.barsOf}
        shown={shown}
        critical={marks ? new Set(path) : undefined}
        selected={props.selected}
        bodies={props.bodies}
        onSelect={props.onSelect}
        onBrush={(from, to) => show(zoomRange({ from, to }, whole, { factor: 1, around: (from + to) / 2, least: LEAST_MS }))}
      />
    </div>
  );
}

function useTimeline(props: ShownInstance, hasEarlier: boolean): { readonly timeline: Timeline; readonly rows: readonly StepRow[] } {
  const { page, bodies, containers, counts } = props;
  const { steps, instance, definition, tries } = page;
  const top = useMemo(() => byStart([...steps.values()].filter((step) => !step.path.includes('['))), [steps]);
  const rows = useMemo(() => stepRows(top, { open: bodies.open, containers, counts }), [top, bodies.open, containers, counts]);
  const waiting = useMemo(
    () => new Set(definition.nodes.filter((node) => node.type.startsWith('wait.') || node.type === 'approval').map((node) => node.key)),
    [definition],
  );
  const nowMs = instance.endedAt === null ? now.value : 0;
  const timeline = useMemo(
    () =>
      timelineOf({
        startedAt: instance.startedAt ?? instance.createdAt,
        endedAt: instance.endedAt,
        steps: top,
        nowMs,
        waitsByNature: (step) => waiting.has(step.key),
        tries,
        hasEarlier,
      }),
    [top, nowMs, waiting, tries, hasEarlier, instance],
  );
  return { timeline, rows };
}

/** How long the chain took, from the first of its bars to the last. */
function lengthOf(path: readonly string[], steps: ShownInstance['page']['steps'], timeline: Timeline): number {
  const bars = path.flatMap((key) => {
    const step = steps.get(key);
    return step === undefined ? [] : timeline.barsOf(step);
  });
  return bars.reduce((ms, bar) => ms + bar.toMs - bar.fromMs, 0);
}

function Legend(props: { readonly timeline: Timeline; readonly criticalMs: number | undefined }): JSX.Element {
  const { timeline } = props;
  return (
    <>
      <span class="timeline-key">
        <i class="timeline-key-work" /> work {formatDuration(timeline.workMs)}
      </span>
      <span class="timeline-key">
        <i class="timeline-bar-wait" /> waiting {formatDuration(timeline.waitMs)}
      </span>
      {props.criticalMs !== undefined && (
        <span class="timeline-key">
          <i class="timeline-key-critical" /> critical path {formatDuration(props.criticalMs)}
        </span>
      )}
      <span class="timeline-key">
        in all <span class="mono figures">{formatDuration(timeline.totalMs)}</span>
      </span>
    </>
  );
}

interface Wheel {
  /** @param share where the pointer is, 0 to 1 of the tracks */
  readonly onZoom: (factor: number, share: number) => void;
  readonly onPan: (share: number) => void;
}

/** The wheel zooms with Ctrl or ⌘ (also what a pinch sends), pans sideways, and scrolls otherwise. */
function useWheel(frame: { readonly current: HTMLElement | null }, wheel: Wheel): void {
  const latest = useRef(wheel);
  latest.current = wheel;
  const isThere = frame.current !== null;
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const onWheel = (event: WheelEvent): void => {
      const track = element.querySelector('.timeline-axis-track')?.getBoundingClientRect();
      if (track === undefined) return;
      const isZoom = event.ctrlKey || event.metaKey;
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (isZoom) latest.current.onZoom(Math.exp(event.deltaY / 300), (event.clientX - track.left) / Math.max(1, track.width));
      else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) latest.current.onPan(sideways / Math.max(1, track.width));
      else return;
      event.preventDefault();
    };
    // Not passive: the browser would zoom the page itself.
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [isThere]);
}
