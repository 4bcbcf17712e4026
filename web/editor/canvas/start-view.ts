/** Where a graph is first looked at: whole where it can be read, else its beginning. Pure. */
import { boxOf } from './guides.ts';
import type { Places } from './walk.ts';

// Below it the lines of a card can't be read: the rest is a drag away.
const READABLE_ZOOM = 0.65;
const MARGIN = 64;
// Of the frame around the canvas, before it is measured: sidebar, palette and pane.
const AROUND = 200;

export function startOf(places: Places, width: number, height = 640): { readonly x: number; readonly y: number; readonly zoom: number } {
  const box = boxOf(places.values());
  if (box === undefined) return { x: width / 3, y: height / 3, zoom: 1 };
  const pane = { width: Math.max(300, width - AROUND), height };
  const whole = Math.min(1, (pane.width - 2 * MARGIN) / box.width, (pane.height - 2 * MARGIN) / box.height);
  if (whole >= READABLE_ZOOM)
    return { x: (pane.width - box.width * whole) / 2 - box.x * whole, y: (pane.height - box.height * whole) / 2 - box.y * whole, zoom: whole };
  const zoom = 0.8;
  // What stands furthest left is the beginning; of several the one in their middle.
  const first = [...places.values()].filter((place) => place.x < box.x + 40).toSorted((a, b) => a.y - b.y);
  const begin = first[Math.floor(first.length / 2)] ?? box;
  return { x: MARGIN - box.x * zoom, y: pane.height / 2 - (begin.y + begin.height / 2) * zoom, zoom };
}
