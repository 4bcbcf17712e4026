/** Which credentials a definition names, and where. Pure. Only what is written out counts: an id that is computed is no reference, and opens nothing at run time. */
import type { Json } from '../contract/endpoint.ts';
import type { Definition, GraphNode } from '../contract/graph.ts';
import type { NodeType, NodeTypes } from '../nodes/kit.ts';
import { levelsOf, MAX_BODY_DEPTH, placeOf } from './levels.ts';

export interface CredentialRef {
  readonly id: string;
  readonly node: GraphNode;
  /** `nodes[0].params.auth.credential` */
  readonly path: string;
}

/** @returns also what is no id, for validation to tell */
export function credentialRefs(definition: Definition, types: NodeTypes): readonly CredentialRef[] {
  return levelsOf(definition, types).levels.flatMap((level) =>
    level.nodes.flatMap((node, index) =>
      idsOf(types.get(node.type), node.params).map(({ id, param }) => ({ id, node, path: `${placeOf(level, 'nodes', index)}.params.${param}` })),
    ),
  );
}

/** The credentials that params name, by their place. */
export function idsOf(
  type: Pick<NodeType, 'credentialParams'> | undefined,
  params: Readonly<Record<string, Json>> | undefined,
): readonly { readonly id: string; readonly param: string }[] {
  return (type?.credentialParams ?? []).flatMap((param) => {
    const id = param.split('.').reduce<Json | undefined>((at, name) => (isObject(at) ? at[name] : undefined), params);
    return typeof id === 'string' ? [{ id, param }] : [];
  });
}

export interface RemappedCredential {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** Puts other ids in place of those that are known by another name here. Bodies included; what has no shape is left. */
export function remapCredentials(
  definition: Record<string, Json>,
  ids: ReadonlyMap<string, string>,
  types: NodeTypes,
): { readonly definition: Record<string, Json>; readonly remapped: readonly RemappedCredential[] } {
  const remapped: RemappedCredential[] = [];
  const walkGraph = (graph: Record<string, Json>, path: string, depth: number): Record<string, Json> =>
    Array.isArray(graph['nodes']) ? { ...graph, nodes: graph['nodes'].map((node, index) => walkNode(node, `${path}nodes[${index}]`, depth)) } : graph;
  const walkNode = (node: Json, path: string, depth: number): Json => {
    if (!isObject(node) || !isObject(node['params'])) return node;
    const type = types.get(String(node['type']));
    let { params } = node as { params: Record<string, Json> };
    for (const { id, param } of idsOf(type, params)) {
      const to = ids.get(id);
      if (to === undefined) continue;
      remapped.push({ path: `${path}.params.${param}`, from: id, to });
      params = withValue(params, param.split('.'), to);
    }
    for (const name of type?.bodyParams ?? []) {
      const body = params[name];
      if (isObject(body) && depth < MAX_BODY_DEPTH) params = { ...params, [name]: walkGraph(body, `${path}.params.${name}.`, depth + 1) };
    }
    return { ...node, params };
  };
  return { definition: walkGraph(definition, '', 0), remapped };
}

function withValue(value: Record<string, Json>, [name = '', ...rest]: readonly string[], to: string): Record<string, Json> {
  const child = value[name];
  return { ...value, [name]: rest.length === 0 || !isObject(child) ? to : withValue(child, rest, to) };
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
