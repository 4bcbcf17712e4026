/** What an edge's line and label say. Pure. */
import type { GraphEdge } from '../../../src/contract/graph.ts';

export type EdgeMode = NonNullable<GraphEdge['mode']>[number];

/** What each mode is for, in the words of menus and forms. */
export const edgeModes: readonly { readonly mode: EdgeMode; readonly label: string; readonly hint: string }[] = [
  { mode: 'trigger', label: 'Triggers', hint: 'Starts the next node when this one ends' },
  { mode: 'context', label: 'Gives context', hint: 'The next node waits for the data, but something else starts it' },
  { mode: 'attachments', label: 'Gives attachments', hint: 'As context, for the files it leaves' },
];

/** An edge that says nothing triggers. */
export function modesOf(edge: Pick<GraphEdge, 'mode'>): readonly EdgeMode[] {
  return edge.mode ?? ['trigger'];
}

/** The modes after one is switched. The last one can't be: an edge without any means nothing. */
export function withModeSwitched(edge: Pick<GraphEdge, 'mode'>, mode: EdgeMode): readonly EdgeMode[] {
  const before = modesOf(edge);
  const after = before.includes(mode)
    ? before.filter((one) => one !== mode)
    : edgeModes.map((each) => each.mode).filter((one) => one === mode || before.includes(one));
  return after.length === 0 ? before : after;
}

/** The line: what triggers is solid, whatever else it gives. */
export function edgeStyle(edge: Pick<GraphEdge, 'mode'>): EdgeMode {
  const modes = modesOf(edge);
  return modes.includes('trigger') ? 'trigger' : modes.includes('context') ? 'context' : 'attachments';
}

const MAX_LABEL = 26;

/** Beside the line: its condition, and what it gives beside triggering. */
export function edgeLabel(edge: Pick<GraphEdge, 'mode' | 'when'>): string | undefined {
  const modes = modesOf(edge);
  const more = modes.includes('trigger') ? modes.filter((mode) => mode !== 'trigger') : modes;
  const when = edge.when === undefined || edge.when.trim() === '' ? [] : [`if ${bare(edge.when)}`];
  const label = [...when, ...(modes.length === 1 && more.length === 0 ? [] : more)].join(' · ');
  return label === '' ? undefined : label.length > MAX_LABEL ? `${label.slice(0, MAX_LABEL - 1)}…` : label;
}

/** A condition without the braces it may be written with. */
function bare(condition: string): string {
  return condition
    .trim()
    .replace(/^\{\{\s*/, '')
    .replace(/\s*\}\}$/, '')
    .replaceAll(/\s+/g, ' ');
}
