/** Copying, pasting and duplicating as JSON text: between tabs, into a chat and back. Pure; what is pasted is judged before anything is made of it. */
import type { GraphComment, GraphNode } from '../../../src/contract/graph.ts';
import { formatJson } from '../../form/json-format.ts';
import { endOf } from '../../graph/edge-end.ts';
import type { Point } from '../../graph/layout.ts';
import type { Selection } from '../document.ts';
import { shapeFault } from '../read-definition.ts';
import { allKeys } from '../scope.ts';
import type { Graph } from '../scope.ts';
import { freshKeys, newCommentId } from './keys.ts';
import { renameKeys } from './rename.ts';

/** Of this text; a Studio that knows only lower ones refuses it in words. */
const FORMAT = 1;
// What a person copies by hand; a whole workflow is imported.
const MAX_CHARS = 4 * 1024 * 1024;

/** What is selected, with the edges between, as text; undefined when nothing that can be copied is. */
export function copyText(graph: Graph, selection: Pick<Selection, 'nodes' | 'comments'>): string | undefined {
  const part = partOf(graph, selection);
  if (part.nodes.length === 0 && part.comments.length === 0) return undefined;
  return formatJson({ studio: 'nodes', format: FORMAT, nodes: part.nodes, edges: part.edges, comments: part.comments });
}

function partOf(graph: Graph, { nodes, comments }: Pick<Selection, 'nodes' | 'comments'>): Graph {
  return {
    nodes: graph.nodes.filter((node) => nodes.has(node.key)),
    edges: graph.edges.filter((edge) => nodes.has(endOf(edge.from).key) && nodes.has(endOf(edge.to).key)),
    comments: graph.comments.filter((comment) => comments.has(comment.id)),
  };
}

export interface PasteOptions {
  /** Keys of the whole workflow. */
  readonly taken: ReadonlySet<string>;
  /** Where the upper left corner goes; without it a little beside where it was. */
  readonly at?: Point;
}

export type Pasted = { readonly graph: Graph } | { readonly fault: string };

/** Adds what a text holds: copied nodes, or a whole definition. Keys that are taken become new ones, in its expressions too. */
export function paste(graph: Graph, text: string, options: PasteOptions): Pasted {
  const read = readNodes(text);
  return 'fault' in read ? read : { graph: addPart(graph, read.graph, options) };
}

/** A second one of what is selected, a little beside it. */
export function duplicate(graph: Graph, selection: Pick<Selection, 'nodes' | 'comments'>, taken: ReadonlySet<string>): Graph {
  return addPart(graph, partOf(graph, selection), { taken });
}

const BESIDE = 32;

function addPart(graph: Graph, part: Graph, { taken, at }: PasteOptions): Graph {
  if (part.nodes.length === 0 && part.comments.length === 0) return graph;
  const renamed = renameKeys(part, freshKeys([...allKeys({ nodes: [...part.nodes] })], taken));
  const corner = cornerOf(renamed);
  const by = at === undefined ? { x: BESIDE, y: BESIDE } : { x: at.x - corner.x, y: at.y - corner.y };
  const move = <Item extends { readonly position?: Point | undefined }>(item: Item): Item =>
    item.position === undefined ? item : { ...item, position: { x: Math.round(item.position.x + by.x), y: Math.round(item.position.y + by.y) } };
  const ids = new Set(graph.comments.map(({ id }) => id));
  const comments = renamed.comments.map((comment): GraphComment => {
    const id = ids.has(comment.id) ? newCommentId(ids) : comment.id;
    ids.add(id);
    return move({ ...comment, id });
  });
  return {
    nodes: [...graph.nodes, ...renamed.nodes.map((node): GraphNode => move(node))],
    edges: [...graph.edges, ...renamed.edges],
    comments: [...graph.comments, ...comments],
  };
}

function cornerOf({ nodes, comments }: Graph): Point {
  const places = [...nodes, ...comments].flatMap(({ position }) => (position === undefined ? [] : [position]));
  if (places.length === 0) return { x: 0, y: 0 };
  return { x: Math.min(...places.map(({ x }) => x)), y: Math.min(...places.map(({ y }) => y)) };
}

/** The nodes that a text holds, or why it holds none, in words. */
export function readNodes(text: string): { readonly graph: Graph } | { readonly fault: string } {
  if (text.trim() === '') return { fault: 'There is nothing to paste.' };
  if (text.length > MAX_CHARS) return { fault: `The text has ${text.length} characters, the limit is ${MAX_CHARS}; import it as a workflow instead.` };
  let value: unknown;
  try {
    value = JSON.parse(unfenced(text));
  } catch {
    return { fault: 'The clipboard holds no steps: it is no JSON. Copy steps with Ctrl C here, or the JSON of a workflow.' };
  }
  return graphFrom(value);
}

function graphFrom(value: unknown): { readonly graph: Graph } | { readonly fault: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { fault: 'The clipboard holds JSON, but no steps: an object with "nodes" is needed.' };
  const { studio, format, definition } = value as { readonly studio?: unknown; readonly format?: unknown; readonly definition?: unknown };
  if (studio === 'nodes' && typeof format === 'number' && format > FORMAT)
    return { fault: `These steps were copied from a newer Studio (format ${format}, this one reads ${FORMAT}); update this one to paste them.` };
  if (typeof studio === 'number' && studio > 1)
    return { fault: `This workflow was exported by a newer Studio (format ${studio}, this one reads 1); update this one to paste it.` };
  // A document that was exported, or a definition as it is.
  const holder = (typeof definition === 'object' && definition !== null ? definition : value) as Partial<Graph>;
  if (!Array.isArray(holder.nodes)) return { fault: 'The clipboard holds JSON, but no steps: an object with "nodes" is needed.' };
  const graph: Graph = { nodes: holder.nodes, edges: holder.edges ?? [], comments: holder.comments ?? [] };
  const fault = shapeFault(graph) ?? keyFault(graph);
  return fault === undefined ? { graph } : { fault: `The clipboard holds steps that can not be read: ${fault}.` };
}

function keyFault(graph: Graph): string | undefined {
  const bad = [...allKeys({ nodes: [...graph.nodes] })].find((key) => !/^[a-z][a-z0-9_]{0,63}$/.test(key));
  if (bad !== undefined) return `"${bad.slice(0, 80)}" is no key (a to z, then up to 63 of a to z, 0 to 9 and _)`;
  const keys = new Set(graph.nodes.map((node) => node.key));
  const loose = graph.edges.find((edge) => !keys.has(endOf(edge.from).key) || !keys.has(endOf(edge.to).key));
  return loose === undefined ? undefined : `the edge ${loose.from} → ${loose.to} names a step that is not among them`;
}

/** Chats put code between fences. */
function unfenced(text: string): string {
  return /^\s*```[a-z]*\n([\s\S]*?)\n?```\s*$/.exec(text)?.[1] ?? text;
}
