/** A flowchart of an earlier studio as a workflow here: the same nodes and ways, each node a placeholder that does nothing, with all it was set to in its notes.
 *  Pure. What it did there (agents, prompts, plans) has no node here that does the same. */
import type { Definition, GraphNode } from '../contract/graph.ts';
import type { SqliteRow, SqliteValue } from './sqlite-source.ts';

export interface Flowchart {
  readonly name: string;
  readonly description: string;
  readonly definition: Definition;
  /** Ways that could not be kept, each a sentence. */
  readonly notes: readonly string[];
}

const MAX_NODES = 2_000;
const MAX_NOTE = 4_000;
const MAX_NAME = 200;

/** @returns undefined for one without nodes, or with more than a workflow may have */
export function flowchartOf(chart: SqliteRow, nodes: readonly SqliteRow[], edges: readonly SqliteRow[]): Flowchart | undefined {
  if (nodes.length === 0 || nodes.length > MAX_NODES) return undefined;
  const keys = new Map(nodes.map((node, index) => [text(node['id']), `n${index + 1}_${slug(titleOf(node))}`.replace(/_$/, '')]));
  const notes: string[] = [];
  const kept: { from: string; to: string }[] = [];
  for (const edge of edges) {
    const from = keys.get(text(edge['source_node_id'] ?? edge['source_id']));
    const to = keys.get(text(edge['target_node_id'] ?? edge['target_id']));
    if (from === undefined || to === undefined) continue;
    const mode = text(edge['edge_mode'] ?? edge['mode'] ?? 'solid');
    if (mode !== 'solid' && mode !== '') notes.push(`${from} to ${to} carried ${mode === 'dotted' ? 'context' : 'attachments'} only and is no way here.`);
    else if (from === to || reaches(kept, to, from)) notes.push(`${from} to ${to} went back: make it a loop.`);
    else if (!kept.some((one) => one.from === from && one.to === to)) kept.push({ from, to });
  }
  return {
    name: cut(text(chart['name']) || `Flowchart ${text(chart['id'])}`, MAX_NAME),
    description: cut(text(chart['description']), 2_000),
    definition: { nodes: nodes.map((node) => nodeOf(node, keys.get(text(node['id'])) ?? 'n')), edges: kept },
    notes,
  };
}

function nodeOf(node: SqliteRow, key: string): GraphNode {
  const { x, y } = { x: Number(node['x'] ?? 0), y: Number(node['y'] ?? 0) };
  const settings = Object.entries(node).flatMap(([name, value]) =>
    value === null || ['id', 'flowchart_id', 'x', 'y'].includes(name) ? [] : [`${name}: ${text(value)}`],
  );
  return {
    key,
    type: 'noop',
    name: cut(titleOf(node), MAX_NAME),
    notes: cut(settings.join('\n'), MAX_NOTE),
    ...(Number.isFinite(x) && Number.isFinite(y) ? { position: { x, y } } : {}),
  };
}

function titleOf(node: SqliteRow): string {
  return text(node['title'] ?? node['name'] ?? node['node_type'] ?? node['type']) || 'node';
}

function reaches(edges: readonly { from: string; to: string }[], from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const at of seen) for (const edge of edges) if (edge.from === at) seen.add(edge.to);
  return seen.has(to);
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 40);
}

/** Text that PostgreSQL takes: no NUL, no half of a pair. */
export function text(value: SqliteValue | undefined): string {
  if (value === undefined || value === null) return '';
  const plain = value instanceof Uint8Array ? `(${value.byteLength} bytes)` : String(value);
  return plain.replaceAll('\u0000', '').toWellFormed();
}

function cut(value: string, length: number): string {
  return value.length <= length ? value : value.slice(0, length - 1).toWellFormed();
}
