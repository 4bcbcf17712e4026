/** A window on a line, as zooming and panning move it. Pure; in whatever unit the line has. */

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The window moved inside the whole, its width kept where the whole has room for it. */
export function clampRange(range: Range, whole: Range): Range {
  const width = Math.min(range.to - range.from, whole.to - whole.from);
  const from = Math.min(Math.max(range.from, whole.from), whole.to - width);
  return { from, to: from + width };
}

/** Zooms around a point that stays where it is. @param factor below 1: closer @param least width of a window */
export function zoomRange(range: Range, whole: Range, by: { readonly factor: number; readonly around: number; readonly least: number }): Range {
  const width = range.to - range.from;
  const wanted = Math.min(whole.to - whole.from, Math.max(by.least, width * by.factor));
  const share = width === 0 ? 0.5 : (by.around - range.from) / width;
  const from = by.around - share * wanted;
  return clampRange({ from, to: from + wanted }, whole);
}

/** Moves the window by a share of its own width. */
export function panRange(range: Range, whole: Range, share: number): Range {
  const delta = (range.to - range.from) * share;
  return clampRange({ from: range.from + delta, to: range.to + delta }, whole);
}

/** Whether a window shows all there is. */
export function isWhole(range: Range, whole: Range): boolean {
  return range.from <= whole.from && range.to >= whole.to;
}

/** The part of a span that a window shows, as shares of the window from 0 to 1; undefined: nothing of it. */
export function shareOf(span: Range, window: Range): Range | undefined {
  const width = window.to - window.from;
  if (width <= 0 || span.to < window.from || span.from > window.to) return undefined;
  return { from: Math.max(0, (span.from - window.from) / width), to: Math.min(1, (span.to - window.from) / width) };
}
