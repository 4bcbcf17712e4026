/** How far the view has to move for a box to be in sight. Pure. */
import type { Place } from './walk.ts';

// What is brought into sight stands so far from the border, px of the window.
const MARGIN = 48;

/** @returns undefined when the box does not fit at this zoom */
export function shiftInto(
  box: Place,
  viewport: { readonly x: number; readonly y: number; readonly zoom: number },
  pane: { readonly clientWidth: number; readonly clientHeight: number },
): { readonly x: number; readonly y: number } | undefined {
  const along = (start: number, size: number, offset: number, length: number): number | undefined => {
    const from = start * viewport.zoom + offset;
    const to = from + size * viewport.zoom;
    if (to - from > length - 2 * MARGIN) return undefined;
    return from < MARGIN ? MARGIN - from : to > length - MARGIN ? length - MARGIN - to : 0;
  };
  const x = along(box.x, box.width, viewport.x, pane.clientWidth);
  const y = along(box.y, box.height, viewport.y, pane.clientHeight);
  return x === undefined || y === undefined ? undefined : { x, y };
}
