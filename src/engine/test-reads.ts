/** Which steps a node names, for what may be unfinished: a text search, where the compiler would refuse what can't be compiled. Pure. */
import type { Json } from '../contract/endpoint.ts';
import type { GraphNode } from '../contract/graph.ts';
import type { NodeTypes } from '../nodes/kit.ts';

/** `steps.fetch`, `steps["fetch"]`, steps.`fetch`; in expressions and in code. */
const NAMED = /\bsteps\s*(?:\?\.|\.)?\s*\[?\s*["'`]?\s*([a-z][a-z0-9_]{0,63})/g;

/** @param more other texts that count as the node's  @returns keys, those of steps that are not there included */
export function namedIn(node: GraphNode, more: readonly string[], types: NodeTypes): ReadonlySet<string> {
  const named = new Set<string>();
  const look = (value: Json | undefined): void => {
    if (typeof value === 'string') for (const [, key] of value.matchAll(NAMED)) named.add(key ?? '');
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look);
  };
  look(node.params);
  look([...more, node.condition ?? '', node.cache?.key ?? '', node.idempotencyKey ?? '']);
  // In a body, a step of the same body hides the one outside.
  for (const key of keysWithin(node, types)) named.delete(key);
  return named;
}

function keysWithin(node: GraphNode, types: NodeTypes): readonly string[] {
  return (types.get(node.type)?.bodyParams ?? []).flatMap((name) => {
    const body = node.params?.[name] as { readonly nodes?: unknown } | undefined;
    return Array.isArray(body?.nodes) ? (body.nodes as GraphNode[]).flatMap((inner) => [inner.key, ...keysWithin(inner, types)]) : [];
  });
}
