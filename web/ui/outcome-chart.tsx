/** Bars over time, stacked by outcome, with a line below: SVG, no library. Dragging chooses a part of the time; so do the arrow keys and Enter. */
import { useState } from 'preact/hooks';
import { barPaths, linePaths } from './outcome-bars.ts';
import { formatAbsolute } from './format.ts';
import { isNarrow } from './narrow.ts';
import { timeTicks } from './time-chart.ts';
import { useBrush } from './use-brush.ts';
import type { JSX } from 'preact';
import type { OutcomeBucket } from './outcome-bars.ts';

export interface OutcomeChartProps {
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly buckets: readonly OutcomeBucket[];
  /** Colours of tokens.css by part. */
  readonly colors: Readonly<Record<string, string>>;
  /** What is said of one bar. */
  readonly describe: (index: number) => string;
  readonly onSelect: (fromMs: number, toMs: number) => void;
}

const WIDTH = 1_000;
const BARS = 56;
const LINE = 20;

export function OutcomeChart(props: OutcomeChartProps): JSX.Element {
  const { fromMs, toMs, buckets } = props;
  const [picked, setPicked] = useState<number>();
  const span = Math.max(1, toMs - fromMs);
  const bucketMs = span / Math.max(1, buckets.length);
  const { part, ...handlers } = useBrush({
    onSelect: (from, to) => props.onSelect(fromMs + from * span, fromMs + to * span),
    onClick: (at) => choose(Math.min(buckets.length - 1, Math.floor(at * buckets.length))),
  });
  const choose = (index: number): void => props.onSelect(fromMs + index * bucketMs, fromMs + (index + 1) * bucketMs);
  const move = (event: KeyboardEvent): void => {
    const at = picked ?? buckets.length;
    if (event.key === 'ArrowLeft') setPicked(Math.max(0, at - 1));
    else if (event.key === 'ArrowRight') setPicked(Math.min(buckets.length - 1, at + 1));
    else if (event.key === 'Enter' && picked !== undefined) choose(picked);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const percent = (share: number): string => `${share * 100}%`;
  return (
    <figure class="outcome">
      <div
        class="outcome-plot"
        role="slider"
        tabIndex={0}
        aria-label={props.label}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, buckets.length - 1)}
        aria-valuenow={picked ?? 0}
        aria-valuetext={picked === undefined ? 'Arrow keys pick a moment, Enter shows it alone' : props.describe(picked)}
        onKeyDown={move}
        onBlur={() => setPicked(undefined)}
        onMouseLeave={() => setPicked(undefined)}
        {...handlers}
        onMouseMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setPicked(Math.max(0, Math.min(buckets.length - 1, Math.floor(((event.clientX - box.left) / Math.max(1, box.width)) * buckets.length))));
        }}
      >
        <svg viewBox={`0 0 ${WIDTH} ${BARS + LINE}`} preserveAspectRatio="none" aria-hidden="true">
          {[...barPaths(buckets, { width: WIDTH, height: BARS, gap: 2 })].map(([key, path]) => (
            <path key={key} d={path} style={{ fill: props.colors[key] ?? 'var(--queued-solid)' }} />
          ))}
          <g transform={`translate(0 ${BARS})`}>
            {linePaths(buckets, { width: WIDTH, height: LINE }).map((points) => (
              <polyline key={points} class="outcome-line" points={points} />
            ))}
          </g>
        </svg>
        {picked !== undefined && part === undefined && (
          <span class="outcome-pick" style={{ left: percent(picked / buckets.length), width: percent(1 / buckets.length) }} />
        )}
        {part !== undefined && <span class="brush" style={{ left: percent(part[0]), width: percent(part[1] - part[0]) }} />}
      </div>
      <div class="outcome-axis" aria-hidden="true">
        {ticksOf(props, isNarrow.value ? 3 : 8).map((at) => (
          <span key={at} style={{ left: percent((at - fromMs) / span) }}>
            {tickText(at, span)}
          </span>
        ))}
      </div>
      <figcaption class="outcome-words figures">
        {picked === undefined ? '' : `${formatAbsolute(fromMs + picked * bucketMs)}: ${props.describe(picked)}`}
      </figcaption>
    </figure>
  );
}

const DAY_MS = 86_400_000;

/** Round hours, or midnights where the span has many days. */
function ticksOf(of: { readonly fromMs: number; readonly toMs: number }, most: number): readonly number[] {
  const offsetMs = -new Date(of.toMs).getTimezoneOffset() * 60_000;
  const ticks = timeTicks(of, most, offsetMs);
  const each = Math.ceil(ticks.length / most);
  return ticks.filter((_tick, index) => index % each === 0);
}

function tickText(at: number, spanMs: number): string {
  if (spanMs > 2 * DAY_MS) return new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' }).format(at);
  return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format(at);
}
