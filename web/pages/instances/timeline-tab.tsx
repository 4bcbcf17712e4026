/** Where the time went: a row a step, work in the colour of its status, waits as a dotted line. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { call } from '../../api.ts';
import { axisMarks, timelineOf } from '../../state/timeline.ts';
import type { Bar, PastAttempt, Timeline, TimelineRow } from '../../state/timeline.ts';
import type { InstancePage } from '../../state/instance.ts';
import { now } from '../../ui/clock.ts';
import { formatDuration } from '../../ui/format.ts';
import { isNarrow } from '../../ui/narrow.ts';
import { StatusShape } from '../../ui/status-chip.tsx';
import { statusColor, statusLook } from '../../ui/status.ts';
import { Empty } from '../../ui/views.tsx';
import type { ShownInstance } from './graph-tab.tsx';

// LIMIT: rows are laid out without a window; beyond this many the list of steps is the better view.
const MAX_ROWS = 500;

export function TimelineTab(props: ShownInstance): JSX.Element {
  const { page } = props;
  const attempts = usePastAttempts(page);
  const waiting = useMemo(
    () => new Set((props.definition?.nodes ?? []).filter((node) => node.type.startsWith('wait.') || node.type === 'approval').map((node) => node.key)),
    [props.definition],
  );
  const over = page.instance.endedAt !== null;
  const timeline = timelineOf({
    startedAt: page.instance.startedAt ?? page.instance.createdAt,
    endedAt: page.instance.endedAt,
    steps: page.steps.values(),
    nowMs: over ? 0 : now.value,
    waitsByNature: (step) => waiting.has(step.key),
    attempts,
  });
  if (timeline.rows.length === 0) return <Empty title="No step has started">The timeline grows as steps run.</Empty>;
  return (
    <div class="timeline" tabIndex={0} role="region" aria-label="Timeline">
      <div class="timeline-legend">
        <span class="timeline-key">
          <i style={{ background: 'var(--ok-solid)' }} /> work {formatDuration(timeline.workMs)}
        </span>
        <span class="timeline-key">
          <i class="timeline-bar-wait" style={{ height: '2px' }} /> waiting {formatDuration(timeline.waitMs)}
        </span>
        <span class="grow" />
        <span class="mono figures">{formatDuration(timeline.totalMs)}</span>
      </div>
      <Grid timeline={timeline} selected={props.selected} onSelect={props.onSelect} />
      {timeline.rows.length > MAX_ROWS && <p class="table-more faint">{timeline.rows.length - MAX_ROWS} more steps are in the list of steps.</p>}
    </div>
  );
}

function Grid(props: { readonly timeline: Timeline; readonly selected: string | undefined; readonly onSelect: (path: string) => void }): JSX.Element {
  const { timeline } = props;
  const share = (ms: number): string => `${(100 * ms) / timeline.totalMs}%`;
  const marks = axisMarks(timeline.totalMs, isNarrow.value ? 2 : 6);
  return (
    <div class="timeline-grid">
      <div class="timeline-axis" />
      <div class="timeline-axis" aria-hidden="true">
        {marks.map((mark) => (
          <span key={mark} class="timeline-mark" style={{ left: share(mark) }}>
            {mark === 0 ? '0' : formatDuration(mark)}
          </span>
        ))}
      </div>
      <div class="timeline-axis" />
      {timeline.rows.slice(0, MAX_ROWS).map((row) => (
        <Row key={row.path} row={row} marks={marks} share={share} selected={row.path === props.selected} onSelect={() => props.onSelect(row.path)} />
      ))}
    </div>
  );
}

function Row(props: {
  readonly row: TimelineRow;
  readonly marks: readonly number[];
  readonly share: (ms: number) => string;
  readonly selected: boolean;
  readonly onSelect: () => void;
}): JSX.Element {
  const { row, share } = props;
  const took = row.bars.length === 0 ? undefined : row.bars.reduce((ms, bar) => ms + bar.toMs - bar.fromMs, 0);
  return (
    <div class="timeline-row" data-selected={props.selected}>
      <button
        type="button"
        class="timeline-name"
        aria-pressed={props.selected}
        style={{ paddingInlineStart: `${16 + row.depth * 12}px` }}
        onClick={props.onSelect}
      >
        <StatusShape status={row.step.status} label />
        <span class="truncate">{row.key}</span>
      </button>
      <div class="timeline-track" onClick={props.onSelect}>
        {props.marks.map((mark) => (
          <span key={mark} class="timeline-rule" style={{ left: share(mark) }} />
        ))}
        {row.bars.map((bar) => (
          <span
            key={`${bar.kind}-${bar.attempt}-${bar.fromMs}`}
            class={bar.kind === 'work' ? 'timeline-bar' : 'timeline-bar timeline-bar-wait'}
            style={barStyle(bar, share)}
            data-tip={tipOf(bar)}
          />
        ))}
      </div>
      <div class="timeline-took figures">{took === undefined ? '–' : formatDuration(took)}</div>
    </div>
  );
}

function barStyle(bar: Bar, share: (ms: number) => string): Record<string, string> {
  const place = { left: share(bar.fromMs), width: share(bar.toMs - bar.fromMs) };
  return bar.kind === 'work' ? { ...place, backgroundColor: statusColor(bar.status) } : place;
}

const kindWords: Readonly<Record<Bar['kind'], string>> = { queued: 'On the queue', wait: 'Waiting', work: 'Work', backoff: 'Pause before the next attempt' };

function tipOf(bar: Bar): string {
  const status = bar.kind === 'work' ? `${statusLook(bar.status).word}${bar.attempt > 1 ? `, attempt ${bar.attempt}` : ''}` : kindWords[bar.kind];
  return `${status}: ${formatDuration(bar.toMs - bar.fromMs)}\nfrom ${formatDuration(bar.fromMs)} to ${formatDuration(bar.toMs)}`;
}

// Attempts are asked for one step at a time; a page with more retried steps than this shows the rest without them.
const MAX_FETCHED = 30;

/** Attempts that did not stand, of the steps that have any. */
function usePastAttempts(page: InstancePage): ReadonlyMap<string, readonly PastAttempt[]> {
  const [found, setFound] = useState<ReadonlyMap<string, readonly PastAttempt[]>>(new Map());
  const retried = [...page.steps.values()].filter((step) => step.attempt > 1).slice(0, MAX_FETCHED);
  const wanted = retried.map((step) => `${step.path}@${step.generation}.${step.attempt}`).join(' ');
  useEffect(() => {
    const stop = new AbortController();
    const load = async (): Promise<void> => {
      const pairs = await Promise.all(
        retried.map(
          async (step) =>
            [
              step.path,
              (
                await call('GET /api/v1/instances/{id}/steps/{path}/attempts', {
                  params: { id: page.instance.id, path: step.path },
                  query: { limit: 100 },
                  signal: stop.signal,
                })
              ).items,
            ] as const,
        ),
      );
      setFound(new Map(pairs));
    };
    // Without them the timeline still shows each step's last attempt.
    if (wanted !== '') load().catch(() => undefined);
    return () => stop.abort();
  }, [wanted]);
  return found;
}
