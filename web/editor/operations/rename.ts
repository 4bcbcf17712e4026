/** Another key for a node, everywhere it is named: edges, and `steps.<key>` in the expressions of the whole workflow. Pure. */
import type { Definition, GraphNode } from '../../../src/contract/graph.ts';
import { endOf } from '../../graph/edge-end.ts';
import { allKeys, bodyOf, withBody } from '../scope.ts';
import type { Graph } from '../scope.ts';
import { replacePaths } from './expression-paths.ts';
import { rewriteGraph } from './expressions.ts';

/** Why a node can not be called so, in words; undefined when it can. */
export function whyNotRename(definition: Definition, from: string, to: string): string | undefined {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(to)) return 'A key is a small letter, then up to 63 of a to z, 0 to 9 and _.';
  return from !== to && allKeys(definition).has(to) ? `"${to}" is there already; keys are unique in the whole workflow.` : undefined;
}

/** The same definition where `whyNotRename` gives a reason. */
export function renameNode(definition: Definition, from: string, to: string): Definition {
  if (from === to || whyNotRename(definition, from, to) !== undefined) return definition;
  const keys = new Map([[from, to]]);
  const graph = renameKeys({ nodes: definition.nodes, edges: definition.edges, comments: [] }, keys);
  return { ...definition, nodes: [...graph.nodes], edges: [...graph.edges] };
}

/** Other keys for several nodes at once, bodies included. What is named and not in the map stays. */
export function renameKeys(graph: Graph, keys: ReadonlyMap<string, string>): Graph {
  if ([...keys].every(([from, to]) => from === to)) return graph;
  return renameEnds(
    rewriteGraph(graph, (expression) =>
      replacePaths(expression, ([root, key]) => {
        const to = root === 'steps' && key !== undefined ? keys.get(key) : undefined;
        return to === undefined || to === key ? undefined : { text: `steps.${to}`, of: 2 };
      }),
    ),
    keys,
  );
}

function renameEnds(graph: Graph, keys: ReadonlyMap<string, string>): Graph {
  const end = (text: string): string => {
    const { key, port } = endOf(text);
    const to = keys.get(key) ?? key;
    return port === undefined ? to : `${to}.${port}`;
  };
  const nodes = graph.nodes.map((node): GraphNode => {
    const body = bodyOf(node);
    const renamed = keys.has(node.key) ? { ...node, key: keys.get(node.key) ?? node.key } : node;
    return body === undefined || body.nodes.length === 0 ? renamed : withBody(renamed, renameEnds(body, keys));
  });
  return { ...graph, nodes, edges: graph.edges.map((edge) => ({ ...edge, from: end(edge.from), to: end(edge.to) })) };
}
