/** Lines that a job wrote for Studio, left out of what a person reads: `::progress`, `::metric`, `::result`. The log itself keeps them. Pure. */

export interface FoldedLines {
  readonly lines: readonly string[];
  readonly starts: readonly number[];
  /** Where each line stood among all of them. */
  readonly places: readonly number[];
  /** How many are left out. */
  readonly hidden: number;
}

/** The same words that src/jobs/markers.ts takes as told. */
const MARKER = /^::(?:progress|metric|result)\s/;

/** @param starts the byte at which each line begins  @param keepByte the line that holds it stays, whatever it is: somebody asked for it */
export function foldMarkers(lines: readonly string[], starts: readonly number[], keepByte?: number): FoldedLines {
  const isKept = (index: number): boolean =>
    keepByte !== undefined && (starts[index] ?? 0) <= keepByte && (index + 1 === lines.length || (starts[index + 1] ?? 0) > keepByte);
  // Nearly all lines are none: one look at a character each.
  const places = lines.flatMap((line, index) => (line.startsWith('::') && MARKER.test(line) && !isKept(index) ? [] : [index]));
  if (places.length === lines.length) return { lines, starts, places, hidden: 0 };
  return {
    lines: places.map((place) => lines[place] ?? ''),
    starts: places.map((place) => starts[place] ?? 0),
    places,
    hidden: lines.length - places.length,
  };
}
