/** Where the cards of a graph are shown: where the definition puts them, else where the layout would. Pure, but remembers its last answer. */
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import { placed } from '../operations/arrange.ts';
import type { Graph } from '../scope.ts';
import { cardSize } from './card-facts.ts';
import type { CardFacts } from './card-facts.ts';
import type { Places } from './walk.ts';

/** px; what everything snaps to. */
export const GRID = 20;

export function createPlaces(): (graph: Graph, types: ReadonlyMap<string, NodeTypeView>, facts: ReadonlyMap<string, CardFacts>) => Places {
  let before: { readonly shape: string; readonly nodes: Graph['nodes'] } | undefined;
  const nodesOf = (graph: Graph, types: ReadonlyMap<string, NodeTypeView>): Graph['nodes'] => {
    if (graph.nodes.every((node) => node.position !== undefined)) return graph.nodes;
    // What a layout depends on: typing into a form must not lay out again.
    const shape = JSON.stringify([graph.nodes.map((node) => [node.key, node.type, node.position]), graph.edges.map((edge) => [edge.from, edge.to])]);
    if (before?.shape !== shape) before = { shape, nodes: placed(graph, types).nodes };
    return before.nodes;
  };
  return (graph, types, facts) =>
    new Map(
      nodesOf(graph, types).map(({ key, position }) => [key, { x: position?.x ?? 0, y: position?.y ?? 0, ...cardSize(facts.get(key)?.outputs.length ?? 1) }]),
    );
}
