/** Small graphics: progress bars, meters with a warning mark, sparklines. SVG and CSS, no library. */
import { sparklinePoints } from './sparkline.ts';
import type { JSX } from 'preact';

/** Progress from 0 to 1; without a value it is under way without measure. */
export function Progress(props: { readonly label: string; readonly value?: number | undefined; readonly status?: string }): JSX.Element {
  const value = props.value === undefined ? undefined : Math.min(1, Math.max(0, props.value));
  return (
    <div
      class={value === undefined ? 'progress progress-open' : 'progress'}
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === undefined ? undefined : Math.round(value * 100)}
    >
      <div class="progress-bar" style={{ width: value === undefined ? '30%' : `${value * 100}%` }} />
    </div>
  );
}

/** How much of something is used. Turns amber from `warnAt`, red from `badAt`; the words beside it say so too. */
export function Meter(props: {
  readonly label: string;
  readonly used: number;
  readonly total: number;
  readonly warnAt?: number;
  readonly badAt?: number;
}): JSX.Element {
  const share = props.total > 0 ? Math.min(1, Math.max(0, props.used / props.total)) : 0;
  const hue = share >= (props.badAt ?? 0.95) ? 'failed' : share >= (props.warnAt ?? 0.85) ? 'retry' : 'queued';
  return (
    <div class="progress" role="meter" aria-label={props.label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}>
      <div class="progress-bar" style={{ width: `${share * 100}%`, backgroundColor: `var(--${hue}-solid)` }} />
    </div>
  );
}

/** A line over time, oldest first; null is a gap. The newest value stands beside it in words. */
export function Sparkline(props: {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly max?: number | undefined;
  readonly width?: number;
  readonly height?: number;
}): JSX.Element {
  const width = props.width ?? 120;
  const height = props.height ?? 28;
  const lines = sparklinePoints(props.values, { width, height, ...(props.max === undefined ? {} : { max: props.max }) });
  return (
    <svg class="sparkline" role="img" aria-label={props.label} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" width="100%" height={height}>
      {lines.map((line) => (
        <g key={line.points}>
          <polygon points={line.area} fill="var(--queued-tint)" stroke="none" />
          <polyline
            points={line.points}
            fill="none"
            stroke="var(--queued-solid)"
            stroke-width="1.25"
            vector-effect="non-scaling-stroke"
            stroke-linejoin="round"
          />
        </g>
      ))}
    </svg>
  );
}
