/** Where a graph is first looked at: whole where it can be read, else its beginning. Pure. */
import { boxOf } from './guides.ts';
import type { Places } from './walk.ts';

// Below it the lines of a card can't be read: the rest is a drag away.
const READABLE_ZOOM = 0.65;
const BEGIN_ZOOM = 0.85;
const MARGIN = 64;

export function startOf(
  places: Places,
  pane: { readonly width: number; readonly height: number },
): { readonly x: number; readonly y: number; readonly zoom: number } {
  const box = boxOf(places.values());
  if (box === undefined) return { x: pane.width / 2, y: pane.height / 2, zoom: 1 };
  const whole = Math.min(1, (pane.width - 2 * MARGIN) / box.width, (pane.height - 2 * MARGIN) / box.height);
  if (whole >= READABLE_ZOOM)
    return { x: (pane.width - box.width * whole) / 2 - box.x * whole, y: (pane.height - box.height * whole) / 2 - box.y * whole, zoom: whole };
  // What stands furthest left is the beginning; of several the one in their middle.
  const first = [...places.values()].filter((place) => place.x < box.x + 40).toSorted((a, b) => a.y - b.y);
  const begin = first[Math.floor(first.length / 2)] ?? box;
  return { x: MARGIN - box.x * BEGIN_ZOOM, y: pane.height / 2 - (begin.y + begin.height / 2) * BEGIN_ZOOM, zoom: BEGIN_ZOOM };
}
