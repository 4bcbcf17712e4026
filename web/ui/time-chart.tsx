/** A chart of a few lines over time, in shares of a whole: SVG, no library. The pointer or the arrow keys pick a moment; its values stand below in words. */
import { useSignal } from '@preact/signals';
import { chartLines, nearestPoint, timeTicks } from './time-chart.ts';
import type { JSX } from 'preact';
import type { ChartPoint } from './time-chart.ts';

export interface ChartSeries {
  readonly name: string;
  /** A colour of tokens.css: `var(--…)`. */
  readonly color: string;
  /** 0 to 1. */
  readonly points: readonly ChartPoint[];
}

export interface TimeChartProps {
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly series: readonly ChartSeries[];
  /** What is said of one moment. */
  readonly describe: (index: number) => string;
  readonly gapMs: number;
}

const WIDTH = 600;
const HEIGHT = 96;
const MOST_TICKS = 6;

export function TimeChart(props: TimeChartProps): JSX.Element {
  const { fromMs, toMs } = props;
  const picked = useSignal<number | undefined>(undefined);
  const points = props.series[0]?.points ?? [];
  const frame = { fromMs, toMs, width: WIDTH, height: HEIGHT, max: 1, gapMs: props.gapMs };
  const place = (atMs: number): number => ((atMs - fromMs) / Math.max(1, toMs - fromMs)) * 100;
  const pick = (event: PointerEvent & { currentTarget: HTMLElement }): void => {
    const box = event.currentTarget.getBoundingClientRect();
    picked.value = nearestPoint(points, fromMs + ((event.clientX - box.left) / Math.max(1, box.width)) * (toMs - fromMs));
  };
  const move = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (step === 0 || points.length === 0) return;
    event.preventDefault();
    picked.value = Math.min(points.length - 1, Math.max(0, (picked.value ?? points.length - 1) + step));
  };
  // A tick at an end would be cut.
  const ticks = timeTicks({ fromMs, toMs }, MOST_TICKS, -new Date(toMs).getTimezoneOffset() * 60_000).filter((tick) => place(tick) > 4 && place(tick) < 96);
  const shown = picked.value === undefined ? undefined : points[picked.value];
  return (
    <figure class="time-chart">
      <div
        class="time-chart-plot"
        role="img"
        aria-label={props.label}
        tabIndex={0}
        onPointerMove={pick}
        onPointerLeave={() => (picked.value = undefined)}
        onKeyDown={move}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" width="100%" height={HEIGHT} aria-hidden="true">
          {[0, 0.5, 1].map((share) => (
            <line key={share} x1="0" x2={WIDTH} y1={HEIGHT * share} y2={HEIGHT * share} stroke="var(--line)" vector-effect="non-scaling-stroke" />
          ))}
          {props.series.map((series) =>
            chartLines(series.points, frame).map((line) => (
              <polyline
                key={`${series.name} ${line}`}
                points={line}
                fill="none"
                stroke={series.color}
                stroke-width="1.5"
                stroke-linejoin="round"
                vector-effect="non-scaling-stroke"
              />
            )),
          )}
          {shown !== undefined && (
            <line x1={place(shown.atMs) * 6} x2={place(shown.atMs) * 6} y1="0" y2={HEIGHT} stroke="var(--line-control)" vector-effect="non-scaling-stroke" />
          )}
        </svg>
        <span class="time-chart-top faint" aria-hidden="true">
          100 %
        </span>
      </div>
      <div class="time-chart-ticks faint" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick} style={{ left: `${place(tick)}%` }}>
            {clockTime(tick)}
          </span>
        ))}
      </div>
      <figcaption class="time-chart-legend small" aria-live="polite">
        {shown === undefined || picked.value === undefined ? (
          props.series.map((series) => (
            <span key={series.name} class="row">
              <span class="time-chart-key" style={{ backgroundColor: series.color }} aria-hidden="true" />
              {series.name}
            </span>
          ))
        ) : (
          <span class="mono">
            {clockTime(shown.atMs)} · {props.describe(picked.value)}
          </span>
        )}
      </figcaption>
    </figure>
  );
}

function clockTime(atMs: number): string {
  return new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(atMs);
}
