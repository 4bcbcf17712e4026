/** Short ways to write nodes of a graph in tests. Pure, and judges nothing: a test may write what is wrong. */
import type { Json } from '../contract/endpoint.ts';
import type { GraphEdge, GraphNode } from '../contract/graph.ts';

export function node(key: string, type: string, params: Record<string, Json> = {}, more: Partial<GraphNode> = {}): GraphNode {
  return { key, type, params, ...more };
}

/** What its output is made of. */
export function set(key: string, values: Record<string, Json> = { v: 1 }, more: Partial<GraphNode> = {}): GraphNode {
  return node(key, 'set', { values }, more);
}

/** The graph inside a map or loop. */
export function body(nodes: readonly GraphNode[], edges: readonly GraphEdge[] = []): Json {
  return { nodes, edges } as unknown as Json;
}
