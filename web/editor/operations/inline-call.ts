/** The steps of a called workflow in place of the call. Pure: the called definition comes from the page. */
import type { Json } from '../../../src/contract/endpoint.ts';
import type { Definition, GraphEdge, GraphNode } from '../../../src/contract/graph.ts';
import { endOf } from '../../graph/edge-end.ts';
import { allKeys, edgeIdOf } from '../scope.ts';
import type { Graph } from '../scope.ts';
import { boxAround, boxOf } from './arrange.ts';
import { replacePaths } from './expression-paths.ts';
import { piecesOf, rewriteGraph } from './expressions.ts';
import { freshKeys } from './keys.ts';
import { renameKeys } from './rename.ts';

/** Why the call can not be opened, in words; undefined when it can. */
export function whyNotInline(graph: Graph, key: string, called: Pick<Definition, 'nodes'>): string | undefined {
  const node = graph.nodes.find((each) => each.key === key);
  if (node?.type !== 'workflow.call') return `"${key}" calls no workflow.`;
  if (node.params?.['wait'] === false) return `"${key}" does not wait for what it calls; its steps in its place would be waited for.`;
  if (called.nodes.some((each) => each.type === 'stop')) return 'The called workflow has a stop step, which would end this workflow too.';
  if (graph.edges.some((edge) => edge.from === `${key}.error`))
    return `"${key}" has a way for its failure as a whole; a single step in its place can not take it. Remove that edge first.`;
  return undefined;
}

/** The same graph where `whyNotInline` gives a reason. @param taken keys of the whole workflow */
export function inlineCall(graph: Graph, key: string, called: Definition, taken: ReadonlySet<string>): Graph {
  const node = graph.nodes.find((each) => each.key === key);
  if (node === undefined || whyNotInline(graph, key, called) !== undefined) return graph;
  const free = new Set([...taken].filter((each) => each !== key));
  const part: Graph = { nodes: called.nodes, edges: called.edges, comments: [] };
  const renamed = renameKeys(part, freshKeys([...allKeys(called)], free));
  const inner = rewriteGraph(renamed, (expression) => replacePaths(expression, (names) => inputAt(node.params?.['input'] ?? {}, names)));
  const sources = new Set(inner.edges.map((edge) => endOf(edge.from).key));
  const targets = new Set(inner.edges.map((edge) => endOf(edge.to).key));
  const leaves = inner.nodes.filter((each) => !sources.has(each.key)).map((each) => each.key);
  const roots = inner.nodes.filter((each) => !targets.has(each.key)).map((each) => each.key);
  const edges = graph.edges.flatMap((edge): GraphEdge[] => {
    if (endOf(edge.to).key === key) return roots.map((root) => ({ ...edge, to: root }));
    return endOf(edge.from).key === key ? leaves.map((leaf) => ({ ...edge, from: leaf })) : [edge];
  });
  const outer = rewriteGraph({ ...graph, nodes: graph.nodes.filter((each) => each !== node), edges }, (expression) =>
    replacePaths(expression, (names) => outputAt(key, leaves, renamedFrom(part, renamed), names)),
  );
  const all = [...outer.edges, ...inner.edges];
  return { ...outer, nodes: [...outer.nodes, ...placedAt(inner.nodes, node, roots)], edges: [...new Map(all.map((edge) => [edgeIdOf(edge), edge])).values()] };
}

/** How a child's step was called in the child, by its new key. */
function renamedFrom(before: Graph, after: Graph): ReadonlyMap<string, string> {
  return new Map(after.nodes.map((node, index) => [before.nodes[index]?.key ?? node.key, node.key]));
}

type Change = { readonly text: string; readonly of: number } | undefined;

/** `input.x` becomes what the call gave as x. */
function inputAt(given: Json, names: readonly string[]): Change {
  const [root, member] = names;
  if (root !== 'input') return undefined;
  if (member !== undefined && isObject(given)) return { text: Object.hasOwn(given, member) ? expressionOf(given[member] ?? null) : 'null', of: 2 };
  return { text: expressionOf(given), of: 1 };
}

/** `steps.call.output` becomes the output of the only last step, or of each by its name. */
function outputAt(key: string, leaves: readonly string[], fresh: ReadonlyMap<string, string>, names: readonly string[]): Change {
  const [root, step, part, member] = names;
  if (root !== 'steps' || step !== key || part !== 'output') return undefined;
  const [leaf] = leaves;
  if (leaf !== undefined && leaves.length === 1) return { text: `steps.${leaf}.output`, of: 3 };
  const named = member === undefined ? undefined : fresh.get(member);
  if (named !== undefined && leaves.includes(named)) return { text: `steps.${named}.output`, of: 4 };
  const olds = [...fresh].filter(([, now]) => leaves.includes(now));
  return { text: `{${olds.map(([old, now]) => `${JSON.stringify(old)}: steps.${now}.output`).join(', ')}}`, of: 3 };
}

/** A param as one expression that gives the same value. */
function expressionOf(value: Json): string {
  if (typeof value === 'string') return textExpression(value);
  if (Array.isArray(value)) return `[${value.map(expressionOf).join(', ')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, item]) => `${JSON.stringify(name)}: ${expressionOf(item)}`)
    .join(', ')}}`;
}

/** As params are read: one expression keeps its type, blanks around it or not; in a longer text it reads as text. */
function textExpression(text: string): string {
  const pieces = piecesOf(text);
  const expressions = pieces.filter((piece) => piece.kind === 'expression');
  const [only] = expressions;
  if (only === undefined) return JSON.stringify(text);
  const isAlone = expressions.length === 1 && pieces.every((piece) => piece.kind === 'expression' || piece.text.trim() === '');
  if (isAlone) return bracketed(only.text.trim());
  return `(${pieces.map((piece) => (piece.kind === 'text' ? JSON.stringify(piece.text) : bracketed(piece.text.trim()))).join(' & ')})`;
}

/** A plain path needs no brackets before what follows it. */
function bracketed(expression: string): string {
  return /^[A-Za-z_][\w.]*$/.test(expression) ? expression : `(${expression})`;
}

function placedAt(nodes: readonly GraphNode[], call: GraphNode, roots: readonly string[]): readonly GraphNode[] {
  const box = boxAround(nodes.map((node) => boxOf(node, new Map())));
  const by = { x: (call.position?.x ?? 0) - (box?.x ?? 0), y: (call.position?.y ?? 0) - (box?.y ?? 0) };
  return nodes.map((node) => ({
    ...node,
    ...(node.position === undefined ? {} : { position: { x: node.position.x + by.x, y: node.position.y + by.y } }),
    ...(call.runIf !== undefined && roots.length === 1 && node.key === roots[0] ? { runIf: call.runIf } : {}),
  }));
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
