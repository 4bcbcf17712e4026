/** Geometry of bars over time, each stacked of parts. Pure. */

export interface OutcomeBucket {
  readonly fromMs: number;
  /** By part, in the order they are stacked, from below. */
  readonly parts: readonly { readonly key: string; readonly value: number }[];
  /** On a line of its own below the bars; null: nothing is known. */
  readonly line: number | null;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  /** Between two bars. */
  readonly gap: number;
}

/** The tallest bar. */
export function tallest(buckets: readonly OutcomeBucket[]): number {
  return Math.max(1, ...buckets.map((bucket) => bucket.parts.reduce((sum, part) => sum + part.value, 0)));
}

/** One path of rectangles for each part, so that a chart is a handful of elements however many bars it has. */
export function barPaths(buckets: readonly OutcomeBucket[], frame: Frame): ReadonlyMap<string, string> {
  const max = tallest(buckets);
  const step = frame.width / Math.max(1, buckets.length);
  const width = round(Math.max(0.5, step - frame.gap));
  const paths = new Map<string, string>();
  buckets.forEach((bucket, index) => {
    let base = frame.height;
    for (const { key, value } of bucket.parts) {
      if (value === 0) continue;
      // What is there can be seen, however little it is.
      const height = Math.max(1, (value / max) * frame.height);
      base -= height;
      paths.set(key, `${paths.get(key) ?? ''}M${round(index * step)} ${round(Math.max(0, base))}h${width}v${round(height)}h${-width}z`);
    }
  });
  return paths;
}

/** Points of the line, a stretch for each run of buckets that have a value; on a scale of its own, from 0. */
export function linePaths(buckets: readonly OutcomeBucket[], frame: Pick<Frame, 'width' | 'height'>): readonly string[] {
  const max = Math.max(1, ...buckets.map((bucket) => bucket.line ?? 0));
  const step = frame.width / Math.max(1, buckets.length);
  const stretches: string[][] = [];
  buckets.forEach((bucket, index) => {
    if (bucket.line === null) return;
    const point = `${round((index + 0.5) * step)},${round(frame.height - (bucket.line / max) * (frame.height - 2) - 1)}`;
    const last = stretches.at(-1);
    if (last === undefined || buckets[index - 1]?.line === null) stretches.push([point]);
    else last.push(point);
  });
  // A point that stands alone becomes a short dash.
  return stretches.map((points) => (points.length > 1 ? points.join(' ') : `${points[0]} ${shifted(points[0] ?? '0,0', 2)}`));
}

function shifted(point: string, by: number): string {
  const [x, y] = point.split(',').map(Number);
  return `${(x ?? 0) + by},${y ?? 0}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
