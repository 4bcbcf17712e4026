/** Moving cards and comments with the pointer: where they are meanwhile, guides, what a frame carries with it, and the one step of history at the end.
 *  Never touches the document before the pointer is let go. */
import type { NodeChange } from '@xyflow/react';
import { endOf } from '../../graph/edge-end.ts';
import { moveItems } from '../operations/arrange.ts';
import { insertOnEdge } from '../operations/edges.ts';
import { edgeIdOf } from '../scope.ts';
import type { EdgeId } from '../scope.ts';
import type { Canvas, Point } from './canvas-state.ts';
import { alignmentOf, boxOf } from './guides.ts';
import { COMMENT_SIZE, commentOfFlowId, flowIdOfComment } from './flow-model.ts';
import type { FlowNode } from './flow-model.ts';
import type { Place } from './walk.ts';

const NONE: ReadonlyMap<string, Point> = new Map();

export interface Dragging {
  start(): void;
  /** What React Flow says of places, in canvas px. @param inSight what stands in the window, for guides */
  moved(changes: readonly NodeChange<FlowNode>[], inSight: Place): void;
  /** Writes it down. */
  stop(): void;
}

export function createDragging(canvas: Canvas): Dragging {
  let carried: ReadonlyMap<string, Point> = NONE;
  let from: ReadonlyMap<string, Place> = new Map();
  return {
    start() {
      from = allPlaces(canvas);
      carried = NONE;
    },
    moved(changes, inSight) {
      const to = new Map<string, Point>();
      for (const change of changes) if (change.type === 'position' && change.position !== undefined) to.set(change.id, change.position);
      const [first] = to;
      if (first === undefined) return;
      if (from.size === 0) from = allPlaces(canvas);
      if (canvas.dragged.peek().size === 0) carried = carriedBy([...to.keys()], from);
      const boxes = [...to].flatMap(([id, point]) => withSize(from.get(id), point));
      const moving = boxOf(boxes);
      const still = canvas.isOverview.peek() ? [] : stillOf(from, to, carried, inSight);
      const snapped = moving === undefined ? { dx: 0, dy: 0, guides: [] } : alignmentOf(moving, still);
      canvas.guides.value = snapped.guides;
      const start = from.get(first[0]) ?? { x: 0, y: 0 };
      const by = { x: first[1].x + snapped.dx - start.x, y: first[1].y + snapped.dy - start.y };
      const next = new Map([...to].map(([id, point]): [string, Point] => [id, { x: point.x + snapped.dx, y: point.y + snapped.dy }]));
      for (const [id, place] of carried) next.set(id, { x: place.x + by.x, y: place.y + by.y });
      canvas.dragged.value = next;
    },
    stop() {
      const moved = canvas.dragged.peek();
      const edge = canvas.dropEdge.peek();
      if (moved.size > 0) commit(canvas, moved, edge);
      canvas.dragged.value = NONE;
      canvas.guides.value = [];
      canvas.dropEdge.value = undefined;
      from = new Map();
      carried = NONE;
    },
  };
}

function commit(canvas: Canvas, moved: ReadonlyMap<string, Point>, edge: EdgeId | undefined): void {
  const nodes = new Map([...moved].filter(([id]) => commentOfFlowId(id) === undefined));
  const comments = new Map([...moved].flatMap(([id, point]): [string, Point][] => withId(commentOfFlowId(id), point)));
  const [only] = nodes.keys();
  const what = moved.size === 1 ? (only ?? 'a comment') : `${moved.size} items`;
  canvas.change(edge === undefined ? `Move ${what}` : `Put ${what} on an edge`, (graph) => {
    const there = moveItems(graph, { nodes, comments });
    return edge === undefined || only === undefined ? there : insertOnEdge(there, edge, only, canvas.types);
  });
}

function withId(id: string | undefined, point: Point): [string, Point][] {
  return id === undefined ? [] : [[id, point]];
}

function withSize(place: Place | undefined, at: Point): readonly Place[] {
  return place === undefined ? [] : [{ ...at, width: place.width, height: place.height }];
}

/** Cards and comments by flow id. */
function allPlaces(canvas: Canvas): ReadonlyMap<string, Place> {
  const comments = canvas.doc.graph
    .peek()
    .comments.map((each): [string, Place] => [flowIdOfComment(each.id), { ...each.position, ...(each.size ?? COMMENT_SIZE) }]);
  return new Map([...canvas.places.peek(), ...comments]);
}

/** What lies inside dragged comments goes with them. */
function carriedBy(ids: readonly string[], places: ReadonlyMap<string, Place>): ReadonlyMap<string, Point> {
  const frames = ids.filter((id) => commentOfFlowId(id) !== undefined).flatMap((id) => places.get(id) ?? []);
  if (frames.length === 0) return NONE;
  const dragged = new Set(ids);
  return new Map([...places].filter(([id, place]) => !dragged.has(id) && frames.some((frame) => isInside(place, frame))));
}

function isInside(place: Place, frame: Place): boolean {
  return place.x >= frame.x && place.y >= frame.y && place.x + place.width <= frame.x + frame.width && place.y + place.height <= frame.y + frame.height;
}

function stillOf(
  places: ReadonlyMap<string, Place>,
  moving: ReadonlyMap<string, unknown>,
  carried: ReadonlyMap<string, unknown>,
  sight: Place,
): readonly Place[] {
  const still: Place[] = [];
  for (const [id, place] of places) {
    if (moving.has(id) || carried.has(id) || commentOfFlowId(id) !== undefined) continue;
    const isOutside =
      place.x > sight.x + sight.width || place.y > sight.y + sight.height || place.x + place.width < sight.x || place.y + place.height < sight.y;
    if (!isOutside) still.push(place);
  }
  return still;
}

/** The edge below a point of the window. */
export function edgeUnder(point: Point): EdgeId | undefined {
  for (const element of document.elementsFromPoint(point.x, point.y)) {
    const id = element.closest('.react-flow__edge')?.getAttribute('data-id');
    if (id !== null && id !== undefined) return id as EdgeId;
  }
  return undefined;
}

/** The edge that a dragged card would be put on: only a card that no edge touches yet. */
export function dropEdgeFor(canvas: Canvas, id: string, point: Point): EdgeId | undefined {
  const graph = canvas.doc.graph.peek();
  if (commentOfFlowId(id) !== undefined || graph.edges.some((edge) => endOf(edge.from).key === id || endOf(edge.to).key === id)) return undefined;
  const edge = edgeUnder(point);
  return graph.edges.some((each) => edgeIdOf(each) === edge) ? edge : undefined;
}
