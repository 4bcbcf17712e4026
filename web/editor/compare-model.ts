/** Two definitions laid over each other: one graph that holds the nodes of both, each marked with what became of it, and the changes as a list.
 *  Pure; what differs is the server's answer. The graphs in bodies are in the list; on the drawing their node is marked. */
import type { Change, ChangedThings, DefinitionDiff } from '../../src/contract/definitions.ts';
import type { Definition } from '../../src/contract/graph.ts';
import type { NodeTypeView } from '../../src/contract/node-types.ts';
import { graphModel } from '../graph/model.ts';
import type { GraphModel, Mark } from '../graph/model.ts';
import { edgeIdOf, scopeOfKey } from './scope.ts';

export interface Overlay {
  readonly definition: Pick<Definition, 'nodes' | 'edges'>;
  readonly model: GraphModel;
  /** Each by itself, marked as well. */
  readonly before: GraphModel;
  readonly after: GraphModel;
}

export function overlayOf(input: {
  readonly before: Definition;
  readonly after: Definition;
  readonly diff: DefinitionDiff;
  readonly types: ReadonlyMap<string, NodeTypeView>;
}): Overlay {
  const { before, after, diff, types } = input;
  const keys = new Set(after.nodes.map((node) => node.key));
  const ids = new Set(after.edges.map(edgeIdOf));
  const definition = {
    nodes: [...after.nodes, ...before.nodes.filter((node) => !keys.has(node.key))],
    edges: [...after.edges, ...before.edges.filter((edge) => !ids.has(edgeIdOf(edge)))],
  };
  const marks = nodeMarks(diff, after, before);
  const edgeMarks = new Map([
    ...diff.edges.added.map((edge) => [endsOf(edge), 'added'] as const),
    ...diff.edges.removed.map((edge) => [endsOf(edge), 'removed'] as const),
    ...diff.edges.changed.map(({ key }) => [key.replace(' → ', '>'), 'changed'] as const),
  ]);
  const marked = (of: Pick<Definition, 'nodes' | 'edges'>): GraphModel => {
    const model = graphModel({ definition: of, types });
    return {
      ...model,
      cards: model.cards.map((card) => ({ ...card, mark: marks.get(card.key) })),
      links: model.links.map((link) => {
        const edge = of.edges[Number(link.id.slice(link.id.lastIndexOf('-') + 1))];
        return { ...link, mark: edge === undefined ? undefined : edgeMarks.get(edgeIdOf(edge)) };
      }),
    };
  };
  return { definition, model: marked(definition), before: marked(before), after: marked(after) };
}

/** By key of a node at the top; one whose body changed is changed itself. */
function nodeMarks(diff: DefinitionDiff, after: Definition, before: Definition): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  const mark = (key: string, as: Mark): void => {
    const top = scopeOfKey(after, key)?.[0] ?? scopeOfKey(before, key)?.[0];
    if (top === undefined) marks.set(key, as);
    else if (!marks.has(top) || marks.get(top) === 'moved') marks.set(top, as === 'moved' ? 'moved' : 'changed');
  };
  for (const { key, changes } of diff.nodes.changed) mark(key, isMove(changes) ? 'moved' : 'changed');
  for (const node of diff.nodes.added) mark(keyOf(node), 'added');
  for (const node of diff.nodes.removed) mark(keyOf(node), 'removed');
  return marks;
}

/** One thing that differs. */
export interface ChangeItem {
  readonly mark: Mark;
  /** `node`, `edge`, `trigger`, `comment`, `settings`, `input schema`. */
  readonly kind: string;
  readonly title: string;
  /** The node to select for it. */
  readonly node: string | undefined;
  readonly changes: readonly Change[];
}

/** Everything that differs, nodes first; what only moved stands last. */
export function changeItems(diff: DefinitionDiff): readonly ChangeItem[] {
  const items = [
    ...things('node', diff.nodes, (node) => `${keyOf(node)} (${String(field(node, 'type'))})`),
    ...things('edge', diff.edges, (edge) => `${String(field(edge, 'from'))} → ${String(field(edge, 'to'))}`),
    ...things('trigger', diff.triggers, (trigger) => `${keyOf(trigger)} (${String(field(trigger, 'type'))})`),
    ...things('comment', diff.comments, (comment) => `“${String(field(comment, 'text')).slice(0, 80)}”`),
    ...rest('settings', diff.settings),
    ...rest('input schema', diff.inputSchema),
  ];
  return [...items.filter((item) => item.mark !== 'moved'), ...items.filter((item) => item.mark === 'moved')];
}

function things(kind: string, all: ChangedThings, title: (thing: unknown) => string): readonly ChangeItem[] {
  const named = (thing: unknown, mark: Mark): ChangeItem => {
    const inside = field(thing, 'in');
    return { mark, kind, title: `${title(thing)}${typeof inside === 'string' ? ` in ${inside}` : ''}`, node: nodeOf(kind, thing), changes: [] };
  };
  return [
    ...all.added.map((thing) => named(thing, 'added')),
    ...all.removed.map((thing) => named(thing, 'removed')),
    ...all.changed.map(({ key, changes }) => ({
      mark: isMove(changes) ? ('moved' as const) : ('changed' as const),
      kind,
      title: key,
      node: kind === 'node' ? key : kind === 'edge' ? (key.split(/[. ]/)[0] ?? key) : undefined,
      changes,
    })),
  ];
}

function rest(kind: string, changes: readonly Change[]): readonly ChangeItem[] {
  return changes.length === 0 ? [] : [{ mark: 'changed', kind, title: kind, node: undefined, changes }];
}

function isMove(changes: readonly Change[]): boolean {
  return changes.every(({ path }) => path === 'position' || path.startsWith('position.') || path === 'size' || path.startsWith('size.'));
}

function nodeOf(kind: string, thing: unknown): string | undefined {
  if (kind === 'node') return keyOf(thing);
  return kind === 'edge' ? String(field(thing, 'from')).split('.')[0] : undefined;
}

function keyOf(thing: unknown): string {
  return String(field(thing, 'key'));
}

function endsOf(edge: unknown): string {
  return `${String(field(edge, 'from'))}>${String(field(edge, 'to'))}`;
}

function field(thing: unknown, name: string): unknown {
  return typeof thing === 'object' && thing !== null ? (thing as Readonly<Record<string, unknown>>)[name] : undefined;
}
