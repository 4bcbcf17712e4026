/** Moves the selection by keys: along edges, to neighbours, onto edges, in reading order; what is selected comes into sight and has the focus. */
import { edgeIdOf } from '../scope.ts';
import type { EdgeId } from '../scope.ts';
import type { Canvas } from './canvas-state.ts';
import { edgesAt, endsOf, readingOrder, walkFrom } from './walk.ts';
import type { Way } from './walk.ts';

export function moveSelection(canvas: Canvas, way: Way): void {
  const { nodes, edges } = canvas.doc.selection.peek();
  const graph = canvas.doc.graph.peek();
  const [edge] = edges;
  const from = [...nodes].at(-1);
  if (from !== undefined) choose(canvas, walkFrom(graph, canvas.places.peek(), from, way));
  else if (edge !== undefined) leaveEdge(canvas, edge, way);
  else choose(canvas, readingOrder(graph, canvas.places.peek())[0]);
}

/** From an edge: left and right to its ends, up and down to the others of its source. */
function leaveEdge(canvas: Canvas, id: EdgeId, way: Way): void {
  const graph = canvas.doc.graph.peek();
  const edge = graph.edges.find((each) => edgeIdOf(each) === id);
  if (edge === undefined) return;
  const [from, to] = endsOf(edge);
  if (way === 'left') return choose(canvas, from);
  if (way === 'right') return choose(canvas, to);
  const out = edgesAt(graph, canvas.places.peek(), from, 'out');
  const beside = out.length > 1 ? out : edgesAt(graph, canvas.places.peek(), to, 'in');
  const at = beside.indexOf(id);
  chooseEdge(canvas, beside[(at + (way === 'down' ? 1 : -1) + beside.length) % beside.length]);
}

/** The first edge at that side of the selected node. */
export function selectEdgeBeside(canvas: Canvas, side: 'in' | 'out'): void {
  const key = [...canvas.doc.selection.peek().nodes].at(-1);
  if (key === undefined) return;
  const [edge] = edgesAt(canvas.doc.graph.peek(), canvas.places.peek(), key, side);
  if (edge === undefined) canvas.notice.value = side === 'out' ? 'No edge leaves this node; connect it with E.' : 'No edge leads to this node.';
  else chooseEdge(canvas, edge);
}

/** The next card in reading order. @returns whether there is one; a trial only asks */
export function stepThrough(canvas: Canvas, by: 1 | -1, { isTrial = false } = {}): boolean {
  const order = readingOrder(canvas.doc.graph.peek(), canvas.places.peek());
  const from = [...canvas.doc.selection.peek().nodes].at(-1);
  const next = from === undefined ? order.at(by === 1 ? 0 : -1) : order[order.indexOf(from) + by];
  if (!isTrial) choose(canvas, next);
  return next !== undefined;
}

function choose(canvas: Canvas, key: string | undefined): void {
  if (key === undefined) return;
  canvas.doc.select({ nodes: new Set([key]) });
  canvas.view.current?.reveal([key], { focus: true });
}

function chooseEdge(canvas: Canvas, id: EdgeId | undefined): void {
  const edge = canvas.doc.graph.peek().edges.find((each) => edgeIdOf(each) === id);
  if (id === undefined || edge === undefined) return;
  canvas.doc.select({ edges: new Set([id]) });
  canvas.view.current?.reveal(endsOf(edge));
  canvas.view.current?.focus();
}
