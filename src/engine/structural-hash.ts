/** A fingerprint of what a definition does: equal when only names, notes, positions, triggers, notifications or the order of writing differ. Pure. */
import { createHash } from 'node:crypto';
import type { Json } from '../contract/endpoint.ts';
import { graphBody, type Definition, type GraphNode } from '../contract/graph.ts';

/** @returns 64 hex digits of SHA-256 */
export function structuralHash(definition: Definition): string {
  const [nodes, edges] = graphParts(definition);
  const { notify: _notify, ...settings } = definition.settings ?? {};
  const rest = canonical({ inputSchema: definition.inputSchema ?? null, settings } as Json);
  return createHash('sha256')
    .update(JSON.stringify([nodes, edges, rest]))
    .digest('hex');
}

function graphParts(graph: Pick<Definition, 'nodes' | 'edges'>): readonly [nodes: readonly string[], edges: readonly string[]] {
  const nodes = graph.nodes.map(({ name: _name, notes: _notes, position: _position, ...node }) => canonical({ ...node, params: paramsOf(node) } as Json));
  const edges = graph.edges.map((edge) => canonical({ ...edge, mode: edge.mode?.toSorted() } as Json));
  return [nodes.toSorted(), edges.toSorted()];
}

/** A graph inside is looked at as a graph, too. */
function paramsOf({ params }: Pick<GraphNode, 'params'>): Json | undefined {
  const body = graphBody.safeParse(params?.['body']);
  return body.success ? { ...params, body: graphParts(body.data) as unknown as Json } : params;
}

/** JSON with sorted keys, so that equal values give equal text. */
export function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, child]) => `${JSON.stringify(key)}:${canonical(child)}`)
    .join(',')}}`;
}
