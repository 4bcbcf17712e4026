/** What lies below and above the cards: the dots of the grid, edges of the overview as one drawing, guides while one drags. Each follows the view
 *  by itself, so that a frame of panning redraws nothing. */
import { ViewportPortal, useStoreApi } from '@xyflow/react';
import { useComputed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import { endOf } from '../../graph/edge-end.ts';
import { edgeIdOf } from '../scope.ts';
import { useCanvas } from './canvas-state.ts';
import type { Canvas } from './canvas-state.ts';
import { GRID } from './places.ts';

/** Dots every grid step, thinned out as the graph shrinks. Panning only shifts the layer; zooming draws it anew. */
export function Dots(): JSX.Element {
  const store = useStoreApi();
  const layer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let zoomBefore = 0;
    const follow = (): void => {
      const element = layer.current;
      const [x, y, zoom] = store.getState().transform;
      if (element === null) return;
      let gap = GRID * zoom;
      while (gap < 14) gap *= 2;
      if (zoom !== zoomBefore) {
        zoomBefore = zoom;
        element.style.inset = `${-gap}px`;
        element.style.backgroundSize = `${gap}px ${gap}px`;
      }
      element.style.transform = `translate(${x % gap}px, ${y % gap}px)`;
    };
    follow();
    return store.subscribe(follow);
  }, []);
  return <div ref={layer} class="canvas-dots" aria-hidden="true" />;
}

/** All edges as two paths: one of the rest, one of the selected. */
export function OverviewEdges(): JSX.Element | null {
  const canvas = useCanvas();
  const paths = useComputed(() => (canvas.isOverview.value ? pathsOf(canvas) : undefined)).value;
  if (paths === undefined) return null;
  return (
    <ViewportPortal>
      <svg class="overview-edges" aria-hidden="true">
        <path d={paths.rest} />
        <path class="overview-selected" d={paths.selected} />
      </svg>
    </ViewportPortal>
  );
}

function pathsOf(canvas: Canvas): { readonly rest: string; readonly selected: string } {
  const places = canvas.places.value;
  const dragged = canvas.dragged.value;
  const chosen = canvas.doc.selection.value.edges;
  let rest = '';
  let selected = '';
  for (const edge of canvas.doc.graph.value.edges) {
    const from = endOf(edge.from).key;
    const to = endOf(edge.to).key;
    const source = places.get(from);
    const target = places.get(to);
    if (source === undefined || target === undefined) continue;
    const start = dragged.get(from) ?? source;
    const end = dragged.get(to) ?? target;
    const line = `M${start.x + source.width} ${start.y + source.height / 2}L${end.x} ${end.y + target.height / 2}`;
    if (chosen.has(edgeIdOf(edge))) selected += line;
    else rest += line;
  }
  return { rest, selected };
}

/** Lines that what is dragged falls into. */
export function Guides(): JSX.Element | null {
  const guides = useCanvas().guides.value;
  if (guides.length === 0) return null;
  return (
    <ViewportPortal>
      <svg class="canvas-guides" aria-hidden="true">
        {guides.map(({ axis, at, from, to }) => (
          <path key={axis} d={axis === 'x' ? `M${at} ${from}V${to}` : `M${from} ${at}H${to}`} />
        ))}
      </svg>
    </ViewportPortal>
  );
}
