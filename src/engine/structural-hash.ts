/** A fingerprint of what a definition does: equal when only names, notes, positions, triggers, notifications or the order of writing differ. Pure. */
import { createHash } from 'node:crypto';
import type { Json } from '../contract/endpoint.ts';
import type { Definition } from '../contract/graph.ts';

/** @returns 64 hex digits of SHA-256 */
export function structuralHash(definition: Definition): string {
  const nodes = definition.nodes.map(({ name: _name, notes: _notes, position: _position, ...node }) => canonical(node as Json)).toSorted();
  const edges = definition.edges.map((edge) => canonical({ ...edge, mode: edge.mode?.toSorted() } as Json)).toSorted();
  const { notify: _notify, ...settings } = definition.settings ?? {};
  const rest = canonical({ inputSchema: definition.inputSchema ?? null, settings } as Json);
  return createHash('sha256')
    .update(JSON.stringify([nodes, edges, rest]))
    .digest('hex');
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
