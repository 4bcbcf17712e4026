/** Geometry of charts over time. Pure. */

export interface ChartPoint {
  readonly atMs: number;
  readonly value: number | null;
}

export interface ChartFrame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly width: number;
  readonly height: number;
  readonly max: number;
  /** Points further apart than this are not joined: nothing is known of the time between. */
  readonly gapMs: number;
}

/** Points of one polyline for each stretch without a gap; oldest first. A point that stands alone becomes a short dash. */
export function chartLines(points: readonly ChartPoint[], frame: ChartFrame): readonly string[] {
  const span = Math.max(1, frame.toMs - frame.fromMs);
  const round = (value: number): number => Math.round(value * 10) / 10;
  const stretches: { x: number; y: number }[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const { atMs, value } of points) {
    if (value === null || atMs < frame.fromMs || atMs > frame.toMs) continue;
    const point = { x: round(((atMs - frame.fromMs) / span) * frame.width), y: round(frame.height - (Math.min(value, frame.max) / frame.max) * frame.height) };
    const stretch = stretches.at(-1);
    if (stretch === undefined || atMs - last > frame.gapMs) stretches.push([point]);
    else stretch.push(point);
    last = atMs;
  }
  return stretches.map((stretch) => {
    const [first] = stretch;
    const drawn = stretch.length === 1 && first !== undefined ? [first, { x: first.x + 2, y: first.y }] : stretch;
    return drawn.map(({ x, y }) => `${x},${y}`).join(' ');
  });
}

// Steps that a person reads on a clock, minutes.
const STEPS_MIN = [5, 10, 15, 30, 60, 120, 180, 360, 720];

/** Round times inside the span, oldest first: `most` at the most. @param offsetMs of the reader's zone from UTC, so that hours are round there */
export function timeTicks(span: { readonly fromMs: number; readonly toMs: number }, most: number, offsetMs: number): readonly number[] {
  const stepMs = (STEPS_MIN.find((step) => (span.toMs - span.fromMs) / (step * 60_000) <= most) ?? 1_440) * 60_000;
  const first = Math.ceil((span.fromMs + offsetMs) / stepMs) * stepMs - offsetMs;
  const count = Math.max(0, Math.floor((span.toMs - first) / stepMs) + 1);
  return Array.from({ length: count }, (_, index) => first + index * stepMs);
}

/** The index of the point nearest to `atMs`; undefined: there are none. */
export function nearestPoint(points: readonly ChartPoint[], atMs: number): number | undefined {
  let best: number | undefined;
  points.forEach((point, index) => {
    if (best === undefined || Math.abs(point.atMs - atMs) < Math.abs((points[best]?.atMs ?? 0) - atMs)) best = index;
  });
  return best;
}
