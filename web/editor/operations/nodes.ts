/** Nodes: adding, changing, removing. Pure; what a node is called elsewhere (rename.ts) and where it stands (arrange.ts) is not here. */
import type { GraphNode } from '../../../src/contract/graph.ts';
import type { Json } from '../../../src/contract/endpoint.ts';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import { schemasAt } from '../../form/schema.ts';
import { endOf } from '../../graph/edge-end.ts';
import { NODE_HEIGHT, NODE_WIDTH } from '../../graph/layout.ts';
import type { Selection } from '../document.ts';
import { edgeIdOf, hasBody } from '../scope.ts';
import type { EdgeId, Graph } from '../scope.ts';
import { connect, firstOut, insertOnEdge } from './edges.ts';
import type { NodeTypes } from './edges.ts';
import { newKey } from './keys.ts';

export interface NewNode {
  readonly type: NodeTypeView;
  /** Keys of the whole workflow. */
  readonly taken: ReadonlySet<string>;
  /** Without one: to the right of `after`, or on the edge. */
  readonly position?: { readonly x: number; readonly y: number };
  /** Leads to it: `key` or `key.port`. */
  readonly after?: string;
  /** Put on this edge; what follows makes room. */
  readonly onEdge?: EdgeId;
}

export const GAP_X = 72;
export const GAP_Y = 28;

/** Adds a node of a type with the defaults of its schema. Its key is `newKey(taken, type.type)`. */
export function addNode(graph: Graph, added: NewNode, types: NodeTypes): Graph {
  const key = newKey(added.taken, added.type.type);
  const node: GraphNode = { key, type: added.type.type, params: defaultParams(added.type), position: added.position ?? placeFor(graph, added) };
  const withNode: Graph = { ...graph, nodes: [...graph.nodes, node] };
  if (added.onEdge !== undefined) return makeRoom(insertOnEdge(withNode, added.onEdge, key, types), key);
  if (added.after === undefined) return withNode;
  const { key: source, port } = endOf(added.after);
  return connect(withNode, { from: port === undefined ? firstOut(withNode, source, types) : added.after, to: key }, types);
}

/** What a type's schema gives by itself: params that must be there and have a default, a constant or a first choice. */
export function defaultParams(type: NodeTypeView): Record<string, Json> {
  const required = Array.isArray(type.params['required']) ? (type.params['required'] as readonly string[]) : [];
  const given = required.flatMap((name): [string, Json][] => {
    const schemas = schemasAt(type.params, [name]);
    const value =
      schemas.find((schema) => 'default' in schema)?.['default'] ??
      schemas.find((schema) => 'const' in schema)?.['const'] ??
      (schemas.find((schema) => Array.isArray(schema['enum']))?.['enum'] as readonly unknown[] | undefined)?.[0];
    return value === undefined ? [] : [[name, value as Json]];
  });
  return { ...Object.fromEntries(given), ...(hasBody(type.type) ? { body: { nodes: [], edges: [] } } : {}) };
}

function placeFor(graph: Graph, { after, onEdge }: NewNode): { x: number; y: number } {
  const positionOf = (key: string): { readonly x: number; readonly y: number } | undefined => graph.nodes.find((node) => node.key === key)?.position;
  const edge = graph.edges.find((each) => edgeIdOf(each) === onEdge);
  const source = positionOf(edge === undefined ? endOf(after ?? '').key : endOf(edge.from).key);
  if (source === undefined) return freePlace(graph, { x: 0, y: 0 });
  const right = { x: source.x + NODE_WIDTH + GAP_X, y: edge === undefined ? source.y : (positionOf(endOf(edge.to).key)?.y ?? source.y) };
  return edge === undefined ? freePlace(graph, right) : right;
}

/** The place, or the next below it where no node stands. */
export function freePlace(graph: Graph, wanted: { readonly x: number; readonly y: number }): { x: number; y: number } {
  const near = graph.nodes.flatMap(({ position }) => (position !== undefined && Math.abs(position.x - wanted.x) < NODE_WIDTH ? [position.y] : []));
  let { y } = wanted;
  for (const other of near.toSorted((a, b) => a - b)) if (Math.abs(other - y) < NODE_HEIGHT + GAP_Y / 2) y = other + NODE_HEIGHT + GAP_Y;
  return { x: wanted.x, y };
}

/** Moves what follows a node to the right until it has room. */
function makeRoom(graph: Graph, key: string): Graph {
  const own = graph.nodes.find((node) => node.key === key)?.position;
  if (own === undefined) return graph;
  const followers = followersOf(graph, key);
  const direct = graph.edges.filter((edge) => endOf(edge.from).key === key).map((edge) => endOf(edge.to).key);
  const nearest = Math.min(...graph.nodes.flatMap((node) => (direct.includes(node.key) && node.position !== undefined ? [node.position.x] : [])));
  const missing = own.x + NODE_WIDTH + GAP_X - nearest;
  if (!Number.isFinite(missing) || missing <= 0) return graph;
  const move = (node: GraphNode): GraphNode =>
    followers.has(node.key) && node.position !== undefined ? { ...node, position: { ...node.position, x: node.position.x + missing } } : node;
  return { ...graph, nodes: graph.nodes.map(move) };
}

/** Every node that a node leads to, itself apart. */
function followersOf(graph: Graph, key: string): ReadonlySet<string> {
  const followers = new Set<string>();
  for (let edge: readonly string[] = [key]; edge.length > 0;) {
    const next = graph.edges.filter((each) => edge.includes(endOf(each.from).key)).map((each) => endOf(each.to).key);
    edge = next.filter((to) => to !== key && !followers.has(to));
    for (const to of edge) followers.add(to);
  }
  return followers;
}

/** Changes fields of a node; undefined takes one away. The key is changed by `renameNode`. */
export function patchNode(graph: Graph, key: string, patch: { readonly [Name in Exclude<keyof GraphNode, 'key'>]?: GraphNode[Name] | undefined }): Graph {
  return patchNodes(graph, new Set([key]), patch);
}

/** The same change to several nodes: disabled, queue, priority. */
export function patchNodes(
  graph: Graph,
  keys: ReadonlySet<string>,
  patch: { readonly [Name in Exclude<keyof GraphNode, 'key'>]?: GraphNode[Name] | undefined },
): Graph {
  const names = Object.keys(patch) as (keyof typeof patch)[];
  let changed = false;
  const nodes = graph.nodes.map((node) => {
    if (!keys.has(node.key) || names.every((name) => Object.is(node[name], patch[name]))) return node;
    changed = true;
    return Object.fromEntries(Object.entries({ ...node, ...patch }).filter(([, value]) => value !== undefined)) as GraphNode;
  });
  return changed ? { ...graph, nodes } : graph;
}

/** Removes what is selected, and the edges of removed nodes. `heal`: a removed node with one way in and one way out leaves an edge between them. */
export function removeItems(graph: Graph, selection: Partial<Selection>, options: { readonly heal?: boolean } = {}): Graph {
  const gone = selection.nodes ?? new Set<string>();
  const healed = options.heal === true ? [...gone].reduce(bridge, graph) : graph;
  const nodes = healed.nodes.filter((node) => !gone.has(node.key));
  const edges = healed.edges.filter(
    (edge) => !gone.has(endOf(edge.from).key) && !gone.has(endOf(edge.to).key) && !(selection.edges?.has(edgeIdOf(edge)) ?? false),
  );
  const comments = healed.comments.filter((comment) => !(selection.comments?.has(comment.id) ?? false));
  const same = nodes.length === graph.nodes.length && edges.length === graph.edges.length && comments.length === graph.comments.length;
  return same ? graph : { nodes, edges, comments };
}

function bridge(graph: Graph, key: string): Graph {
  const [into, ...moreIn] = graph.edges.filter((edge) => endOf(edge.to).key === key);
  const [out, ...moreOut] = graph.edges.filter((edge) => endOf(edge.from).key === key);
  if (into === undefined || out === undefined || moreIn.length + moreOut.length > 0) return graph;
  const edge = { ...into, to: out.to };
  const kept = graph.edges.filter((each) => each !== into && each !== out);
  return { ...graph, edges: kept.some((each) => edgeIdOf(each) === edgeIdOf(edge)) ? kept : [...kept, edge] };
}
