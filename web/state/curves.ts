/** Geometry of curves of metrics: any value over steps or time. Pure. */
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

/** The points of a polyline in a box; a flat curve lies in the middle. */
export function polylineOf(curve: Curve, box: { readonly width: number; readonly height: number }): string {
  const { fromX, toX, fromY, toY } = curve;
  const round = (value: number): number => Math.round(value * 10) / 10;
  const place = (x: number): number => (toX === fromX ? 0 : ((x - fromX) / (toX - fromX)) * box.width);
  const rise = (y: number): number => (toY === fromY ? box.height / 2 : box.height - ((y - fromY) / (toY - fromY)) * box.height);
  const drawn = curve.points.map(({ x, y }) => `${round(place(x))},${round(rise(y))}`);
  // A point that stands alone becomes a dash.
  return drawn.length === 1 ? `${drawn[0] ?? ''} ${box.width},${round(rise(curve.points[0]?.y ?? 0))}` : drawn.join(' ');
}

/** The index of the point nearest to a share of the width. */
export function nearestTo(curve: Curve, share: number): number {
  const x = curve.fromX + share * (curve.toX - curve.fromX);
  let best = 0;
  curve.points.forEach((point, index) => {
    if (Math.abs(point.x - x) < Math.abs((curve.points[best]?.x ?? 0) - x)) best = index;
  });
  return best;
}

/** A value as a person reads it: four figures that count. */
export function formatValue(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
