/** Reads text as a definition that can be drawn, or says in words why it is none. Pure; drops nothing: what it can not draw is a fault.
 *  What a graph means (types, params, reach) is the server's to judge. */
import type { Definition } from '../../src/contract/graph.ts';
import { hasBody } from './scope.ts';

export type ReadDefinition = { readonly definition: Definition } | { readonly fault: string };

export function readDefinition(text: string): ReadDefinition {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { fault: `The text is no JSON yet: ${error instanceof Error ? error.message : String(error)}.` };
  }
  const fault = shapeFault(value);
  return fault === undefined ? { definition: value as Definition } : { fault: `The text is JSON, but can not be drawn: ${fault}.` };
}

/** Why a value can not be drawn as a workflow; undefined when it can. */
export function shapeFault(value: unknown): string | undefined {
  if (!isObject(value)) return 'a workflow is an object with "nodes" and "edges"';
  return graphFault(value, '', new Set());
}

function graphFault(graph: Readonly<Record<string, unknown>>, path: string, keys: Set<string>): string | undefined {
  const { nodes, edges, comments } = graph;
  if (!Array.isArray(nodes)) return `${path}nodes is not a list`;
  if (!Array.isArray(edges)) return `${path}edges is not a list`;
  if (comments !== undefined && !Array.isArray(comments)) return `${path}comments is not a list`;
  const faults = [
    ...nodes.map((node, index) => nodeFault(node, `${path}nodes[${index}]`, keys)),
    ...edges.map((edge, index) => (hasTexts(edge, 'from', 'to') ? undefined : `${path}edges[${index}] needs "from" and "to"`)),
    ...(comments ?? []).map((comment: unknown, index: number) =>
      hasTexts(comment, 'id', 'text') && isPlace(comment['position']) ? undefined : `${path}comments[${index}] needs "id", "text" and "position"`,
    ),
  ];
  return faults.find((fault) => fault !== undefined);
}

function nodeFault(node: unknown, path: string, keys: Set<string>): string | undefined {
  if (!hasTexts(node, 'key', 'type')) return `${path} needs "key" and "type"`;
  const key = String(node['key']);
  if (keys.has(key)) return `${path}: the key "${key}" is there twice`;
  keys.add(key);
  if (node['position'] !== undefined && !isPlace(node['position'])) return `${path}.position needs the numbers "x" and "y"`;
  const { params } = node;
  if (params === undefined) return undefined;
  if (!isObject(params)) return `${path}.params is not an object`;
  const body = params['body'];
  if (hasBody(String(node['type'])) && isObject(body)) return graphFault(body, `${path}.params.body.`, keys);
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasTexts(value: unknown, ...names: readonly string[]): value is Readonly<Record<string, unknown>> {
  return isObject(value) && names.every((name) => typeof value[name] === 'string');
}

function isPlace(value: unknown): boolean {
  return isObject(value) && Number.isFinite(value['x']) && Number.isFinite(value['y']);
}
