/** The graphs of a definition: its own and those in bodies, read and replaced by the keys that lead to them. Pure.
 *  One thing to know: a body is `params.body` of its node (map, loop); a scope is the keys from the top down to it, [] the workflow itself. */
import type { Json } from '../../src/contract/endpoint.ts';
import type { Definition, GraphComment, GraphEdge, GraphNode } from '../../src/contract/graph.ts';

/** What one canvas shows. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly comments: readonly GraphComment[];
}

/** `from>to`: there is one edge per pair of ends. */
export type EdgeId = `${string}>${string}`;

export function edgeIdOf(edge: Pick<GraphEdge, 'from' | 'to'>): EdgeId {
  return `${edge.from}>${edge.to}`;
}

/** Whether nodes of this type hold a graph. The `body` of any other type is data. */
export function hasBody(type: string): boolean {
  return type === 'map' || type === 'loop';
}

/** @returns undefined when the scope leads nowhere; a node whose body is not set yet has an empty one */
export function graphAt(definition: Definition, scope: readonly string[]): Graph | undefined {
  let graph: Graph | undefined = graphOf(definition);
  for (const key of scope) {
    const node: GraphNode | undefined = graph?.nodes.find((each) => each.key === key);
    graph = node === undefined ? undefined : bodyOf(node);
  }
  return graph;
}

/** The graph in a node; undefined for a node that holds none. */
export function bodyOf(node: GraphNode): Graph | undefined {
  if (!hasBody(node.type)) return undefined;
  const body = node.params?.['body'];
  return isGraph(body) ? graphOf(body as unknown as Partial<Graph>) : { nodes: [], edges: [], comments: [] };
}

/** The same node with another graph in it. */
export function withBody(node: GraphNode, graph: Graph): GraphNode {
  const known = isGraph(node.params?.['body']) ? (node.params['body'] as Record<string, Json>) : {};
  return { ...node, params: { ...node.params, body: withGraph(known, graph) as Json } };
}

/** The same definition with another graph at that place. @throws RangeError when the scope leads nowhere */
export function withGraphAt(definition: Definition, scope: readonly string[], graph: Graph): Definition {
  const [key, ...rest] = scope;
  if (key === undefined) return withGraph(definition, graph) as Definition;
  if (!definition.nodes.some((node) => node.key === key)) throw new RangeError(`there is no node "${key}" whose body could be changed`);
  const nodes = definition.nodes.map((node) => {
    if (node.key !== key) return node;
    const inner = withGraphAt(asDefinition(bodyOf(node)), rest, graph);
    return withBody(node, graphOf(inner));
  });
  return { ...definition, nodes };
}

/** As much of a scope as leads somewhere. */
export function validScope(definition: Definition, scope: readonly string[]): readonly string[] {
  for (let length = scope.length; length > 0; length -= 1) if (graphAt(definition, scope.slice(0, length)) !== undefined) return scope.slice(0, length);
  return [];
}

/** Every key in use, bodies included: keys are unique in the whole workflow. */
export function allKeys(graph: Pick<Definition, 'nodes'>): ReadonlySet<string> {
  const keys = new Set<string>();
  const walk = (nodes: readonly GraphNode[]): void => {
    for (const node of nodes) {
      keys.add(node.key);
      const body = bodyOf(node);
      if (body !== undefined) walk(body.nodes);
    }
  };
  walk(graph.nodes);
  return keys;
}

/** The way to the graph that holds a node; undefined when no graph does. */
export function scopeOfKey(graph: Pick<Definition, 'nodes'>, key: string): readonly string[] | undefined {
  for (const node of graph.nodes) {
    if (node.key === key) return [];
    const body = bodyOf(node);
    const inner = body === undefined ? undefined : scopeOfKey({ nodes: [...body.nodes] }, key);
    if (inner !== undefined) return [node.key, ...inner];
  }
  return undefined;
}

function graphOf(value: {
  readonly nodes?: readonly GraphNode[];
  readonly edges?: readonly GraphEdge[];
  readonly comments?: readonly GraphComment[] | undefined;
}): Graph {
  return { nodes: value.nodes ?? [], edges: value.edges ?? [], comments: value.comments ?? [] };
}

/** No comments is no field. */
function withGraph(value: object, { nodes, edges, comments }: Graph): object {
  const { comments: _comments, ...rest } = value as { readonly comments?: unknown };
  return { ...rest, nodes, edges, ...(comments.length === 0 ? {} : { comments }) };
}

function asDefinition(graph: Graph | undefined): Definition {
  if (graph === undefined) throw new RangeError('a node without a body has no graph inside');
  return { nodes: [...graph.nodes], edges: [...graph.edges], comments: [...graph.comments] };
}

function isGraph(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Array.isArray(value['nodes']);
}
