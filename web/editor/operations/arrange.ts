/** Where nodes and comments stand: moving, aligning, spreading evenly, tidying. Pure. Sizes are those of the node card (graph/layout.ts). */
import type { GraphComment, GraphNode } from '../../../src/contract/graph.ts';
import { outputPorts } from '../../graph/model.ts';
import { layOutGraph, NODE_HEIGHT, NODE_WIDTH, PORT_HEIGHT } from '../../graph/layout.ts';
import type { Point } from '../../graph/layout.ts';
import type { Selection } from '../document.ts';
import type { Graph } from '../scope.ts';
import type { NodeTypes } from './edges.ts';
import { freePlace, GAP_X } from './nodes.ts';

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

const DEFAULT_COMMENT = { width: 240, height: 120 };

/** The same graph with a place for every node: those that have one keep it. */
export function placed(graph: Graph, types: NodeTypes): Graph {
  if (graph.nodes.every((node) => node.position !== undefined)) return graph;
  if (graph.nodes.every((node) => node.position === undefined)) return { ...graph, nodes: laidOut(graph, graph.nodes, types) };
  // New ones stand after what leads to them, or below the rest.
  return graph.nodes.reduce<Graph>((done, node) => {
    if (node.position !== undefined) return done;
    const edge = done.edges.find((each) => each.to.split('.')[0] === node.key);
    const source = edge === undefined ? undefined : done.nodes.find((each) => each.key === edge.from.split('.')[0])?.position;
    const position = freePlace(done, source === undefined ? { x: 0, y: 0 } : { x: source.x + NODE_WIDTH + GAP_X, y: source.y });
    return { ...done, nodes: done.nodes.map((each) => (each.key === node.key ? { ...each, position } : each)) };
  }, graph);
}

/** Puts nodes and comments at places, by key and id. */
export function moveItems(graph: Graph, places: { readonly nodes?: ReadonlyMap<string, Point>; readonly comments?: ReadonlyMap<string, Point> }): Graph {
  const moved = <Item extends { readonly position?: Point | undefined }>(item: Item, to: Point | undefined): Item =>
    to === undefined || (item.position?.x === to.x && item.position.y === to.y) ? item : { ...item, position: { x: Math.round(to.x), y: Math.round(to.y) } };
  const nodes = graph.nodes.map((node) => moved(node, places.nodes?.get(node.key)));
  const comments = graph.comments.map((comment) => moved(comment, places.comments?.get(comment.id)));
  const same = nodes.every((node, index) => node === graph.nodes[index]) && comments.every((comment, index) => comment === graph.comments[index]);
  return same ? graph : { ...graph, nodes, comments };
}

/** Moves by so many pixels. */
export function nudge(graph: Graph, selection: Pick<Selection, 'nodes' | 'comments'>, by: Point): Graph {
  const to = ({ position = { x: 0, y: 0 } }: { readonly position?: Point | undefined }): Point => ({ x: position.x + by.x, y: position.y + by.y });
  return moveItems(graph, {
    nodes: new Map(graph.nodes.filter((node) => selection.nodes.has(node.key)).map((node) => [node.key, to(node)])),
    comments: new Map(graph.comments.filter((comment) => selection.comments.has(comment.id)).map((comment) => [comment.id, to(comment)])),
  });
}

export type Side = 'left' | 'centre' | 'right' | 'top' | 'middle' | 'bottom';

/** Lines nodes up along a side of the box around them. Fewer than two: nothing. */
export function align(graph: Graph, keys: ReadonlySet<string>, side: Side, types: NodeTypes): Graph {
  const boxes = boxesOf(graph, keys, types);
  const around = boxAround([...boxes.values()]);
  if (around === undefined || boxes.size < 2) return graph;
  const to = (box: Box): Point => {
    if (side === 'left') return { x: around.x, y: box.y };
    if (side === 'right') return { x: around.x + around.width - box.width, y: box.y };
    if (side === 'centre') return { x: around.x + (around.width - box.width) / 2, y: box.y };
    if (side === 'top') return { x: box.x, y: around.y };
    if (side === 'bottom') return { x: box.x, y: around.y + around.height - box.height };
    return { x: box.x, y: around.y + (around.height - box.height) / 2 };
  };
  return moveItems(graph, { nodes: new Map([...boxes].map(([key, box]) => [key, to(box)])) });
}

/** Makes the gaps between nodes equal; the outermost stay. Fewer than three: nothing. */
export function distribute(graph: Graph, keys: ReadonlySet<string>, axis: 'x' | 'y', types: NodeTypes): Graph {
  const length = axis === 'x' ? 'width' : 'height';
  const boxes = [...boxesOf(graph, keys, types)].toSorted(([, a], [, b]) => a[axis] - b[axis]);
  const first = boxes[0]?.[1];
  const last = boxes.at(-1)?.[1];
  if (first === undefined || last === undefined || boxes.length < 3) return graph;
  const filled = boxes.reduce((sum, [, box]) => sum + box[length], 0);
  const gap = (last[axis] + last[length] - first[axis] - filled) / (boxes.length - 1);
  let at = first[axis];
  const places = boxes.map(([key, box]): [string, Point] => {
    const place = axis === 'x' ? { x: at, y: box.y } : { x: box.x, y: at };
    at += box[length] + gap;
    return [key, place];
  });
  return moveItems(graph, { nodes: new Map(places) });
}

/** Lays nodes out from left to right: all, or those named, whose corner stays where it is. Frames follow the nodes in them. */
export function tidy(graph: Graph, types: NodeTypes, keys?: ReadonlySet<string>): Graph {
  const start = placed(graph, types);
  const some = start.nodes.filter((node) => keys === undefined || keys.size < 2 || keys.has(node.key));
  const before = boxAround(some.map((node) => boxOf(node, types)));
  const laid = laidOut(start, some, types);
  const after = boxAround(laid.map((node) => boxOf(node, types)));
  if (before === undefined || after === undefined) return graph;
  const by = { x: before.x - after.x, y: before.y - after.y };
  const places = new Map(laid.map(({ key, position = { x: 0, y: 0 } }) => [key, { x: position.x + by.x, y: position.y + by.y }]));
  return framed(start, moveItems(start, { nodes: places }), types);
}

function laidOut(graph: Graph, nodes: readonly GraphNode[], types: NodeTypes): readonly GraphNode[] {
  const bare = nodes.map(({ position: _position, ...node }): GraphNode => node);
  // As wide as it likes: a canvas reads from left to right.
  const pane = { width: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY };
  const { places } = layOutGraph({ nodes: bare, edges: graph.edges, portsOf: (node) => portsOf(node, types), pane });
  return nodes.map((node) => {
    const place = places.get(node.key);
    return { ...node, position: { x: place?.x ?? 0, y: place?.y ?? 0 } };
  });
}

const FRAME_GAP = 24;
const FRAME_HEAD = 44;

/** Frames around nodes go with them and fit them again. */
function framed(before: Graph, after: Graph, types: NodeTypes): Graph {
  const comments = after.comments.map((comment): GraphComment => {
    const frame = { ...comment.position, ...(comment.size ?? DEFAULT_COMMENT) };
    const inside = new Set(before.nodes.filter((node) => contains(frame, boxOf(node, types))).map((node) => node.key));
    const around = boxAround(after.nodes.filter((node) => inside.has(node.key)).map((node) => boxOf(node, types)));
    if (around === undefined) return comment;
    return {
      ...comment,
      position: { x: around.x - FRAME_GAP, y: around.y - FRAME_HEAD },
      size: { width: around.width + 2 * FRAME_GAP, height: around.height + FRAME_HEAD + FRAME_GAP },
    };
  });
  return { ...after, comments };
}

/** The place a node takes on the canvas. */
export function boxOf(node: GraphNode, types: NodeTypes): Box {
  const ports = Math.max(1, portsOf(node, types).length);
  return { ...(node.position ?? { x: 0, y: 0 }), width: NODE_WIDTH, height: NODE_HEIGHT + (ports - 1) * PORT_HEIGHT };
}

function portsOf(node: GraphNode, types: NodeTypes): readonly string[] {
  return outputPorts(node, types.get(node.type), []).map(({ name }) => name);
}

function boxesOf(graph: Graph, keys: ReadonlySet<string>, types: NodeTypes): ReadonlyMap<string, Box> {
  return new Map(graph.nodes.filter((node) => keys.has(node.key)).map((node) => [node.key, boxOf(node, types)]));
}

export function boxAround(boxes: readonly Box[]): Box | undefined {
  if (boxes.length === 0) return undefined;
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  return { x, y, width: Math.max(...boxes.map((box) => box.x + box.width)) - x, height: Math.max(...boxes.map((box) => box.y + box.height)) - y };
}

function contains(frame: Box, box: Box): boolean {
  return box.x >= frame.x && box.y >= frame.y && box.x + box.width <= frame.x + frame.width && box.y + box.height <= frame.y + frame.height;
}
