/** What can be done to the graph from the canvas, each one step of history. Where nothing can be done, says why in `notice`.
 *  Never asks anything: layers (pickers, menus) call these with what was chosen. */
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import { endOf } from '../../graph/edge-end.ts';
import { addComment, setComment } from '../operations/comments.ts';
import { nudge, placed } from '../operations/arrange.ts';
import { connect, firstOut, setEdge, whyNotConnect } from '../operations/edges.ts';
import type { Connection } from '../operations/edges.ts';
import { newCommentId, newKey } from '../operations/keys.ts';
import { addNode, freePlace, patchNodes, removeItems } from '../operations/nodes.ts';
import { edgeIdOf } from '../scope.ts';
import type { EdgeId, Graph } from '../scope.ts';
import type { AddWhere, Canvas, Point } from './canvas-state.ts';
import { withModeSwitched } from './edge-words.ts';
import type { EdgeMode } from './edge-words.ts';
import { COMMENT_SIZE, SMALLEST_COMMENT } from './flow-model.ts';
import { GRID } from './places.ts';

/** Adds a node and selects it. @returns its key */
export function addAt(canvas: Canvas, type: NodeTypeView, where: AddWhere): string {
  const { doc, types } = canvas;
  const taken = doc.keys.peek();
  const key = newKey(taken, type.type);
  const added = (graph: Graph): Graph => {
    if (where.kind === 'after') return addNode(graph, { type, taken, after: where.key }, types);
    if (where.kind === 'edge') {
      const position = where.position === undefined ? middleOf(canvas, where.edge) : rounded(where.position);
      return addNode(graph, { type, taken, onEdge: where.edge, ...(position === undefined ? {} : { position }) }, types);
    }
    const alone = addNode(graph, { type, taken, position: rounded(where.position) }, types);
    if (where.join === undefined) return alone;
    const { end, side } = where.join;
    return connect(alone, side === 'from' ? { from: end, to: key } : { from: firstOut(alone, key, types), to: end }, types);
  };
  canvas.change(`Add ${type.title}`, added, { select: { nodes: new Set([key]), edges: new Set(), comments: new Set() } });
  return key;
}

/** Where a card on an edge stands when there is room for it between the ends; undefined: what follows must make room. */
function middleOf(canvas: Canvas, id: EdgeId): Point | undefined {
  const edge = canvas.doc.graph.peek().edges.find((each) => edgeIdOf(each) === id);
  const places = canvas.places.peek();
  const from = edge === undefined ? undefined : places.get(endOf(edge.from).key);
  const to = edge === undefined ? undefined : places.get(endOf(edge.to).key);
  if (from === undefined || to === undefined || to.x - from.x - from.width < from.width + 4 * GRID) return undefined;
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  return freePlace(placed(canvas.doc.graph.peek(), canvas.types), rounded(middle));
}

/** Joins two ends. @returns whether they are joined; `notice` says why not */
export function join(canvas: Canvas, connection: Connection): boolean {
  const { doc, types } = canvas;
  const why = doc.locked.peek() ?? whyNotConnect(doc.graph.peek(), connection, types);
  if (why !== undefined) {
    canvas.notice.value = why;
    return false;
  }
  canvas.change(`Connect ${endOf(connection.from).key} and ${endOf(connection.to).key}`, (graph) => connect(graph, connection, types));
  return true;
}

/** Leads an edge somewhere else; its mode and condition stay. */
export function rejoin(canvas: Canvas, id: EdgeId, connection: Connection): void {
  const { doc, types } = canvas;
  const edge = doc.graph.peek().edges.find((each) => edgeIdOf(each) === id);
  if (edge === undefined || (edge.from === connection.from && edge.to === connection.to)) return;
  const without = removeItems(doc.graph.peek(), { edges: new Set([id]) });
  const why = doc.locked.peek() ?? whyNotConnect(without, connection, types);
  if (why !== undefined) {
    canvas.notice.value = why;
    return;
  }
  const { from: _from, to: _to, ...rest } = edge;
  const kept = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  canvas.change('Move an edge', (graph) => connect(removeItems(graph, { edges: new Set([id]) }), { ...kept, ...connection }, types));
}

export function switchMode(canvas: Canvas, ids: ReadonlySet<EdgeId>, mode: EdgeMode): void {
  canvas.change('Change what an edge does', (graph) => {
    let next = graph;
    for (const id of ids) {
      const edge = next.edges.find((each) => edgeIdOf(each) === id);
      if (edge === undefined) continue;
      const modes = withModeSwitched(edge, mode);
      const isPlain = modes.length === 1 && modes[0] === 'trigger';
      next = setEdge(next, id, { mode: isPlain ? undefined : [...modes] });
    }
    return next;
  });
}

/** Removes what is selected. A node between two others leaves them joined. */
export function removeSelected(canvas: Canvas): void {
  const selection = canvas.doc.selection.peek();
  const count = selection.nodes.size + selection.edges.size + selection.comments.size;
  if (count === 0) return;
  const [only] = selection.nodes;
  const label =
    count > 1 ? `Delete ${count} items` : only === undefined ? (selection.edges.size === 1 ? 'Delete an edge' : 'Delete a comment') : `Delete ${only}`;
  canvas.change(label, (graph) => removeItems(graph, selection, { heal: true }));
}

/** Moves what is selected by so many grid steps. */
export function nudgeSelected(canvas: Canvas, x: number, y: number): void {
  const selection = canvas.doc.selection.peek();
  const [only] = selection.nodes;
  const what =
    selection.nodes.size === 1 && selection.comments.size === 0 && only !== undefined ? only : `${selection.nodes.size + selection.comments.size} items`;
  canvas.change(`Move ${what}`, (graph) => nudge(graph, selection, { x: x * GRID, y: y * GRID }), { merge: `nudge ${what}` });
}

/** Makes selected comments larger by so many grid steps. */
export function resizeSelected(canvas: Canvas, x: number, y: number): void {
  const ids = canvas.doc.selection.peek().comments;
  const resized = (graph: Graph, id: string): Graph => {
    const { width, height } = graph.comments.find((comment) => comment.id === id)?.size ?? COMMENT_SIZE;
    const size = { width: Math.max(SMALLEST_COMMENT.width, width + x * GRID), height: Math.max(SMALLEST_COMMENT.height, height + y * GRID) };
    return setComment(graph, id, { size });
  };
  canvas.change('Resize a comment', (graph) => [...ids].reduce(resized, graph), { merge: `resize ${[...ids].join(' ')}` });
}

/** Switches selected nodes off, or on again when all are off. */
export function switchSelectedOff(canvas: Canvas): void {
  const { nodes } = canvas.doc.selection.peek();
  if (nodes.size === 0) return;
  const isOff = [...nodes].every((key) => canvas.facts.peek().get(key)?.isDisabled === true);
  canvas.change(isOff ? 'Switch on' : 'Switch off', (graph) => patchNodes(graph, nodes, { disabled: isOff ? undefined : true }));
}

/** Adds an empty comment and begins to write it. */
export function addNote(canvas: Canvas, at: Point, size?: { readonly width: number; readonly height: number }): void {
  const id = newCommentId(canvas.doc.graph.peek().comments.map((comment) => comment.id));
  canvas.change(
    'Add a comment',
    (graph) => addComment(graph, { text: '', position: size === undefined ? rounded(at) : at, ...(size === undefined ? {} : { size }) }),
    {
      select: { nodes: new Set(), edges: new Set(), comments: new Set([id]) },
    },
  );
  if (canvas.doc.graph.peek().comments.some((comment) => comment.id === id)) canvas.writing.value = id;
}

export function selectAll(canvas: Canvas): void {
  const { nodes, comments } = canvas.doc.graph.peek();
  canvas.doc.select({ nodes: new Set(nodes.map((node) => node.key)), comments: new Set(comments.map((comment) => comment.id)) });
}

/** Opens the graph inside a node. */
export function openBody(canvas: Canvas, key: string): void {
  if (canvas.facts.peek().get(key)?.hasBody === true) canvas.doc.open([...canvas.doc.scope.peek(), key]);
}

/** Back to the graph around, on the node one was in. */
export function leaveBody(canvas: Canvas): void {
  const scope = canvas.doc.scope.peek();
  const inner = scope.at(-1);
  if (inner === undefined) return;
  canvas.doc.open(scope.slice(0, -1));
  canvas.doc.select({ nodes: new Set([inner]) });
}

function rounded({ x, y }: Point): Point {
  return { x: Math.round(x / GRID) * GRID, y: Math.round(y / GRID) * GRID };
}
