/** How fast bytes come, over the last seconds. Pure but for the times it is given. */

/** Long enough to be calm, short enough to notice that a line broke. */
const WINDOW_MS = 10_000;

export interface RateMeter {
  /** Bytes a second; null until there is something to measure. */
  add(atMs: number, bytesDone: number): number | null;
}

export function rateMeter(): RateMeter {
  let samples: readonly (readonly [atMs: number, bytes: number])[] = [];
  return {
    add(atMs, bytesDone) {
      const [oldest] = samples;
      // A file that began anew has fewer bytes than before: what was measured is of another life.
      if (oldest !== undefined && bytesDone < oldest[1]) samples = [];
      samples = [...samples, [atMs, bytesDone] as const].filter(([at], index, all) => at >= atMs - WINDOW_MS || index === all.length - 1);
      const [first] = samples;
      if (first === undefined || atMs - first[0] < 500) return null;
      return Math.round(((bytesDone - first[1]) * 1_000) / (atMs - first[0]));
    },
  };
}
