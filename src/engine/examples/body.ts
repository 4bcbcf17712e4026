/** A body as params hold it. */
import type { Json } from '../../contract/endpoint.ts';
import type { GraphEdge, GraphNode } from '../../contract/graph.ts';

/** @returns the same, as the JSON that it is */
export function bodyOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[] = []): Json {
  return { nodes, edges } as unknown as Json;
}
