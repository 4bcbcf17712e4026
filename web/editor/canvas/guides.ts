/** Lines that what is dragged falls into: edges and middles of what stands near. Pure. */
import type { Place } from './walk.ts';

export interface Guide {
  readonly axis: 'x' | 'y';
  /** Where the line is on its axis, and from where to where it runs on the other; canvas px. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

export interface Snap {
  /** To add to the place so that it falls into the lines. */
  readonly dx: number;
  readonly dy: number;
  readonly guides: readonly Guide[];
}

// Nearer than half a grid step: the grid alone would decide otherwise.
const REACH = 8;

/** @param moving what is dragged, as one box  @param others what stands still and is in sight */
export function alignmentOf(moving: Place, others: Iterable<Place>): Snap {
  let x: { readonly by: number; readonly guide: Guide } | undefined;
  let y: { readonly by: number; readonly guide: Guide } | undefined;
  for (const other of others) {
    for (const [mine, theirs] of pairs(moving.x, moving.width, other.x, other.width)) {
      const by = theirs - mine;
      if (Math.abs(by) > REACH || (x !== undefined && Math.abs(x.by) <= Math.abs(by))) continue;
      x = { by, guide: { axis: 'x', at: theirs, from: Math.min(moving.y, other.y), to: Math.max(moving.y + moving.height, other.y + other.height) } };
    }
    for (const [mine, theirs] of pairs(moving.y, moving.height, other.y, other.height)) {
      const by = theirs - mine;
      if (Math.abs(by) > REACH || (y !== undefined && Math.abs(y.by) <= Math.abs(by))) continue;
      y = { by, guide: { axis: 'y', at: theirs, from: Math.min(moving.x, other.x), to: Math.max(moving.x + moving.width, other.x + other.width) } };
    }
  }
  return { dx: x?.by ?? 0, dy: y?.by ?? 0, guides: [x, y].flatMap((found) => (found === undefined ? [] : [found.guide])) };
}

/** Start with start, middle with middle, end with end. */
function pairs(mine: number, size: number, theirs: number, otherSize: number): readonly (readonly [number, number])[] {
  return [
    [mine, theirs],
    [mine + size / 2, theirs + otherSize / 2],
    [mine + size, theirs + otherSize],
  ];
}

/** The box around several. */
export function boxOf(places: Iterable<Place>): Place | undefined {
  let box: { x: number; y: number; right: number; bottom: number } | undefined;
  for (const { x, y, width, height } of places) {
    box =
      box === undefined
        ? { x, y, right: x + width, bottom: y + height }
        : { x: Math.min(box.x, x), y: Math.min(box.y, y), right: Math.max(box.right, x + width), bottom: Math.max(box.bottom, y + height) };
  }
  return box === undefined ? undefined : { x: box.x, y: box.y, width: box.right - box.x, height: box.bottom - box.y };
}
