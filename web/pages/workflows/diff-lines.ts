/** What differs between two versions, as lines to read. Pure. */
import type { ChangedThings, Change, DefinitionDiff } from '../../../src/contract/definitions.ts';

/** One line a change: `+` came, `-` went, `~` changed. */
export function diffLines(diff: DefinitionDiff): readonly string[] {
  if (diff.isSame) return ['no difference'];
  return [
    ...thingLines('node', diff.nodes, (node) => `${String(node['key'])} (${String(node['type'])})${place(node)}`),
    ...thingLines('edge', diff.edges, (edge) => `${String(edge['from'])} → ${String(edge['to'])}${place(edge)}`),
    ...thingLines('trigger', diff.triggers, (trigger) => `${String(trigger['key'])} (${String(trigger['type'])})`),
    ...thingLines('comment', diff.comments, (comment) => `“${String(comment['text']).slice(0, 80)}”${place(comment)}`),
    ...diff.settings.map((change) => changeLine('settings', change)),
    ...diff.inputSchema.map((change) => changeLine('inputSchema', change)),
  ];
}

function thingLines(kind: string, things: ChangedThings, nameOf: (thing: Readonly<Record<string, unknown>>) => string): readonly string[] {
  const named = (thing: unknown): string => `${kind} ${nameOf(thing as Readonly<Record<string, unknown>>)}`;
  return [
    ...things.added.map((thing) => `+ ${named(thing)}`),
    ...things.removed.map((thing) => `- ${named(thing)}`),
    ...things.changed.flatMap(({ key, changes }) => changes.map((change) => changeLine(`${kind} ${key}`, change))),
  ];
}

function place(thing: Readonly<Record<string, unknown>>): string {
  return typeof thing['in'] === 'string' ? ` in ${thing['in']}` : '';
}

function changeLine(what: string, { path, before, after }: Change): string {
  const where = path === '' ? what : `${what}, ${path}`;
  if (before === undefined) return `~ ${where}: now ${shown(after)}`;
  if (after === undefined) return `~ ${where}: was ${shown(before)}, now not set`;
  return `~ ${where}: ${shown(before)} → ${shown(after)}`;
}

const MAX_SHOWN_CHARS = 200;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS - 1)}…` : text;
}
