/** The map of the whole graph in a corner, drawn once per change on a bitmap; only the frame of what is in sight moves while one pans.
 *  Dragging in it moves the view. For the pointer alone: keys have `0` and Find. */
import { useStoreApi } from '@xyflow/react';
import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import { statusLook } from '../../ui/status.ts';
import { theme } from '../../ui/theme.ts';
import { useCanvas } from './canvas-state.ts';
import type { Canvas } from './canvas-state.ts';
import { boxOf } from './guides.ts';
import { COMMENT_SIZE } from './flow-model.ts';
import type { Place } from './walk.ts';

const SIZE = { width: 168, height: 112 } as const;

/** How canvas px become those of the map. */
interface Scale {
  readonly box: Place;
  readonly by: number;
}

export function Minimap(): JSX.Element {
  const canvas = useCanvas();
  const store = useStoreApi();
  const bitmap = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const scale = useRef<Scale>({ box: { x: 0, y: 0, width: 1, height: 1 }, by: 1 });
  const place = (): void => placeFrame(frame.current, scale.current, store.getState());
  useSignalEffect(() => {
    void theme.value;
    scale.current = scaleOf(canvas);
    draw(canvas, bitmap.current, scale.current);
    place();
  });
  useEffect(() => {
    let before: unknown;
    return store.subscribe((state) => {
      if (state.transform === before) return;
      before = state.transform;
      place();
    });
  }, []);
  const go = (event: PointerEvent): void => {
    if ((event.buttons & 1) === 0) return;
    const { left, top } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const { box, by } = scale.current;
    const zoom = store.getState().transform[2];
    void store.getState().setCenter(box.x + (event.clientX - left) / by, box.y + (event.clientY - top) / by, { zoom });
  };
  return (
    <div class="minimap" aria-hidden="true" onPointerDown={go} onPointerMove={go}>
      <canvas ref={bitmap} width={SIZE.width * 2} height={SIZE.height * 2} />
      <div ref={frame} class="minimap-frame" />
    </div>
  );
}

/** The graph with a margin, in the middle of the map. */
function scaleOf(canvas: Canvas): Scale {
  const comments = canvas.doc.graph.value.comments.map((comment) => ({ ...comment.position, ...(comment.size ?? COMMENT_SIZE) }));
  const all = boxOf([...canvas.places.value.values(), ...comments]) ?? { x: 0, y: 0, width: 1_000, height: 600 };
  const by = Math.min(SIZE.width / (all.width * 1.15 + 200), SIZE.height / (all.height * 1.15 + 200));
  const width = SIZE.width / by;
  const height = SIZE.height / by;
  return { by, box: { x: all.x + (all.width - width) / 2, y: all.y + (all.height - height) / 2, width, height } };
}

function draw(canvas: Canvas, bitmap: HTMLCanvasElement | null, { box, by }: Scale): void {
  const results = canvas.results.value;
  const problems = canvas.problems.value;
  const selected = canvas.doc.selection.value.nodes;
  const pen = bitmap?.getContext('2d');
  if (bitmap === null || pen === null || pen === undefined) return;
  const style = getComputedStyle(bitmap);
  const colors = new Map<string, string>();
  const color = (name: string): string => {
    const known = colors.get(name) ?? resolved(bitmap, name, style);
    colors.set(name, known);
    return known;
  };
  pen.setTransform(2 * by, 0, 0, 2 * by, -box.x * by * 2, -box.y * by * 2);
  pen.clearRect(box.x, box.y, box.width, box.height);
  // At least a pixel each.
  const least = 2 / by;
  for (const [key, place] of canvas.places.value) {
    const result = results.get(key);
    const name = selected.has(key)
      ? '--accent'
      : problems.has(key)
        ? '--failed-solid'
        : result === undefined
          ? '--line-control'
          : `--${statusLook(result.status).hue}-solid`;
    pen.fillStyle = color(name);
    pen.fillRect(place.x, place.y, Math.max(least, place.width), Math.max(least, place.height));
  }
}

/** A token as a colour a bitmap takes: light-dark() is resolved by the browser on the element. */
function resolved(element: HTMLElement, name: string, style: CSSStyleDeclaration): string {
  element.style.color = `var(${name})`;
  const value = style.color;
  element.style.color = '';
  return value;
}

function placeFrame(
  frame: HTMLDivElement | null,
  { box, by }: Scale,
  state: { readonly transform: readonly [number, number, number]; readonly width: number; readonly height: number },
): void {
  if (frame === null) return;
  const [x, y, zoom] = state.transform;
  frame.style.width = `${(state.width / zoom) * by}px`;
  frame.style.height = `${(state.height / zoom) * by}px`;
  frame.style.transform = `translate(${(-x / zoom - box.x) * by}px, ${(-y / zoom - box.y) * by}px)`;
}
