/** Which bytes of a file are there: sorted ranges that touch nowhere. Pure. Kept as JSON with the download, so that it goes on where it was. */

/** From, inclusive, to, exclusive. */
export type Range = readonly [from: number, to: number];

/** `ranges` and one more. */
export function addRange(ranges: readonly Range[], [from, to]: Range): readonly Range[] {
  if (to <= from) return ranges;
  const before = ranges.filter((range) => range[1] < from);
  const after = ranges.filter((range) => range[0] > to);
  const touching = ranges.filter((range) => range[1] >= from && range[0] <= to);
  return [...before, [Math.min(from, ...touching.map((range) => range[0])), Math.max(to, ...touching.map((range) => range[1]))], ...after];
}

/** How many bytes. */
export function countBytes(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** The first gap below `end`, cut to `maxBytes`; undefined: nothing is missing. */
export function firstGap(ranges: readonly Range[], end: number, maxBytes: number): Range | undefined {
  const [first] = ranges;
  const from = first !== undefined && first[0] === 0 ? first[1] : 0;
  if (from >= end) return undefined;
  const next = ranges.find((range) => range[0] > from);
  return [from, Math.min(end, next?.[0] ?? end, from + maxBytes)];
}
