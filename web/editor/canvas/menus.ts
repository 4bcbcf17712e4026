/** The menus of the canvas: nodes, edges, comments, the empty canvas. Items are the commands of commands.ts by title, so that menu, key and palette
 *  can't differ; beside them what only a pointed place has. */
import type { CommentColour } from '../../../src/contract/values.ts';
import type { MenuItem } from '../../ui/menu.tsx';
import { setComment } from '../operations/comments.ts';
import { edgeIdOf } from '../scope.ts';
import { addNote, switchMode } from './actions.ts';
import type { Canvas, Layer, Point } from './canvas-state.ts';
import { canvasCommands } from './commands.ts';
import { edgeModes, modesOf } from './edge-words.ts';

type Of = Extract<Layer, { kind: 'menu' }>['of'];

const nodeTitles = [
  ['Open the form', 'Open the graph inside', 'Add a node', 'Connect to another node'],
  ['Duplicate', 'Copy as JSON text', 'Switch off or on'],
  ['Group into a map', 'Group into a loop', 'Ungroup', 'Add a comment'],
  ['Tidy up', 'Align left sides', 'Align tops', 'Align middles', 'Distribute across', 'Distribute down'],
  ['Delete'],
] as const;

// colours are the contract's names; the menu says them as a person would
const colours: readonly (readonly [CommentColour, string])[] = [
  ['grey', 'Grey'],
  ['amber', 'Amber'],
  ['green', 'Green'],
  ['blue', 'Blue'],
  ['violet', 'Violet'],
];

/** @param at where the menu was asked for, in the window */
export function menuItems(canvas: Canvas, of: Of, at: Point): readonly MenuItem[] {
  if (of === 'mode') return modeItems(canvas);
  if (of === 'edge') return [...items(canvas, [['Add a node', 'Open the form']]), ...separated(modeItems(canvas)), ...separated(items(canvas, [['Delete']]))];
  if (of === 'comment')
    return [
      ...items(canvas, [['Write the comment', 'Duplicate', 'Copy as JSON text']]),
      ...separated(colourItems(canvas)),
      ...separated(items(canvas, [['Delete']])),
    ];
  if (of === 'canvas') return canvasItems(canvas, at);
  return nodeItems(canvas);
}

/** What can be done with the selected nodes. */
export function nodeItems(canvas: Canvas): readonly MenuItem[] {
  const all = items(canvas, nodeTitles);
  if (canvas.isReadOnly.peek()) return all;
  const after = all.findLastIndex((item) => item.label.startsWith('Group into')) + 1;
  return after === 0 ? all : all.toSpliced(after, 0, { label: 'Turn into a workflow…', onSelect: canvas.extract });
}

function items(canvas: Canvas, groups: readonly (readonly string[])[]): readonly MenuItem[] {
  const commands = canvasCommands(canvas, () => true);
  return groups.flatMap((titles, group) =>
    titles
      .flatMap((title) => commands.find((command) => command.title === title && command.disabled !== true) ?? [])
      .map((command, index): MenuItem => ({
        label: command.title,
        hint: command.keys,
        onSelect: command.run,
        danger: command.title === 'Delete',
        separated: group > 0 && index === 0,
      })),
  );
}

function canvasItems(canvas: Canvas, at: Point): readonly MenuItem[] {
  const position = canvas.view.current?.toCanvas(at) ?? { x: 0, y: 0 };
  const here: readonly MenuItem[] = canvas.isReadOnly.peek()
    ? []
    : [
        { label: 'Add a node here', hint: '/', onSelect: () => later(() => (canvas.layer.value = { kind: 'add', at, where: { kind: 'at', position } })) },
        { label: 'Add a comment here', hint: 'n', onSelect: () => later(() => addNote(canvas, position)) },
      ];
  return [...here, ...items(canvas, [['Paste', 'Select all'], ['Tidy up'], ['Show all', 'Full size', 'Find a node', 'Back to the graph around']])];
}

function modeItems(canvas: Canvas): readonly MenuItem[] {
  const ids = canvas.doc.selection.peek().edges;
  const edges = canvas.doc.graph.peek().edges.filter((edge) => ids.has(edgeIdOf(edge)));
  return edgeModes.map(({ mode, label }) => ({
    label,
    checked: edges.every((edge) => modesOf(edge).includes(mode)),
    onSelect: () => switchMode(canvas, ids, mode),
  }));
}

function colourItems(canvas: Canvas): readonly MenuItem[] {
  const ids = canvas.doc.selection.peek().comments;
  const chosen = canvas.doc.graph.peek().comments.filter((comment) => ids.has(comment.id));
  return colours.map(([colour, label]) => ({
    label,
    checked: chosen.every((comment) => (comment.colour ?? 'grey') === colour),
    onSelect: () =>
      canvas.change('Colour a comment', (graph) =>
        [...ids].reduce((next, id) => setComment(next, id, { colour: colour === 'grey' ? undefined : colour }), graph),
      ),
  }));
}

function separated(rows: readonly MenuItem[]): readonly MenuItem[] {
  return rows.map((row, index) => (index === 0 ? { ...row, separated: true } : row));
}

/** After the menu is gone and has given the focus back. */
function later(run: () => void): void {
  setTimeout(run, 0);
}
