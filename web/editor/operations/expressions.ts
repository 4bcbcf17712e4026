/** Every expression of a definition: where texts hold `{{ … }}`, and which fields are expressions by themselves. Pure. */
import type { Json } from '../../../src/contract/endpoint.ts';
import type { GraphEdge, GraphNode } from '../../../src/contract/graph.ts';
import { bodyOf, withBody } from '../scope.ts';
import type { Graph } from '../scope.ts';

/** The expression that stands instead. */
export type Rewrite = (expression: string) => string;

/** Params that are expressions with or without braces, and params that are code of their own. */
const BARE: Readonly<Record<string, readonly string[]>> = { 'branch.if': ['condition'], 'branch.switch': ['cases[].when'], loop: ['while'] };
const RAW: Readonly<Record<string, readonly string[]>> = { 'code.js': ['source'], 'code.python': ['source'], poll: ['until'], 'llm.chat': ['tools'] };

/** The same graph with every expression rewritten, bodies included. */
export function rewriteGraph(graph: Graph, rewrite: Rewrite): Graph {
  const nodes = mapSame(graph.nodes, (node) => rewriteNode(node, rewrite));
  const edges = mapSame(graph.edges, (edge) => rewriteEdge(edge, rewrite));
  return nodes === graph.nodes && edges === graph.edges ? graph : { ...graph, nodes, edges };
}

export function rewriteNode(node: GraphNode, rewrite: Rewrite): GraphNode {
  const patch: Partial<GraphNode> = {};
  const body = bodyOf(node);
  const params = node.params === undefined ? undefined : rewriteParams(node, rewrite);
  if (params !== node.params && params !== undefined) patch.params = params;
  if (node.condition !== undefined) patch.condition = rewriteBare(node.condition, rewrite);
  if (node.idempotencyKey !== undefined) patch.idempotencyKey = rewriteBare(node.idempotencyKey, rewrite);
  if (node.cache?.key !== undefined) patch.cache = { ...node.cache, key: rewriteBare(node.cache.key, rewrite) };
  const changed = { ...node, ...patch };
  const inner = body === undefined ? undefined : rewriteGraph(body, rewrite);
  if (inner !== undefined && inner !== body) return withBody(changed, inner);
  return JSON.stringify(changed) === JSON.stringify(node) ? node : changed;
}

export function rewriteEdge(edge: GraphEdge, rewrite: Rewrite): GraphEdge {
  if (edge.when === undefined) return edge;
  const when = rewriteBare(edge.when, rewrite);
  return when === edge.when ? edge : { ...edge, when };
}

function rewriteParams(node: GraphNode, rewrite: Rewrite): Record<string, Json> {
  const raw = [...(RAW[node.type] ?? []), ...(bodyOf(node) === undefined ? [] : ['body'])];
  const bare = BARE[node.type] ?? [];
  const walk = (value: Json, path: string): Json => {
    if (typeof value === 'string') return bare.includes(path) ? rewriteBare(value, rewrite) : rewriteText(value, rewrite);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => walk(item, `${path}[]`));
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, `${path}.${name}`)]));
  };
  return Object.fromEntries(Object.entries(node.params ?? {}).map(([name, value]) => [name, raw.includes(name) ? value : walk(value, name)]));
}

/** An expression with or without braces. */
function rewriteBare(text: string, rewrite: Rewrite): string {
  return text.includes('{{') ? rewriteText(text, rewrite) : rewrite(text);
}

/** A text: what stands between braces. */
export function rewriteText(text: string, rewrite: Rewrite): string {
  return piecesOf(text)
    .map((piece) => (piece.kind === 'text' ? piece.text : `{{${rewrite(piece.text)}}}`))
    .join('');
}

export interface Piece {
  readonly kind: 'text' | 'expression';
  readonly text: string;
}

/** Text and expressions in turn, the blanks inside the braces kept. What is never closed is text. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (let open = text.indexOf('{{'); open >= 0; open = text.indexOf('{{', at)) {
    const close = closeOf(text, open + 2);
    if (close < 0) break;
    if (open > at) pieces.push({ kind: 'text', text: text.slice(at, open) });
    pieces.push({ kind: 'expression', text: text.slice(open + 2, close) });
    at = close + 2;
  }
  if (at < text.length) pieces.push({ kind: 'text', text: text.slice(at) });
  return pieces;
}

/** An object in the expression ends in `}` too: the braces inside are counted, strings left out. */
function closeOf(text: string, start: number): number {
  let depth = 0;
  for (const match of text.slice(start).matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}]/g)) {
    if (match[0] === '{') depth += 1;
    if (match[0] !== '}') continue;
    if (depth === 0) return text[start + match.index + 1] === '}' ? start + match.index : -1;
    depth -= 1;
  }
  return -1;
}

/** The same list when nothing in it changed. */
function mapSame<Item>(items: readonly Item[], map: (item: Item) => Item): readonly Item[] {
  const mapped = items.map(map);
  return mapped.every((item, index) => item === items[index]) ? items : mapped;
}
