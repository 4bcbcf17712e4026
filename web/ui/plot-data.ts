/** Data of charts: aligned to one axis, with gaps where nothing is known, and stacked. Pure. */

export interface PlotPoint {
  readonly x: number;
  readonly y: number | null;
}

export interface Aligned {
  readonly xs: readonly number[];
  /** By series, as long as `xs`; null where it has no point. */
  readonly ys: readonly (readonly (number | null)[])[];
}

/** Series on one axis. @param gap points further apart than this are not joined: a point without values stands between */
export function align(series: readonly (readonly PlotPoint[])[], gap = Number.POSITIVE_INFINITY): Aligned {
  const known = [...new Set(series.flatMap((points) => points.map((point) => point.x)))].toSorted((a, b) => a - b);
  const xs = known.flatMap((x, index) => {
    const before = known[index - 1];
    return before !== undefined && x - before > gap ? [(before + x) / 2, x] : [x];
  });
  return {
    xs,
    ys: series.map((points) => {
      const at = new Map(points.map((point) => [point.x, point.y]));
      return xs.map((x) => at.get(x) ?? null);
    }),
  };
}

/** Each series on top of those before it. Where any has a value the others count as nothing; where none has, there is a gap. */
export function stack(ys: Aligned['ys']): Aligned['ys'] {
  const sums: (number | null)[] = (ys[0] ?? []).map((_, index) => (ys.some((one) => one[index] !== null && one[index] !== undefined) ? 0 : null));
  return ys.map((one) =>
    one.map((value, index) => {
      const below = sums[index];
      if (below === null || below === undefined) return null;
      const top = below + (value ?? 0);
      sums[index] = top;
      return top;
    }),
  );
}
