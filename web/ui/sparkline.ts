/** Geometry of sparklines. Pure. */

export interface SparkLine {
  readonly points: string;
  /** The same, closed down to the base. */
  readonly area: string;
}

/** The lines of a series, one for each run without gaps; a run of one value becomes a short dash. */
export function sparklinePoints(
  values: readonly (number | null)[],
  size: { readonly width: number; readonly height: number; readonly max?: number },
): readonly SparkLine[] {
  const top = size.max ?? Math.max(1e-9, ...values.map((value) => value ?? 0));
  const step = values.length > 1 ? size.width / (values.length - 1) : size.width;
  const round = (value: number): number => Math.round(value * 100) / 100;
  // 1 px of air, so that the stroke is not cut.
  const heightOf = (value: number): number => round(size.height - 1 - (Math.min(value, top) / top) * (size.height - 2));
  const runs: [number, number][][] = [];
  let run: [number, number][] | undefined;
  values.forEach((value, index) => {
    if (value === null) {
      run = undefined;
      return;
    }
    if (run === undefined) runs.push((run = []));
    run.push([round(index * step), heightOf(value)]);
  });
  return runs.map((points) => {
    const first = points[0] ?? [0, size.height];
    const drawn = points.length === 1 ? [first, [round(first[0] + Math.min(2, step)), first[1]]] : points;
    const last = drawn.at(-1) ?? first;
    const text = drawn.map((point) => point.join(',')).join(' ');
    return { points: text, area: `${first[0]},${size.height} ${text} ${last[0] ?? 0},${size.height}` };
  });
}
