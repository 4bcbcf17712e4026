/** Everything that can be done on the canvas, each with its key where it has one: the palette, the key sheet and the menus read this one list.
 *  One thing to know: keys are the canvas's only while it has the focus; the palette runs a command from anywhere. */
import type { Command } from '../../shell/commands.ts';
import { align, distribute, tidy } from '../operations/arrange.ts';
import type { Side } from '../operations/arrange.ts';
import { edgeIdOf } from '../scope.ts';
import { addNote, leaveBody, nudgeSelected, openBody, removeSelected, resizeSelected, selectAll, switchSelectedOff } from './actions.ts';
import type { Canvas, Layer, Point } from './canvas-state.ts';
import { copySelected, duplicateSelected, pasteFromClipboard } from './clipboard.ts';
import { groupSelected, ungroupSelected } from './grouping.ts';
import { boxOf } from './guides.ts';
import { nextProblem } from './problems.ts';
import { moveSelection, selectEdgeBeside, stepThrough } from './walking.ts';
import type { Way } from './walk.ts';

type Unbound = Omit<Command, 'group' | 'id'>;

const GROUP = 'Canvas';

/** @param hasFocus whether keys pressed now are the canvas's */
export function canvasCommands(canvas: Canvas, hasFocus: () => boolean): readonly Command[] {
  const all = [...editing(canvas), ...walking(canvas), ...arranging(canvas), ...looking(canvas)];
  return all.map((command) => ({ when: hasFocus, ...command, id: `canvas-${command.title}-${command.keys ?? ''}`, group: GROUP }));
}

function editing(canvas: Canvas): readonly Unbound[] {
  const { doc } = canvas;
  const { nodes, edges, comments } = doc.selection.value;
  const [node] = nodes;
  const off = canvas.isReadOnly.value;
  const none = nodes.size + edges.size + comments.size === 0;
  const single = nodes.size === 1 && node !== undefined ? node : undefined;
  return [
    { title: 'Add a node', keys: '/', disabled: off, words: 'insert new step', run: () => openAdd(canvas) },
    { title: 'Connect to another node', keys: 'e', disabled: off || single === undefined, words: 'edge link join', run: () => openAt(canvas, 'connect') },
    {
      title: 'Change what the edge does',
      keys: 'm',
      disabled: off || edges.size === 0,
      words: 'mode trigger context attachments',
      run: () => openMenu(canvas, 'mode'),
    },
    { title: 'Open the form', keys: 'enter', disabled: none, words: 'edit params condition', run: canvas.openForm },
    {
      title: 'Open the graph inside',
      keys: 'o',
      disabled: single === undefined || canvas.facts.value.get(single)?.hasBody !== true,
      run: () => single !== undefined && openBody(canvas, single),
    },
    { title: 'Back to the graph around', keys: 'u', disabled: doc.scope.value.length === 0, run: () => leaveBody(canvas) },
    { title: 'Delete', keys: 'delete', disabled: off || none, words: 'remove', run: () => removeSelected(canvas) },
    { title: 'Delete (second key)', keys: 'backspace', disabled: off || none, run: () => removeSelected(canvas) },
    { title: 'Duplicate', keys: 'mod+d', disabled: off || nodes.size + comments.size === 0, run: () => duplicateSelected(canvas) },
    // Their keys are the browser's own copy, cut and paste: clipboard.ts hears them.
    { title: 'Copy as JSON text', keys: 'mod+c', when: () => false, disabled: nodes.size + comments.size === 0, run: () => void copySelected(canvas) },
    { title: 'Paste', keys: 'mod+v', when: () => false, disabled: off, run: () => void pasteFromClipboard(canvas) },
    { title: 'Switch off or on', keys: 'd', disabled: off || nodes.size === 0, words: 'disable enable', run: () => switchSelectedOff(canvas) },
    { title: 'Add a comment', keys: 'n', disabled: off, words: 'note sticky frame', run: () => noteAround(canvas) },
    { title: 'Write the comment', keys: 'f2', disabled: off || comments.size !== 1, run: () => (canvas.writing.value = [...comments][0]) },
    { title: 'Group into a map', keys: 'mod+g', disabled: off || nodes.size === 0, words: 'body items', run: () => groupSelected(canvas, 'map') },
    { title: 'Group into a loop', keys: 'mod+alt+g', disabled: off || nodes.size === 0, words: 'body rounds', run: () => groupSelected(canvas, 'loop') },
    {
      title: 'Ungroup',
      keys: 'mod+shift+g',
      disabled: off || single === undefined || canvas.facts.value.get(single)?.hasBody !== true,
      run: () => ungroupSelected(canvas),
    },
  ];
}

function walking(canvas: Canvas): readonly Unbound[] {
  const ways: readonly (readonly [Way, string])[] = [
    ['right', 'to what follows'],
    ['left', 'to what comes before'],
    ['down', 'to the node below'],
    ['up', 'to the node above'],
  ];
  const step = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] } as const;
  const off = canvas.isReadOnly.value;
  const { nodes, comments } = canvas.doc.selection.value;
  return [
    ...ways.map(([way, words]): Unbound => ({ title: `Go ${words}`, keys: `arrow${way}`, run: () => moveSelection(canvas, way) })),
    ...ways.map(([way]): Unbound => ({
      title: `Move ${way}`,
      keys: `alt+arrow${way}`,
      disabled: off || nodes.size + comments.size === 0,
      run: () => nudgeSelected(canvas, step[way][0], step[way][1]),
    })),
    ...ways.map(([way]): Unbound => ({
      title: { right: 'Make the comment wider', left: 'Make the comment narrower', down: 'Make the comment taller', up: 'Make the comment shorter' }[way],
      keys: `alt+shift+arrow${way}`,
      disabled: off || comments.size === 0,
      run: () => resizeSelected(canvas, step[way][0], step[way][1]),
    })),
    { title: 'Select the edge to what follows', keys: 'shift+arrowright', run: () => selectEdgeBeside(canvas, 'out') },
    { title: 'Select the edge from what comes before', keys: 'shift+arrowleft', run: () => selectEdgeBeside(canvas, 'in') },
    { title: 'Next node in reading order', keys: 'tab', when: () => canTab(canvas, 1), run: () => stepThrough(canvas, 1) },
    { title: 'Previous node in reading order', keys: 'shift+tab', when: () => canTab(canvas, -1), run: () => stepThrough(canvas, -1) },
    { title: 'Select all', keys: 'mod+a', run: () => selectAll(canvas) },
    { title: 'Nothing selected, or one graph up', keys: 'escape', run: () => goBack(canvas) },
    { title: 'Actions on the selection', keys: '.', run: () => openMenu(canvas, menuOf(canvas)) },
    { title: 'Find a node', keys: 'mod+f', words: 'search go to', run: () => openAt(canvas, 'find') },
  ];
}

function arranging(canvas: Canvas): readonly Unbound[] {
  const { nodes } = canvas.doc.selection.value;
  const off = canvas.isReadOnly.value;
  const sides: readonly (readonly [Side, string])[] = [
    ['left', 'left sides'],
    ['centre', 'centres'],
    ['right', 'right sides'],
    ['top', 'tops'],
    ['middle', 'middles'],
    ['bottom', 'bottoms'],
  ];
  return [
    { title: 'Tidy up', keys: 'shift+t', disabled: off, words: 'layout arrange auto', run: () => tidyUp(canvas) },
    ...sides.map(([side, words]): Unbound => ({
      title: `Align ${words}`,
      disabled: off || nodes.size < 2,
      run: () => canvas.change(`Align ${words}`, (graph) => align(graph, nodes, side, canvas.types)),
    })),
    ...(['x', 'y'] as const).map((axis): Unbound => ({
      title: axis === 'x' ? 'Distribute across' : 'Distribute down',
      disabled: off || nodes.size < 3,
      run: () => canvas.change('Distribute', (graph) => distribute(graph, nodes, axis, canvas.types)),
    })),
  ];
}

function tidyUp(canvas: Canvas): void {
  const { nodes } = canvas.doc.selection.peek();
  canvas.change('Tidy up', (graph) => tidy(graph, canvas.types, nodes.size > 1 ? nodes : undefined));
  if (nodes.size < 2) canvas.view.current?.fit();
}

function looking(canvas: Canvas): readonly Unbound[] {
  const view = canvas.view;
  const { nodes, comments } = canvas.doc.selection.value;
  const chosen = [...nodes, ...comments];
  return [
    { title: 'Zoom in', keys: '+', run: () => view.current?.zoom({ by: 1.25 }) },
    { title: 'Zoom out', keys: '-', run: () => view.current?.zoom({ by: 0.8 }) },
    { title: 'Show all', keys: '0', words: 'zoom fit', run: () => view.current?.fit() },
    { title: 'Full size', keys: '1', words: 'zoom 100', run: () => view.current?.zoom({ at: 1 }) },
    { title: 'Zoom to the selection', keys: '2', disabled: chosen.length === 0, run: () => view.current?.fit(chosen) },
    { title: 'Go to the next problem', keys: 'p', disabled: canvas.problems.value.size === 0, words: 'zoom error', run: () => nextProblem(canvas) },
    { title: 'Show as a list or as a drawing', keys: 'l', words: 'text alternative', run: () => (canvas.showsList.value = !canvas.showsList.value) },
  ];
}

/** Opens the list of types: on the selected edge, after the selected node, else where the pointer is. */
export function openAdd(canvas: Canvas): void {
  const { nodes, edges } = canvas.doc.selection.peek();
  const [edge] = edges;
  const key = [...nodes].at(-1);
  const at = anchorOf(canvas);
  if (key !== undefined) canvas.layer.value = { kind: 'add', at, where: { kind: 'after', key } };
  else if (edge !== undefined) canvas.layer.value = { kind: 'add', at, where: { kind: 'edge', edge } };
  else canvas.layer.value = { kind: 'add', at, where: { kind: 'at', position: freeSpot(canvas) } };
}

/** Where a node goes that nothing leads to: at the pointer, else in the middle; in an empty graph at its beginning. */
function freeSpot(canvas: Canvas): Point {
  if (canvas.places.peek().size === 0) return canvas.view.current?.middle() ?? { x: 0, y: 0 };
  return canvas.view.current?.pointer() ?? canvas.view.current?.middle() ?? { x: 0, y: 0 };
}

function openAt(canvas: Canvas, kind: 'connect' | 'find'): void {
  const at = anchorOf(canvas);
  const [from] = canvas.doc.selection.peek().nodes;
  if (kind === 'find') canvas.layer.value = { kind, at };
  else if (from !== undefined) canvas.layer.value = { kind, at, from };
}

function openMenu(canvas: Canvas, of: Extract<Layer, { kind: 'menu' }>['of']): void {
  canvas.layer.value = { kind: 'menu', of, at: anchorOf(canvas) };
}

function menuOf(canvas: Canvas): Extract<Layer, { kind: 'menu' }>['of'] {
  const { nodes, edges, comments } = canvas.doc.selection.peek();
  return nodes.size > 0 ? 'nodes' : edges.size > 0 ? 'edge' : comments.size > 0 ? 'comment' : 'canvas';
}

/** Where a layer about the selection opens, in the window: right of it when it is in sight. */
function anchorOf(canvas: Canvas): Point {
  const { nodes, edges } = canvas.doc.selection.peek();
  const view = canvas.view.current;
  const ends = canvas.doc.graph.peek().edges.flatMap((edge) => (edges.has(edgeIdOf(edge)) ? [edge.from.split('.')[0] ?? '', edge.to.split('.')[0] ?? ''] : []));
  const box = boxOf([...nodes, ...ends].flatMap((key) => canvas.places.peek().get(key) ?? []));
  const middle = view?.toWindow(view.middle()) ?? { x: window.innerWidth / 2, y: window.innerHeight / 3 };
  if (view === undefined || box === undefined) return { x: middle.x - 160, y: middle.y - 160 };
  const at = view.toWindow(nodes.size > 0 ? { x: box.x + box.width + 12, y: box.y } : { x: box.x + box.width / 2, y: box.y + box.height / 2 });
  const isInSight = at.x > 0 && at.x < window.innerWidth - 80 && at.y > 0 && at.y < window.innerHeight - 80;
  return isInSight ? at : middle;
}

/** A comment beside the pointer; with nodes selected, a frame around them. */
function noteAround(canvas: Canvas): void {
  const box = boxOf([...canvas.doc.selection.peek().nodes].flatMap((key) => canvas.places.peek().get(key) ?? []));
  if (box === undefined) addNote(canvas, canvas.view.current?.pointer() ?? canvas.view.current?.middle() ?? { x: 0, y: 0 });
  else addNote(canvas, { x: box.x - 24, y: box.y - 44 }, { width: box.width + 48, height: box.height + 68 });
}

function goBack(canvas: Canvas): void {
  const { nodes, edges, comments } = canvas.doc.selection.peek();
  canvas.notice.value = undefined;
  if (nodes.size + edges.size + comments.size > 0) canvas.doc.select({});
  else leaveBody(canvas);
  canvas.view.current?.focus();
}

/** Tab walks from card to card; at the first and the last it leaves the canvas. */
function canTab(canvas: Canvas, by: 1 | -1): boolean {
  return document.activeElement?.closest('.react-flow__node') !== null && document.activeElement !== null && stepThrough(canvas, by, { isTrial: true });
}
