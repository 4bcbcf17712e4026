/** Curves of metrics: any value over steps or time. Pure. */
import type { MetricSeries } from '../../src/contract/jobs.ts';

export interface Curve {
  readonly name: string;
  /** `step`: every point has one. */
  readonly over: 'step' | 'time';
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly fromX: number;
  readonly toX: number;
  readonly fromY: number;
  readonly toY: number;
}

/** A curve in the order of its x; undefined without points. */
export function curveOf(series: MetricSeries): Curve | undefined {
  const over = series.points.every((point) => point.step !== undefined) ? 'step' : 'time';
  const points = series.points
    .map((point) => ({ x: over === 'step' ? (point.step ?? 0) : Date.parse(point.at), y: point.value }))
    .toSorted((a, b) => a.x - b.x);
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const ys = points.map((point) => point.y);
  return { name: series.name, over, points, fromX: first.x, toX: last.x, fromY: Math.min(...ys), toY: Math.max(...ys) };
}

/** A value as a person reads it: four figures that count. */
export function formatValue(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
