/** Definitions on their way from one Studio to another: triggers come switched off, and calls of workflows are found again by name. Pure. */
import type { WorkflowDocument } from '../contract/definitions.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Definition } from '../contract/graph.ts';
import type { NodeTypes } from '../nodes/kit.ts';
import { levelsOf, MAX_BODY_DEPTH } from './levels.ts';

/** Ids of the workflows that a definition calls by name, not by an expression. */
export function calledIds(definition: Definition, types: NodeTypes): readonly string[] {
  const nodes = levelsOf(definition, types).levels.flatMap((level) => level.nodes);
  const ids = nodes.flatMap((node) => (node.type === CALL ? [node.params?.['workflowId']] : []));
  return [...new Set(ids.filter((id): id is string => typeof id === 'string' && !id.includes('{{')))];
}

const CALL = 'workflow.call';

/** The document of a definition. @param names of the workflows it calls, by id  @param credentials that it names */
export function documentOf(
  workflow: { readonly name: string; readonly description: string; readonly tags: readonly string[]; readonly definition: Definition },
  names: ReadonlyMap<string, string>,
  credentials: NonNullable<WorkflowDocument['credentials']>,
): WorkflowDocument {
  const calls = [...names].map(([workflowId, name]) => ({ workflowId, name }));
  return {
    studio: 1,
    kind: 'workflow',
    name: workflow.name,
    description: workflow.description,
    ...(workflow.tags.length === 0 ? {} : { tags: [...workflow.tags] }),
    definition: workflow.definition as unknown as Record<string, Json>,
    ...(calls.length === 0 ? {} : { calls }),
    ...(credentials.length === 0 ? {} : { credentials }),
  };
}

/** The same definition with every trigger off. What has not the shape of triggers is left as it is, for validation to tell. */
export function withTriggersOff(definition: Record<string, Json>): { readonly definition: Record<string, Json>; readonly turnedOff: readonly string[] } {
  const { triggers } = definition;
  if (!Array.isArray(triggers)) return { definition, turnedOff: [] };
  const turnedOff: string[] = [];
  const off = triggers.map((trigger): Json => {
    if (!isObject(trigger)) return trigger;
    if (trigger['enabled'] !== false && typeof trigger['key'] === 'string') turnedOff.push(trigger['key']);
    return { ...trigger, enabled: false };
  });
  return { definition: { ...definition, triggers: off }, turnedOff };
}

export interface Remapped {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** Puts `ids` in place of the ids that calls name. Bodies included; what has no shape is left. */
export function remapCalls(
  definition: Record<string, Json>,
  ids: ReadonlyMap<string, string>,
  types: NodeTypes,
): { readonly definition: Record<string, Json>; readonly remapped: readonly Remapped[] } {
  const remapped: Remapped[] = [];
  const walkGraph = (graph: Record<string, Json>, path: string, depth: number): Record<string, Json> =>
    Array.isArray(graph['nodes']) ? { ...graph, nodes: graph['nodes'].map((node, index) => walkNode(node, `${path}nodes[${index}]`, depth)) } : graph;
  const walkNode = (node: Json, path: string, depth: number): Json => {
    if (!isObject(node) || !isObject(node['params'] ?? null)) return node;
    const params = { ...(node['params'] as Record<string, Json>) };
    const id = params['workflowId'];
    const to = node['type'] === CALL && typeof id === 'string' ? ids.get(id) : undefined;
    if (to !== undefined) {
      remapped.push({ path: `${path}.params.workflowId`, from: String(id), to });
      params['workflowId'] = to;
    }
    for (const name of types.get(String(node['type']))?.bodyParams ?? []) {
      const body = params[name] ?? null;
      if (isObject(body) && depth < MAX_BODY_DEPTH) params[name] = walkGraph(body, `${path}.params.${name}.`, depth + 1);
    }
    return { ...node, params };
  };
  return { definition: walkGraph(definition, '', 0), remapped };
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
