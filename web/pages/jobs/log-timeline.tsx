/** A log over its time: how much was written when, and where one is. A click or the arrow keys lead to a time. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { bytesOverTime, timeOfByte } from '../../state/log-times.ts';
import type { LogTimes } from '../../state/log-times.ts';
import { formatBytes, formatClockSeconds, formatDuration } from '../../ui/format.ts';

const PARTS = 160;
const HEIGHT = 24;
/** A log of a moment has no time to choose from. */
const LEAST_MS = 2_000;

export function LogTimeline(props: { readonly times: LogTimes; readonly topByte: number; readonly onTime: (atMs: number) => void }): JSX.Element | null {
  const [pointed, setPointed] = useState<number>();
  const moments = props.times.whole.value;
  const firstMs = moments[0]?.atMs ?? 0;
  const lastMs = moments.at(-1)?.atMs ?? 0;
  const span = lastMs - firstMs;
  if (span < LEAST_MS) return null;
  const parts = bytesOverTime(moments, props.times.bytes.value, PARTS);
  const most = Math.max(1, ...parts);
  const topMs = timeOfByte(moments, props.topByte) ?? firstMs;
  const shareOf = (atMs: number): string => `${((atMs - firstMs) / span) * 100}%`;
  const shareAt = (event: PointerEvent & { readonly currentTarget: HTMLElement }): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return firstMs + Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width))) * span;
  };
  const press = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    props.onTime(Math.min(lastMs, Math.max(firstMs, Number.isFinite(step) ? topMs + step * span : step < 0 ? firstMs : lastMs)));
  };
  return (
    <div class="log-timeline">
      <span class="log-timeline-end">{formatClockSeconds(firstMs)}</span>
      <div
        class="log-timeline-plot"
        role="slider"
        tabIndex={0}
        aria-label="Time in the log"
        aria-valuemin={0}
        aria-valuemax={Math.round(span / 1_000)}
        aria-valuenow={Math.round((topMs - firstMs) / 1_000)}
        aria-valuetext={`${formatClockSeconds(topMs)}, ${formatDuration(topMs - firstMs)} after the beginning`}
        onKeyDown={press}
        onPointerMove={(event) => setPointed(shareAt(event))}
        onPointerLeave={() => setPointed(undefined)}
        onClick={(event) => props.onTime(shareAt(event as unknown as PointerEvent & { readonly currentTarget: HTMLElement }))}
      >
        <svg viewBox={`0 0 ${PARTS} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <path class="log-timeline-bars" d={parts.map((bytes, index) => barOf(index, bytes / most)).join('')} />
        </svg>
        <span class="log-timeline-top" style={{ insetInlineStart: shareOf(topMs) }} aria-hidden="true" />
        {pointed !== undefined && (
          <span
            class={pointed - firstMs > span / 2 ? 'log-timeline-tip log-timeline-tip-before' : 'log-timeline-tip'}
            style={{ insetInlineStart: shareOf(pointed) }}
          >
            {formatClockSeconds(pointed)} · {rateAt(parts, (pointed - firstMs) / span, span)}
          </span>
        )}
      </div>
      <span class="log-timeline-end">{formatClockSeconds(lastMs)}</span>
    </div>
  );
}

/** Shares of the span; infinite: to its end. */
const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -0.01,
  ArrowRight: 0.01,
  PageUp: -0.1,
  PageDown: 0.1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/** By its root: a burst leaves the quiet parts their height. */
function barOf(index: number, share: number): string {
  const height = share === 0 ? 0 : Math.max(1, Math.sqrt(share) * HEIGHT);
  return height === 0 ? '' : `M${index + 0.15},${HEIGHT}v${-height}h0.7v${height}z`;
}

function rateAt(parts: readonly number[], share: number, spanMs: number): string {
  const bytes = parts[Math.min(parts.length - 1, Math.floor(share * parts.length))] ?? 0;
  return `${formatBytes((bytes * parts.length * 1_000) / spanMs)}/s`;
}
