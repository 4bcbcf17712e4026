/** Windowing of fixed-height rows: which of them to draw. Pure; virtual-rows.ts joins it to a scrolling element. */

export interface Window {
  readonly first: number;
  /** One past the last. */
  readonly end: number;
  /** Heights of what is left out above and below, px. */
  readonly abovePx: number;
  readonly belowPx: number;
}

/** The rows to draw for a scroll position, with some to spare on both sides. */
export function windowOf(list: {
  readonly count: number;
  readonly rowPx: number;
  readonly scrollPx: number;
  readonly heightPx: number;
  readonly spare?: number;
}): Window {
  const spare = list.spare ?? 10;
  const shown = Math.ceil(list.heightPx / list.rowPx);
  const at = Math.min(Math.max(0, Math.floor(list.scrollPx / list.rowPx)), Math.max(0, list.count - shown));
  const first = Math.max(0, at - spare);
  const end = Math.min(list.count, at + shown + spare + 1);
  return { first, end, abovePx: first * list.rowPx, belowPx: (list.count - end) * list.rowPx };
}

/** The scroll position that brings `index` into sight with the least movement; `topPx` is covered by a sticky header. */
export function scrollTo(list: {
  readonly index: number;
  readonly rowPx: number;
  readonly scrollPx: number;
  readonly heightPx: number;
  readonly topPx?: number;
}): number {
  const top = list.index * list.rowPx;
  const bottom = top + list.rowPx + (list.topPx ?? 0);
  if (top < list.scrollPx) return top;
  return bottom > list.scrollPx + list.heightPx ? bottom - list.heightPx : list.scrollPx;
}
