/** Moves the view of the canvas: zoom, fit, bring into sight, focus. The one place that asks React Flow's instance and the DOM for places. */
import { getViewportForBounds } from '@xyflow/react';
import type { ReactFlowInstance, Viewport } from '@xyflow/react';
import type { Canvas, CanvasView, Point } from './canvas-state.ts';
import { boxOf } from './guides.ts';
import { COMMENT_SIZE, commentOfFlowId } from './flow-model.ts';
import type { FlowEdge, FlowNode } from './flow-model.ts';
import { shiftInto } from './shift-into.ts';
import type { Place } from './walk.ts';

// 2,000 nodes in one row of a hundred columns fit a window.
export const MIN_ZOOM = 0.02;
export const MAX_ZOOM = 2;
/** Below it a card's words can't be read: cards are drawn as plain boxes. */
export const OVERVIEW_ZOOM = 0.42;
/** Below it not even a box's title can be read. */
export const FAR_ZOOM = 0.2;

const MOVE_MS = 120;

export function createView(
  canvas: Canvas,
  flow: ReactFlowInstance<FlowNode, FlowEdge>,
  element: HTMLElement,
  pointerAt: { readonly current: Point | undefined },
): CanvasView {
  const placeOf = (id: string): Place | undefined => {
    const comment = canvas.doc.graph.peek().comments.find((each) => each.id === (commentOfFlowId(id) ?? id));
    return canvas.places.peek().get(id) ?? (comment === undefined ? undefined : { ...comment.position, ...(comment.size ?? COMMENT_SIZE) });
  };
  const duration = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : MOVE_MS;
  /** Glides there. On the way out to where all is small the cards become boxes first: a thousand of them would be drawn whole for one frame. */
  const go = async (viewport: Viewport): Promise<void> => {
    canvas.headedFor.zoom = viewport.zoom;
    if (viewport.zoom < OVERVIEW_ZOOM && !canvas.isOverview.peek()) {
      canvas.isOverview.value = true;
      await twoFrames();
    }
    await flow.setViewport(viewport, { duration });
    canvas.headedFor.zoom = Number.POSITIVE_INFINITY;
  };
  const view: CanvasView = {
    reveal(keys, { focus = false } = {}) {
      const box = boxOf(keys.flatMap((key) => placeOf(key) ?? []));
      if (box === undefined) return;
      const { x, y, zoom } = flow.getViewport();
      const readable = Math.max(zoom, OVERVIEW_ZOOM);
      const by = zoom === readable ? shiftInto(box, { x, y, zoom }, element) : undefined;
      if (by === undefined) void flow.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: readable });
      else if (by.x !== 0 || by.y !== 0) void flow.setViewport({ x: x + by.x, y: y + by.y, zoom });
      const [first] = keys;
      // The card may be drawn only now that it is in sight.
      if (focus && first !== undefined) void twoFrames().then(() => focusNode(element, first));
    },
    fit(keys) {
      const all = (): readonly string[] => [...canvas.places.peek().keys(), ...canvas.doc.graph.peek().comments.map((each) => each.id)];
      const box = boxOf((keys ?? all()).flatMap((key) => placeOf(key) ?? []));
      if (box !== undefined) void go(getViewportForBounds(box, element.clientWidth, element.clientHeight, MIN_ZOOM, 1, 0.08));
    },
    zoom(to) {
      const { x, y, zoom } = flow.getViewport();
      const next = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, 'by' in to ? zoom * to.by : to.at));
      const about = (offset: number, length: number): number => length / 2 - ((length / 2 - offset) / zoom) * next;
      void go({ x: about(x, element.clientWidth), y: about(y, element.clientHeight), zoom: next });
    },
    middle() {
      const { left, top, width, height } = element.getBoundingClientRect();
      return flow.screenToFlowPosition({ x: left + width / 2, y: top + height / 2 });
    },
    pointer: () => (pointerAt.current === undefined ? undefined : flow.screenToFlowPosition(pointerAt.current)),
    toCanvas: (point) => flow.screenToFlowPosition(point),
    toWindow: (point) => flow.flowToScreenPosition(point),
    focus() {
      const [only] = canvas.doc.selection.peek().nodes;
      if (only === undefined || !focusNode(element, only)) element.focus({ preventScroll: true });
    },
  };
  return view;
}

/** Until what was just decided is drawn. */
function twoFrames(): Promise<void> {
  return new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(() => done()));
  });
}

function focusNode(element: HTMLElement, key: string): boolean {
  const node = element.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(key)}"]`);
  node?.focus({ preventScroll: true });
  return node !== null;
}
