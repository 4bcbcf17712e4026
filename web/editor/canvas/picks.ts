/** What pickers of the canvas offer: types to add, nodes to lead to or find. Pure. */
import type { NodeTypeView, Port } from '../../../src/contract/node-types.ts';
import { matchScore } from '../../shell/commands.ts';
import { fits, whyNotConnect } from '../operations/edges.ts';
import type { Graph } from '../scope.ts';
import type { CardFacts } from './card-facts.ts';
import { wordsOfType } from './type-words.ts';
import type { Places } from './walk.ts';

/** One row of a picker. `why`: it can't be chosen, and this is the reason. */
export interface Pick {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly type: string;
  readonly category: NodeTypeView['category'] | undefined;
  readonly group?: string;
  /** More words that find it. */
  readonly words?: string;
  readonly why?: string;
}

/** The end that a new node is to be joined to: what it gives, or what it takes. */
export type JoinKind = { readonly gives: string } | { readonly takes: Port['kind'] };

export const categoryTitles: Readonly<Record<NodeTypeView['category'], string>> = {
  flow: 'Flow',
  data: 'Data',
  network: 'Network',
  files: 'Files',
  code: 'Code',
  machine: 'Machine',
};
const categories = Object.keys(categoryTitles) as readonly NodeTypeView['category'][];

/** Types by category, those that fit what they are to be joined to. */
export function typePicks(types: Iterable<NodeTypeView>, join?: JoinKind): readonly Pick[] {
  return [...types]
    .filter((type) => join === undefined || typeFits(type, join))
    .toSorted((a, b) => categories.indexOf(a.category) - categories.indexOf(b.category) || a.title.localeCompare(b.title))
    .map((type) => ({
      ...{ id: type.type, title: type.title, note: type.summary, type: type.type, category: type.category },
      ...{ group: categoryTitles[type.category], words: wordsOfType(type.type) },
    }));
}

function typeFits(type: NodeTypeView, join: JoinKind): boolean {
  if ('gives' in join) return type.inputs.some((port) => fits(join.gives, port.kind));
  return type.dynamicOutputs || type.outputs.some((port) => fits(port.kind, join.takes));
}

// Judging costs a walk through the graph each; those further away are judged when they are chosen.
const MAX_JUDGED = 150;

/** Nodes that an end may lead to, the nearest first; those it may not, with the reason, at the end. */
export function targetPicks(
  input: { readonly graph: Graph; readonly facts: ReadonlyMap<string, CardFacts>; readonly places: Places; readonly types: ReadonlyMap<string, NodeTypeView> },
  from: { readonly key: string; readonly end: string },
): readonly Pick[] {
  const here = input.places.get(from.key);
  const distance = (key: string): number => {
    const place = input.places.get(key);
    if (here === undefined || place === undefined) return 0;
    // What stands to the right is what one leads to.
    const back = place.x <= here.x ? 1_000 : 0;
    return Math.hypot(place.x - here.x, place.y - here.y) + back;
  };
  const picks = [...input.facts.values()]
    .filter((facts) => facts.key !== from.key)
    .toSorted((a, b) => distance(a.key) - distance(b.key))
    .map((facts, index): Pick => {
      const why = index < MAX_JUDGED ? whyNotConnect(input.graph, { from: from.end, to: facts.key }, input.types) : undefined;
      return { id: facts.key, title: facts.title, note: facts.typeTitle, type: facts.type, category: facts.category, ...(why === undefined ? {} : { why }) };
    });
  return [...picks.filter((pick) => pick.why === undefined), ...picks.filter((pick) => pick.why !== undefined)];
}

/** All nodes, to go to one. */
export function nodePicks(facts: ReadonlyMap<string, CardFacts>): readonly Pick[] {
  return [...facts.values()].map((each) => ({
    id: each.key,
    title: each.title,
    note: each.title === each.key ? each.typeTitle : `${each.key} · ${each.typeTitle}`,
    type: each.type,
    category: each.category,
  }));
}

/** Those that answer what is typed, best first; all of them, in their order, when nothing is. */
export function findPicks(picks: readonly Pick[], query: string): readonly Pick[] {
  if (query.trim() === '') return picks;
  return picks
    .map((pick) => ({
      pick,
      score: matchScore(pick.title, query) * 4 + matchScore(`${pick.title} ${pick.id} ${pick.note} ${pick.group ?? ''} ${pick.words ?? ''}`, query),
    }))
    .filter((found) => found.score > 0)
    .toSorted((a, b) => Number(a.pick.why !== undefined) - Number(b.pick.why !== undefined) || b.score - a.score)
    .map((found) => found.pick);
}

/** The output ports that an edge may leave a node by, as ends: one for a node with a single port. */
export function endsFrom(facts: CardFacts): readonly { readonly end: string; readonly port: string | undefined }[] {
  if (facts.outputs.length < 2) return [{ end: facts.key, port: undefined }];
  return facts.outputs.map((port) => ({ end: `${facts.key}.${port.name}`, port: port.name }));
}
